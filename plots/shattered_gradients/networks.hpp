#pragma once
// The networks of the experiment, and their gradients at several inputs.

#include <string>

#include "xgrad/nn/layers.hpp"

namespace plots {

struct Settings {
  std::size_t width = 200, batch = 128, depth = 50, grid = 256;
  double beta = 1;
  bool through_statistics = false;  ///< gradients pass through the mean and variance of BN
};

struct NetworkKind {
  std::string name;
  bool residual, norm;
  std::size_t look;
};

/// ⟨gᵢ, gⱼ⟩/‖g‖² over pairs of random inputs: gᵢ the gradient of v·f(x) at the input i, v random.
double correlation(const NetworkKind& kind, std::size_t depth, const Settings& settings, std::uint64_t seed);

/// df/dx (grid, 1) of a scalar function at points of [-2, 2] in order: a layer 1 → width, then `depth`
/// layers.
xgrad::Array<double> gradient_on_grid(const NetworkKind& kind, std::size_t depth, const Settings& settings,
                                      std::uint64_t seed);

/// White noise, or its running sum, (length, 1).
xgrad::Array<double> noise(bool brown, std::size_t length, std::uint64_t seed);

}  // namespace plots
