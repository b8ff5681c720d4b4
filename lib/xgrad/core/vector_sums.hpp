#pragma once
// Sums over short rows, where what comes after the loop costs as much as the loop: vectors are written out.

#include <type_traits>
#include <utility>

#include "xgrad/core/vector.hpp"

namespace xgrad::detail {

/// Σ f(x[i], …) for 0 ≤ i < n, where f takes numbers or vectors, as [](auto a, auto b) { return a * b; }
/// does.
template <class T, class F, class... X>
XGRAD_INLINE T vector_sum(std::size_t n, F f, const X*... x) {
  T sum(0);
  std::size_t i = 0;
  if constexpr (std::is_floating_point_v<T>) {
    constexpr std::size_t width = lanes<T>;
    Vector<T> even{}, odd{};
    for (; i + 2 * width <= n; i += 2 * width) {
      even += f(load(x + i)...);
      odd += f(load(x + i + width)...);
    }
    for (; i + width <= n; i += width) even += f(load(x + i)...);
    sum = sum_of_lanes<T>(even + odd);
  }
  for (; i < n; ++i) sum += f(x[i]...);
  return sum;
}

/// Both sums over the pairs f(x[i], …).
template <class T, class F, class... X>
XGRAD_INLINE std::pair<T, T> vector_sums(std::size_t n, F f, const X*... x) {
  T first(0), second(0);
  std::size_t i = 0;
  if constexpr (std::is_floating_point_v<T>) {
    Vector<T> firsts{}, seconds{};
    for (; i + lanes<T> <= n; i += lanes<T>) {
      const auto [a, b] = f(load(x + i)...);
      firsts += a;
      seconds += b;
    }
    first = sum_of_lanes<T>(firsts);
    second = sum_of_lanes<T>(seconds);
  }
  for (; i < n; ++i) {
    const auto [a, b] = f(x[i]...);
    first += a;
    second += b;
  }
  return {first, second};
}

}  // namespace xgrad::detail
