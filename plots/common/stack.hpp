#pragma once
// Deep stacks of equal layers, built from the library's public modules, and what is measured on them.

#include <string>
#include <vector>

#include "xgrad/probe/gradient_norms.hpp"

namespace plots {

enum class Wiring {
  plain,    ///< x ← φ(W x)
  no_skip,  ///< x ← α W₂ φ(W₁ x): the residual stack without its `x +`
  residual  ///< x ← x + α W₂ φ(W₁ x)
};

enum class Norm {
  none,
  pre,    ///< on the layer's input:  x + f(LN x)
  inner,  ///< before the activation: φ(LN(W x))
  post    ///< on the layer's output: LN(x + f(x))
};

constexpr double layer_norm_epsilon = 1e-5;

struct StackOptions {
  Wiring wiring = Wiring::plain;
  Norm norm = Norm::none;
  std::string activation = "relu";             ///< as xgrad::activation
  std::string init = "uniform_fan_in";         ///< of W and W₁, as xgrad::Init::named
  std::string second_init = "uniform_fan_in";  ///< of W₂
  double alpha = 1;
  std::size_t depth = 50, width = 256, batch = 64;
};

/// `depth` layers width → width without biases, one part of the Sequential each.
template <class T>
xgrad::Sequential<T> make_stack(const StackOptions& options, xgrad::Rng& rng);

/// One network: log₁₀ RMS of the states x₀…x_L, of the gradients at them, and of the first weight matrix of
/// each layer 1…L (weights: empty unless asked for).
struct Measurement {
  std::vector<double> values, gradients, weights;
};

/// Draws weights, a standard normal batch x₀ and a standard normal cotangent ∂L/∂x_L from `seed`; one forward
/// and one backward pass.
template <class T>
Measurement measure(const StackOptions& options, std::uint64_t seed, bool weights = false);

/// The same for each of the seeds, on all processors.
template <class T>
std::vector<Measurement> measure_seeds(const StackOptions& options, const std::vector<std::uint64_t>& seeds,
                                       bool weights = false);

}  // namespace plots
