#include "xgrad/train/half.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/core/scalars.hpp"

namespace xgrad {

// Halves near x are the multiples of 2^(e-10), where 2^e ≤ |x|, and of 2^-24 below 2^-14. nearbyint rounds
// ties to even, and both the division and the multiplication by a power of two are exact.
template <class T>
T round_to_half(T x) {
  if (!std::isfinite(x) || x == 0) return x;
  const T unit = std::ldexp(T(1), std::max(std::ilogb(x), -14) - 10);
  const T rounded = std::nearbyint(x / unit) * unit;
  return std::abs(rounded) < T(65536) ? rounded : std::copysign(T(INFINITY), x);
}

template <class T>
Array<T> round_to_half(const Array<T>& x) {
  auto y = empty_like(x);
  for (std::size_t i = 0; i < x.size(); ++i) y.data()[i] = round_to_half(x.data()[i]);
  return y;
}

// y = half(x),   dx = half(dy)
template <class T>
Variable<T> through_half(const Variable<T>& x) {
  return record<T>("half", round_to_half(x.value()), {x},
                   [=](const Array<T>&, const Array<T>& dy) { x.accumulate(round_to_half(dy)); });
}

template <class T>
HalfWeights<T>::HalfWeights(const Parameters<T>& parameters) : parameters_(parameters) {
  for (auto& p : parameters_) {
    auto rounded = round_to_half(p.variable.value());
    masters_.push_back(std::move(p.variable.mutable_value()));
    p.variable.mutable_value() = std::move(rounded);
  }
}

template <class T>
HalfWeights<T>::~HalfWeights() {
  for (std::size_t i = 0; i < masters_.size(); ++i)
    parameters_[i].variable.mutable_value() = std::move(masters_[i]);
}

LossScale::LossScale(double factor, std::size_t growth_steps) : factor_(factor), growth_steps_(growth_steps) {
  if (!(factor > 0) || !std::isfinite(factor))
    fail("loss_scale", "the factor is ", factor, ": it must be finite and above 0");
}

template <class T>
bool LossScale::unscale(const Parameters<T>& parameters) {
  bool finite = true;
  for (auto p : parameters) {
    if (!p.variable.has_grad()) continue;
    for (T& g : p.variable.mutable_grad()) {
      const T half = round_to_half(g);
      finite = finite && std::isfinite(half);
      g = T(double(half) / factor_);
    }
  }
  update(finite);
  return finite;
}

void LossScale::update(bool finite) {
  skipped_ += !finite;
  good_ = finite ? good_ + 1 : 0;
  if (growth_steps_ == 0) return;
  if (!finite) factor_ /= 2;
  if (good_ == growth_steps_) {
    factor_ *= 2;
    good_ = 0;
  }
}

#define XGRAD_INSTANTIATE(T)                             \
  template T round_to_half(T);                           \
  template Array<T> round_to_half(const Array<T>&);      \
  template Variable<T> through_half(const Variable<T>&); \
  template class HalfWeights<T>;                         \
  template bool LossScale::unscale(const Parameters<T>&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
