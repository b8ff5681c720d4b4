#pragma once
// Inputs that a model gets wrong because it is the gradient that made them.

#include "xgrad/nn/module.hpp"

namespace xgrad {

/// While it lives, no parameter of the list takes a gradient; then each is as it was.
template <class T>
class Frozen {
 public:
  explicit Frozen(const Parameters<T>& parameters);
  ~Frozen();
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;

 private:
  Parameters<T> parameters_;
  std::vector<bool> before_;
};

/// The fast gradient sign method: x + ε sign(∂L/∂x), the step that raises the loss most among those that
/// change no entry by more than ε, as far as L is linear (Goodfellow et al., arXiv:1412.6572, section 4).
/// `loss` maps the model's answer to a scalar. The parameters and their gradients stay as they are; no tape
/// outside records anything. Entries without a gradient do not move.
template <class T>
Array<T> fast_gradient_sign(Module<T>& model, const Array<T>& x, double epsilon,
                            const std::function<Variable<T>(const Variable<T>& y)>& loss);

}  // namespace xgrad
