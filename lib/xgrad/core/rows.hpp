#pragma once
// Row kernels: an array seen as rows of its trailing axes, in plain loops that the compiler vectorises, or in
// loops over vectors.

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

/// Whether f takes vectors as it takes numbers: [](auto x) { … } does, [](T x) { … } does not.
template <class T, class F, class... In>
constexpr bool takes_vectors() {
  if constexpr (std::is_floating_point_v<T> && (std::is_same_v<T, In> && ...))
    return std::is_invocable_r_v<Vector<T>, F, Vector<In>...>;
  else
    return false;
}

/// out[i] = f(in[i]…), a vector at a time where f takes vectors. The last one is filled up with zeros, so
/// that each entry is computed alike wherever it stands. Flattened: a call left in a loop over numbers would
/// keep it from becoming vector instructions.
template <class T, class F, class... In>
[[gnu::noinline, gnu::flatten]] void apply_contiguous(std::size_t n, F f, T* out, const In*... in) {
  if constexpr (takes_vectors<T, F, In...>()) {
    std::size_t i = 0;
    for (; i + lanes<T> <= n; i += lanes<T>) store(f(load(in + i)...), out + i);
    if (i < n) store_first(n - i, f(load_first(n - i, in + i)...), out + i);
  } else {
    for (std::size_t i = 0; i < n; ++i) out[i] = f(in[i]...);
  }
}

/// The same, and returns Σ out[i].
template <class T, class F, class... In>
[[gnu::noinline, gnu::flatten]] T apply_and_sum(std::size_t n, F f, T* out, const In*... in) {
  if constexpr (takes_vectors<T, F, In...>()) {
    Vector<T> total{};
    std::size_t i = 0;
    for (; i + lanes<T> <= n; i += lanes<T>) {
      const Vector<T> y = f(load(in + i)...);
      total += y;
      store(y, out + i);
    }
    if (i < n) {
      store_first(n - i, f(load_first(n - i, in + i)...), out + i);
      total += load_first(n - i, out + i);
    }
    return sum_of_lanes<T>(total);
  } else {
    return sum_of<T>(n, [=](std::size_t i) { return out[i] = f(in[i]...); });
  }
}

/// out[i] = e^(in[i] - top); returns their sum.
template <class T>
XGRAD_INLINE T exp_and_sum(std::size_t n, T top, T* out, const T* in) {
  using fast::exp;
  return apply_and_sum(
      n, [=](auto x) { return exp(x - top); }, out, in);
}

/// The largest of n ≥ 1 numbers. NaN may be overlooked: the caller meets it again when it uses the numbers.
template <class T>
XGRAD_INLINE T max_of(const T* x, std::size_t n) {
  const auto larger = [](auto a, auto b) { return a > b ? a : b; };
  if constexpr (std::is_floating_point_v<T>) {
    constexpr std::size_t two = 2 * lanes<T>;
    if (n >= two) {
      Vector<T> even = load(x), odd = load(x + lanes<T>);
      const auto include = [&](const T* p) {
        even = larger(load(p), even);
        odd = larger(load(p + lanes<T>), odd);
      };
      for (std::size_t i = two; i + two <= n; i += two) include(x + i);
      include(x + n - two);  // the end, in part once more
      return fold_lanes<T>(larger(even, odd), larger);
    }
  }
  T best = x[0];
  for (std::size_t i = 1; i < n; ++i) best = larger(x[i], best);
  return best;
}

}  // namespace xgrad::detail
