#include "xgrad/probe/gradient_norms.hpp"

#include <cmath>
#include <limits>

#include "xgrad/core/rows.hpp"

namespace xgrad {
namespace {

// ‖x‖₂ = m √(Σ (xᵢ/m)²) with m = max |xᵢ|: the largest quotient is 1, so the sum neither under- nor
// overflows. Division, because 1/m would overflow for the smallest numbers.
template <class T>
double scaled_log10_norm(const Array<T>& x) {
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double size = std::abs(double(x.data()[i]));
    if (std::isnan(size)) return size;
    largest = std::max(largest, size);
  }
  if (largest == 0 || std::isinf(largest)) return std::log10(largest);
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double quotient = double(x.data()[i]) / largest;
    sum += quotient * quotient;
  }
  return std::log10(largest) + std::log10(sum) / 2;
}

}  // namespace

// The plain sum of squares where it is far from the ends of double's range: squares that are lost are too
// small to matter then.
template <class T>
double log10_norm(const Array<T>& x) {
  const auto square = [](T entry) { return double(entry) * double(entry); };
  const double squares = detail::sum_of<double>(x.size(), square, x.data());
  return squares > 1e-200 && squares < 1e300 ? std::log10(squares) / 2 : scaled_log10_norm(x);
}

template <class T>
double log10_rms(const Array<T>& x) {
  if (x.size() == 0) return std::numeric_limits<double>::quiet_NaN();
  return log10_norm(x) - std::log10(double(x.size())) / 2;
}

template <class T>
std::vector<Variable<T>> hidden_states(Sequential<T>& stack, const Variable<T>& x) {
  std::vector<Variable<T>> states{x};
  for (std::size_t i = 0; i < stack.size(); ++i) states.push_back(stack[i](states.back()));
  return states;
}

template <class T>
std::vector<double> log10_values(const std::vector<Variable<T>>& states) {
  std::vector<double> result;
  for (const auto& state : states) result.push_back(log10_rms(state.value()));
  return result;
}

template <class T>
std::vector<double> log10_gradients(const std::vector<Variable<T>>& states) {
  std::vector<double> result;
  for (const auto& state : states)
    result.push_back(state.has_grad() ? log10_rms(state.grad()) : std::numeric_limits<double>::quiet_NaN());
  return result;
}

#define XGRAD_INSTANTIATE(T)                                                           \
  template double log10_norm(const Array<T>&);                                         \
  template double log10_rms(const Array<T>&);                                          \
  template std::vector<Variable<T>> hidden_states(Sequential<T>&, const Variable<T>&); \
  template std::vector<double> log10_values(const std::vector<Variable<T>>&);          \
  template std::vector<double> log10_gradients(const std::vector<Variable<T>>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
