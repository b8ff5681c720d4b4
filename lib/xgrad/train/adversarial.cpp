#include "xgrad/train/adversarial.hpp"

#include "xgrad/core/scalars.hpp"

namespace xgrad {

template <class T>
Frozen<T>::Frozen(const Parameters<T>& parameters) : parameters_(parameters) {
  for (auto& p : parameters_) {
    before_.push_back(p.variable.requires_grad());
    p.variable.requires_grad(false);
  }
}

template <class T>
Frozen<T>::~Frozen() {
  for (std::size_t i = 0; i < before_.size(); ++i) parameters_[i].variable.requires_grad(before_[i]);
}

template <class T>
Array<T> fast_gradient_sign(Module<T>& model, const Array<T>& x, double epsilon,
                            const std::function<Variable<T>(const Variable<T>&)>& loss) {
  const Frozen<T> frozen(model.parameters());
  const auto input = parameter(x);
  Tape<T> tape;
  loss(model(input)).backward();
  auto result = x;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const T dx = input.grad().data()[i];
    result.data()[i] += T(epsilon) * T((dx > 0) - (dx < 0));
  }
  return result;
}

#define XGRAD_INSTANTIATE(T)                                                \
  template class Frozen<T>;                                                 \
  template Array<T> fast_gradient_sign(Module<T>&, const Array<T>&, double, \
                                       const std::function<Variable<T>(const Variable<T>&)>&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
