#pragma once
// By which way does the gradient pass a residual block? y = x + f(x) sends back ∂L/∂x = g + J_fᵀ g, with g =
// ∂L/∂y: the identity path and the branch.

#include "xgrad/probe/jacobian.hpp"
#include "xgrad/probe/recorder.hpp"

namespace xgrad {

struct ResidualGradient {
  double identity;  ///< ‖g‖
  double branch;    ///< ‖J_fᵀ g‖
  double cosine;    ///< ⟨g, J_fᵀ g⟩ / (‖g‖ ‖J_fᵀ g‖); NaN when one is 0
  double share;     ///< ‖g‖² / (‖g‖² + ‖J_fᵀ g‖²), the identity share; NaN when both are 0
  /// ‖g + J_fᵀ g‖² = ‖g‖² + ‖J_fᵀ g‖² + 2 cosine ‖g‖ ‖J_fᵀ g‖: where the cosine is 0, as it nearly is for
  /// random weights in a wide block, the share is that of the squared norm of ∂L/∂x that came by the identity
  /// path.
};

/// From the gradients on both sides of the block, dy = g and dx = ∂L/∂x: the branch's is their difference, so
/// that rounding limits a branch far below the identity. Throws Error unless both have the same shape.
template <class T>
ResidualGradient residual_gradient(const Array<T>& dy, const Array<T>& dx);

/// For one block at the input x with g as its cotangent. The block is the whole y = x + f(x): a Residual
/// without a shortcut module, a Pre-LN layer. (Post-LN, LN(x + f(x)), has no identity path; what remains of
/// dx after g is taken away is then no branch.)
template <class T, class F>
ResidualGradient residual_gradient(F&& block, const Array<T>& x, const Array<T>& g) {
  return residual_gradient(g, input_gradient(block, x, g));
}

/// Identity share and cosine of every layer for each step of a training, from the gradients that are there
/// anyway. NaN for layers that change the shape, or run more than once in a step. Right for layers in a row,
/// where nothing else reads a layer's input.
template <class T>
class ResidualRecorder {
 public:
  explicit ResidualRecorder(Module<T>& model, Watch watch = Watch::layers);
  void step();
  const StepTable& shares() const { return shares_; }
  const StepTable& cosines() const { return cosines_; }

 private:
  StepWatch<T> watch_;
  StepTable shares_, cosines_;
};

}  // namespace xgrad
