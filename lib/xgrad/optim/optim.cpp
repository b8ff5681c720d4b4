#include "xgrad/optim/optim.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/core/rows.hpp"
#include "xgrad/core/scalars.hpp"

namespace xgrad {

template <class T>
Optimizer<T>::Optimizer(const Parameters<T>& parameters, double learning_rate)
    : learning_rate(learning_rate), steps_(parameters.size()), parameters_(parameters) {
  if (parameters.empty()) fail("optimizer", "there are no parameters to train");
  if (!(learning_rate >= 0))
    fail("optimizer", "the learning rate is ", learning_rate, ": it must be at least 0");
}

template <class T>
void Optimizer<T>::step() {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    auto& x = parameters_[i].variable;
    if (!x.requires_grad() || !x.has_grad()) continue;
    if (x.grad().shape() != x.value().shape())
      fail("optimizer", "the gradient of ", parameters_[i].name, " is ", to_string(shape_of(x.grad())),
           ", its value ", to_string(x.shape()), ": call zero_grad before a value changes its shape");
    ++steps_[i];
    update(i, x.mutable_value().data(), x.grad().data(), x.size());
  }
}

template <class T>
void Optimizer<T>::zero_grad() {
  for (auto& p : parameters_) p.variable.zero_grad();
}

template <class T>
T* Optimizer<T>::state(std::vector<AlignedVector<T>>& states, std::size_t which, std::size_t n) {
  if (states.size() <= which) states.resize(which + 1);
  states[which].resize(n, T(0));
  return states[which].data();
}

template <class T>
void Optimizer<T>::list(const std::string& name, std::vector<AlignedVector<T>>& states,
                        std::vector<OptimizerMemory<T>>& memory) {
  for (std::size_t i = 0; i < parameters_.size(); ++i) state(states, i, parameters_[i].variable.size());
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    memory.push_back({name + "." + parameters_[i].name, &states[i]});
}

template <class T>
SGD<T>::SGD(const Parameters<T>& parameters, double learning_rate, SgdOptions options)
    : Optimizer<T>(parameters, learning_rate), options_(options) {
  if (options.nesterov && options.momentum == 0) fail("sgd", "Nesterov's method needs a momentum above 0");
}

template <class T>
void SGD<T>::update(std::size_t which, T* x, const T* dx, std::size_t n) {
  const T rate(this->learning_rate), mu(options_.momentum), decay(options_.weight_decay);
  if (options_.momentum == 0) {
    for (std::size_t i = 0; i < n; ++i) x[i] -= rate * (dx[i] + decay * x[i]);
    return;
  }
  T* v = this->state(velocity_, which, n);
  const bool nesterov = options_.nesterov;
  XGRAD_INDEPENDENT
  for (std::size_t i = 0; i < n; ++i) {
    const T x_i = x[i], g = dx[i] + decay * x_i, v_i = mu * v[i] + g;
    v[i] = v_i;
    x[i] = x_i - rate * (nesterov ? g + mu * v_i : v_i);
  }
}

template <class T>
std::vector<OptimizerMemory<T>> SGD<T>::memory() {
  std::vector<OptimizerMemory<T>> memory;
  if (options_.momentum != 0) this->list("v", velocity_, memory);
  return memory;
}

template <class T>
Adam<T>::Adam(const Parameters<T>& parameters, double learning_rate, AdamOptions options)
    : Optimizer<T>(parameters, learning_rate), options_(options) {}

template <class T>
void Adam<T>::update(std::size_t which, T* x, const T* dx, std::size_t n) {
  using std::sqrt;
  if (const std::size_t t = this->steps_[which]; t != bias_.t)
    bias_ = {t, 1 - std::pow(options_.beta1, double(t)), 1 - std::pow(options_.beta2, double(t))};
  const T b1(options_.beta1), b2(options_.beta2), eps(options_.eps), one(1);
  const T rate(this->learning_rate / bias_.first), correction(1 / std::sqrt(bias_.second));
  const T coupled(decoupled_ ? 0 : options_.weight_decay);
  const T keep(decoupled_ ? 1 - this->learning_rate * options_.weight_decay : 1);
  T *m = this->state(m_, which, n), *v = this->state(v_, which, n);
  XGRAD_INDEPENDENT
  for (std::size_t i = 0; i < n; ++i) {
    const T x_i = x[i], g = dx[i] + coupled * x_i;
    const T m_i = b1 * m[i] + (one - b1) * g;
    const T v_i = b2 * v[i] + (one - b2) * g * g;
    // All four are read before one is written: numbers at the same place in their pages wait for each other.
    m[i] = m_i;
    v[i] = v_i;
    x[i] = keep * x_i - rate * m_i / (sqrt(v_i) * correction + eps);
  }
}

template <class T>
std::vector<OptimizerMemory<T>> Adam<T>::memory() {
  std::vector<OptimizerMemory<T>> memory;
  this->list("m", m_, memory);
  this->list("v", v_, memory);
  return memory;
}

template <class T>
AdamW<T>::AdamW(const Parameters<T>& parameters, double learning_rate, AdamOptions options)
    : Adam<T>(parameters, learning_rate, options) {
  this->decoupled_ = true;
}

template <class T>
double clip_grad_norm(const Parameters<T>& parameters, double max_norm) {
  if (!(max_norm >= 0)) fail("clip_grad_norm", "the largest norm is ", max_norm, ": it must be at least 0");
  const auto square = [](T g) { return double(g) * double(g); };
  double squares = 0;
  for (const auto& p : parameters)
    if (p.variable.has_grad())
      squares += detail::sum_of<double>(p.variable.size(), square, p.variable.grad().data());
  const double norm = std::sqrt(squares);
  if (norm > max_norm && std::isfinite(norm))
    for (auto p : parameters)
      if (p.variable.has_grad())
        for (T& g : p.variable.mutable_grad()) g *= T(max_norm / norm);
  return norm;
}

#define XGRAD_INSTANTIATE(T)   \
  template class Optimizer<T>; \
  template class SGD<T>;       \
  template class Adam<T>;      \
  template class AdamW<T>;     \
  template double clip_grad_norm(const Parameters<T>&, double);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
