#pragma once
// The parts of this experiment: each judges its numbers and gives its panels.

#include "laboratory.hpp"
#include "xgrad/nn/switched_block.hpp"

namespace plots {

struct Settings {
  std::size_t batch = 512, blocks = 8;
  std::vector<std::size_t> widths = {16, 64, 256};
};

struct Variant {
  xgrad::Switches switches;
  std::string name;
  std::size_t look;
};
extern const std::vector<Variant> variants;  ///< plain, residual, LN, both

/// `blocks` times relu(W x + b), with or without an LN in front and a residual add behind.
xgrad::Sequential<double> make_blocks(const Variant& variant, std::size_t blocks, std::size_t width,
                                      xgrad::Rng& rng);

// cost.cpp
/// E7: arithmetic, memory, parameters and time.
void cost_panels(Laboratory& lab, const Settings& s, std::vector<Panel>& panels);
// parallel.cpp
/// E9: the longest chain of ops that wait for one another.
Panel path_panel(Laboratory& lab, const Settings& s);
/// E9: heads do not see each other, and with LN the samples of a batch do not either.
void judge_independence(Laboratory& lab);

}  // namespace plots
