#pragma once
// A slice of the sweep: cells and what was measured on them, ready to be drawn and put into words.

#include <optional>
#include <string>
#include <vector>

#include "cells.hpp"
#include "laboratory.hpp"
#include "results.hpp"

namespace plots::sweep {

struct Measured {
  Cell cell;
  std::vector<const std::vector<Snapshot>*> seeds;

  /// log₁₀ RMS of ∂L/∂x₀ over that of ∂L/∂x_L, before training, for each seed. -inf: the gradient is 0.
  std::vector<double> ratios() const;
  double ratio() const { return mean(ratios()); }
  /// Over the layers, relative to the top (gradients) or to the input (values), before training.
  Curve gradients() const;
  Curve values() const;
};

using Slice = std::vector<Measured>;

/// The settings that differ within the slice.
std::vector<std::string> varying(const Slice& slice);
/// The values of these settings, as words: "tanh, residual, depth 64".
std::string words(const Cell& cell, const std::vector<std::string>& settings);
std::string value(const Cell& cell, const std::string& setting);
/// Different values of a setting, in the order of the cells.
std::vector<std::string> values(const Slice& slice, const std::string& setting);
/// `names` without one.
std::vector<std::string> without(std::vector<std::string> names, const std::string& name);

/// log₁₀ of the gradient at the states 0…L relative to the top, where there is a theory: an exact identity
/// (ReZero), a closed form (linear and ReLU layers), or the mean-field recursion of mean_field.hpp.
std::optional<std::vector<double>> theory(const Cell& cell);
/// How far theory for infinite width may be from the mean over the seeds, in decades over all layers.
double theory_tolerance(const Cell& cell, std::size_t seeds);

/// One curve for each cell over the layers; one for each combination over depths; a map.
enum class Form { curves, depths, map, training };
/// What suits the slice: maps of training when there is any, else curves over depth when there are several
/// depths, else curves over the layers; a map when there would be more than six curves.
Form suitable(const Slice& slice);
/// `across`: the setting along the map's horizontal axis; empty: depth, or the one with most values.
Figure figure(const Slice& slice, Form form, std::string across);

/// What the slice says, in whole sentences: for each wiring (or whatever was varied) how much of the gradient
/// arrives, which comes nearest to 1, and by how many decades.
std::vector<std::string> answers(const Slice& slice);

}  // namespace plots::sweep
