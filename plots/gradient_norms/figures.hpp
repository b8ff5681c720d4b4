#pragma once
#include "stack_figures.hpp"

namespace plots {

/// What --depth, --wiring, … select: one curve for each combination.
struct Selection {
  std::vector<std::size_t> depths;
  std::vector<std::string> wirings, norms, activations, inits;
  bool made() const;            ///< whether anything was selected
  Selection completed() const;  ///< with the usual choice where nothing was
};

void plain_against_residual(StackSettings& settings);
void norm_placement(StackSettings& settings);
void selected(StackSettings& settings, const Selection& selection);

}  // namespace plots
