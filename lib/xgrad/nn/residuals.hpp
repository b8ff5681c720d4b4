#pragma once
// Residual blocks without normalisation that begin as the identity, so that depth does not multiply anything
// at the start of training.

#include "xgrad/nn/layers.hpp"

namespace xgrad {

/// y = x + α f(x) with a learned number α, at first `alpha`. α = 0 is ReZero (Bachlechner et al.,
/// arXiv:2003.04887), 0 or 1/√L SkipInit (De & Smith, arXiv:2002.10444, who add it per branch). With α = 0
/// the branch's own parameters get a gradient of exactly 0 until the first step has moved α. A fixed factor:
/// block.alpha.requires_grad(false).
template <class T>
class ScaledResidual : public Module<T> {
 public:
  template <class Branch>
  explicit ScaledResidual(Branch branch, double alpha = 0)
      : alpha(parameter(full<T>({1}, T(alpha)), "alpha")),
        branch_(std::make_unique<Branch>(std::move(branch))) {}

  /// Throws Error unless the branch keeps x's shape.
  Variable<T> forward(const Variable<T>& x) override;
  std::vector<Part<T>> parts() override { return {{"alpha", alpha}, {"branch", *branch_}}; }
  std::string describe() const override;
  Module<T>& branch() { return *branch_; }

  Variable<T> alpha;  ///< (1,)

 private:
  std::unique_ptr<Module<T>> branch_;
};

/// Fixup's residual block (Zhang, Dauphin & Ma, arXiv:1901.09321), one of `blocks` in the network:
///   h₀ = x,   hᵢ = Wᵢ(φ(hᵢ₋₁ + aᵢ) + bᵢ) without φ and aᵢ for i = 1,   y = x + s·h_m
/// W_m = 0 at first, the other W are those of `init` times blocks^(-1/(2m-2)); aᵢ, bᵢ (at first 0) and s (at
/// first 1) are single learned numbers. The rule's last part, a classifier that starts at 0, is the caller's:
/// Linear with Init::constant(0).
template <class T>
class FixupBlock : public Module<T> {
 public:
  /// m = `matrices` square weights of `width`, no other bias. Throws Error unless m is at least 2 and there
  /// is at least one block.
  FixupBlock(std::size_t width, std::size_t blocks, const Init& init, Rng& rng, std::size_t matrices = 2,
             const std::string& activation = "relu");

  Variable<T> forward(const Variable<T>& x) override;
  std::vector<Part<T>> parts() override;
  std::string describe() const override;

  std::vector<Linear<T>> layers;       ///< W₁ … W_m
  std::vector<Variable<T>> before;     ///< b₁ … b_m, each (1,), added before the matrix
  std::vector<Variable<T>> activated;  ///< a₂ … a_m, each (1,), added before the activation
  Variable<T> multiplier;              ///< s, (1,)

 private:
  Function<T> activation_;
};

}  // namespace xgrad
