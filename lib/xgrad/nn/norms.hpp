#pragma once
// Normalisations as modules, beside LayerNorm (layers.hpp). All are Modules from x to y of the same shape, so
// that one can stand where another stood.

#include "xgrad/nn/module.hpp"
#include "xgrad/ops/ops.hpp"

namespace xgrad {

/// Batch normalisation of (N, C, …) over all axes but 1, with γ = 1 and β = 0 to start with (affine), or
/// without. In training mode it uses the batch's statistics and moves the running ones towards them,
///   running = (1 - momentum) running + momentum batch,
/// the variance with divisor m - 1, as PyTorch does; in evaluation mode it uses the running ones. To start
/// with they are 0 and 1.
template <class T>
class BatchNorm : public Module<T> {
 public:
  explicit BatchNorm(std::size_t features, double eps = 1e-5, double momentum = .1, bool affine = true);
  Variable<T> forward(const Variable<T>& x) override;
  std::vector<Part<T>> parts() override {
    return {{"gamma", gamma},
            {"beta", beta},
            {"running_mean", running_mean},
            {"running_variance", running_variance}};
  }
  std::string describe() const override;

  Variable<T> gamma, beta;
  Array<T> running_mean, running_variance;

 private:
  double eps_, momentum_;
};

}  // namespace xgrad
