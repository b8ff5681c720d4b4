#include "xgrad/nn/layers.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/core/scalars.hpp"

namespace xgrad {

template <class T>
Linear<T>::Linear(std::size_t in, std::size_t out, const Init& init, Rng& rng, Bias with_bias)
    : weight(parameter(init.weight<T>(out, in, rng), "weight")) {
  if (with_bias == Bias::yes) bias = parameter(init.bias<T>(out, in, rng), "bias");
}

template <class T>
std::string Linear<T>::describe() const {
  std::ostringstream text;
  text << "Linear(" << weight.extent(1) << " → " << weight.extent(0) << (bias ? ")" : ", no bias)");
  return text.str();
}

template <class T>
LayerNorm<T>::LayerNorm(const Shape& shape, double eps, bool affine, Divisor divisor)
    : shape_(shape), options_{eps, divisor, shape.size()} {
  if (!affine) return;
  gamma = parameter(full<T>(shape, T(1)), "gamma");
  beta = parameter(zeros<T>(shape), "beta");
}

template <class T>
Variable<T> LayerNorm<T>::forward(const Variable<T>& x) {
  const auto& whole = x.value().shape();
  if (whole.size() < shape_.size() || !std::equal(shape_.rbegin(), shape_.rend(), whole.rbegin()))
    fail("layer_norm", "x is ", to_string(x.shape()), ", the module normalises ", to_string(shape_),
         ": x's last axes must be these");
  return layer_norm(x, gamma, beta, options_);
}

template <class T>
std::string LayerNorm<T>::describe() const {
  return "LayerNorm" + (shape_.size() == 1 ? "(" + std::to_string(shape_[0]) + ")" : to_string(shape_));
}

template <class T>
Dropout<T>::Dropout(double p, Rng& rng) : p_(p), rng_(rng.split()) {
  if (!(p >= 0 && p < 1)) fail("dropout", "the probability is ", p, ": it must be at least 0 and below 1");
}

template <class T>
std::string Dropout<T>::describe() const {
  std::ostringstream text;
  text << "Dropout(" << p_ << ")";
  return text.str();
}

template <class T>
Embedding<T>::Embedding(std::size_t vocabulary, std::size_t d, Rng& rng, double deviation)
    : weight(parameter(rng.normal<T>({vocabulary, d}, 0, deviation), "weight")) {}

template <class T>
Indices whole_numbers(const Array<T>& x) {
  Indices indices = Indices::from_shape(x.shape());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double number = double(x.data()[i]);
    if (number != std::floor(number) || std::abs(number) > 1e15)
      fail("embedding", "the index ", number, " cannot be a row: it must be a whole number from 0");
    indices.data()[i] = static_cast<std::int64_t>(number);
  }
  return indices;
}

template <class T>
Variable<T> Embedding<T>::forward(const Variable<T>& x) {
  return embedding(weight, whole_numbers(x.value()));
}

template <class T>
std::string Embedding<T>::describe() const {
  std::ostringstream text;
  text << "Embedding(" << weight.extent(0) << " × " << weight.extent(1) << ")";
  return text.str();
}

template <class T>
Function<T> activation(const std::string& name) {
  using F = Variable<T> (*)(const Variable<T>&);
  static const std::vector<std::pair<std::string, F>> all{
      {"relu", relu<T>},         {"leaky_relu", [](const Variable<T>& x) { return leaky_relu(x); }},
      {"gelu", gelu<T>},         {"gelu_tanh", gelu_tanh<T>},
      {"sigmoid", sigmoid<T>},   {"tanh", tanh<T>},
      {"softplus", softplus<T>}, {"identity", [](const Variable<T>& x) { return x; }}};
  std::string names;
  for (const auto& [known, f] : all) {
    if (known == name) return Function<T>(name, f);
    names += (names.empty() ? "" : ", ") + known;
  }
  fail("activation", "there is no activation '", name, "': choose one of ", names);
}

template <class T>
Variable<T> Sequential<T>::forward(const Variable<T>& x) {
  Variable<T> y = x;
  for (auto& module : modules_) y = (*module)(y);
  return y;
}

template <class T>
std::vector<Part<T>> Sequential<T>::parts() {
  std::vector<Part<T>> result;
  for (auto& module : modules_) result.emplace_back(std::to_string(result.size()), *module);
  return result;
}

template <class T>
std::string Sequential<T>::describe() const {
  return "Sequential of " + std::to_string(modules_.size());
}

template <class T>
Variable<T> Residual<T>::forward(const Variable<T>& x) {
  const auto f = (*branch_)(x);
  const auto skip = shortcut_ ? (*shortcut_)(x) : x;
  if (!equal_shapes(f.value(), skip.value()))
    fail("residual", "the branch gives ", to_string(f.shape()), ", the shortcut ", to_string(skip.shape()),
         ": both must have the same shape; give the block a projection as its shortcut");
  return skip + f;
}

template <class T>
std::vector<Part<T>> Residual<T>::parts() {
  std::vector<Part<T>> result{{"branch", *branch_}};
  if (shortcut_) result.emplace_back("shortcut", *shortcut_);
  return result;
}

template <class T>
FeedForward<T>::FeedForward(std::size_t d, std::size_t hidden, const Init& init, Rng& rng,
                            const std::string& name)
    : first(d, hidden, init, rng), second(hidden, d, init, rng), activation_(activation<T>(name)) {}

template <class T>
std::string FeedForward<T>::describe() const {
  std::ostringstream text;
  text << "FeedForward(" << first.weight.extent(1) << " → " << first.weight.extent(0) << " → "
       << second.weight.extent(0) << ", " << activation_.describe() << ")";
  return text.str();
}

#define XGRAD_INSTANTIATE(T)                       \
  template class Linear<T>;                        \
  template class LayerNorm<T>;                     \
  template class Dropout<T>;                       \
  template class Embedding<T>;                     \
  template Indices whole_numbers(const Array<T>&); \
  template class Function<T>;                      \
  template class Sequential<T>;                    \
  template class Residual<T>;                      \
  template class FeedForward<T>;                   \
  template Function<T> activation(const std::string&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
