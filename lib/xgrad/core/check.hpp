#pragma once
// Gradient check: does backward agree with central differences? For the tests and for learners.

#include "xgrad/core/random.hpp"
#include "xgrad/core/tape.hpp"

namespace xgrad {

/// A function of several arrays; its inputs require gradients.
template <class T>
using Differentiable = std::function<Variable<T>(const std::vector<Variable<T>>&)>;

struct GradientCheckOptions {
  double epsilon = 1e-5;    ///< step of the central difference
  double tolerance = 1e-7;  ///< largest relative error that passes
  std::uint64_t seed = 1;   ///< of the random cotangent
};

/// The entry on which backward and the central difference disagree most.
struct GradientCheck {
  bool passed = true;
  double relative_error =
      0;  ///< |backward - difference| / max(|backward|, |difference|, rms of that gradient)
  std::size_t input = 0, entry = 0;
  double backward = 0, difference = 0;
  std::size_t entries = 0;     ///< how many entries were compared
  std::string report() const;  ///< one line
};

/// Compares the gradient of L = Σ C ⊙ f(inputs), C random normal, with (L(x+ε) - L(x-ε))/2ε for every entry
/// of every input. Random C, because a plain sum hides any error in the Jacobian of softmax or LayerNorm. A
/// value that is not finite never passes.
template <class T = double>
GradientCheck check_gradients(const Differentiable<T>& f, const std::vector<Array<T>>& inputs,
                              const GradientCheckOptions& options = {});

struct EpsilonPoint {
  double epsilon, relative_error;
};

/// The worst relative error for each ε: truncation error ∝ ε² on the right of the U, rounding ∝ 1/ε on the
/// left.
template <class T = double>
std::vector<EpsilonPoint> epsilon_sweep(const Differentiable<T>& f, const std::vector<Array<T>>& inputs,
                                        const std::vector<double>& epsilons);

}  // namespace xgrad
