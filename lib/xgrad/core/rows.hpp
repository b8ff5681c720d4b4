#pragma once
// Row kernels: an array seen as rows of its trailing axes, in plain loops that the compiler vectorises.

#include <cstddef>
#include <type_traits>
#include <utility>

#include "xgrad/core/vector_math.hpp"

namespace xgrad::detail {

/// Σ f(i) for 0 ≤ i < n, in as many interleaved partial sums as a vector has numbers: fast, and more exact
/// than one long sum.
template <class T, class F>
XGRAD_INLINE T sum_of(std::size_t n, F f) {
  T total(0);
  if constexpr (std::is_floating_point_v<T>) {
#pragma omp simd reduction(+ : total)
    for (std::size_t i = 0; i < n; ++i) total += f(i);
  } else {
    for (std::size_t i = 0; i < n; ++i) total += f(i);
  }
  return total;
}

/// Both sums over the pairs f(i).
template <class T, class F>
XGRAD_INLINE std::pair<T, T> sums_of(std::size_t n, F f) {
  T first(0), second(0);
  if constexpr (std::is_floating_point_v<T>) {
#pragma omp simd reduction(+ : first, second)
    for (std::size_t i = 0; i < n; ++i) {
      const auto [a, b] = f(i);
      first += a;
      second += b;
    }
  } else {
    for (std::size_t i = 0; i < n; ++i) {
      const auto [a, b] = f(i);
      first += a;
      second += b;
    }
  }
  return {first, second};
}

/// The largest of n ≥ 1 numbers. NaN may be overlooked: the caller meets it again when it uses the numbers.
template <class T>
XGRAD_INLINE T max_of(const T* x, std::size_t n) {
  constexpr std::size_t lanes = 32;  // as many maxima side by side: a vector comparison each
  const auto larger = [](T a, T b) { return a > b ? a : b; };
  T best = x[0];
  std::size_t i = 0;
  if (n >= lanes) {
    T side[lanes];
    for (std::size_t k = 0; k < lanes; ++k) side[k] = x[k];
    for (i = lanes; i + lanes <= n; i += lanes)
      for (std::size_t k = 0; k < lanes; ++k) side[k] = larger(x[i + k], side[k]);
    for (std::size_t k = 0; k < lanes; ++k) best = larger(side[k], best);
  }
  for (; i < n; ++i) best = larger(x[i], best);
  return best;
}

}  // namespace xgrad::detail
