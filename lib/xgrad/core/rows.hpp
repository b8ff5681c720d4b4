#pragma once
// Row kernels: an array seen as rows of its trailing axes, in plain loops that the compiler vectorises.

#include <algorithm>
#include <cstddef>

namespace xgrad::detail {

/// Σ f(i) for 0 ≤ i < n, in eight interleaved partial sums: fast, and more exact than one long sum.
template <class T, class F>
T sum_of(std::size_t n, F f) {
  constexpr std::size_t lanes = 8;
  T partial[lanes] = {T(0), T(0), T(0), T(0), T(0), T(0), T(0), T(0)};
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (std::size_t k = 0; k < lanes; ++k) partial[k] += f(i + k);
  T total(0);
  for (; i < n; ++i) total += f(i);
  for (std::size_t k = 0; k < lanes; ++k) total += partial[k];
  return total;
}

template <class T>
T max_of(const T* x, std::size_t n) {
  T best = x[0];
  for (std::size_t i = 1; i < n; ++i) best = x[i] > best ? x[i] : best;
  return best;
}

}  // namespace xgrad::detail
