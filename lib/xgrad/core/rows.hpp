#pragma once
// Row kernels: an array seen as rows of its trailing axes, in plain loops that the compiler vectorises, or in
// loops over vectors.

#include <cmath>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "xgrad/core/vector_math.hpp"

namespace xgrad::detail {

/// Whether f takes vectors as it takes numbers: [](auto x) { … } does, [](T x) { … } does not.
template <class T, class F, class... In>
constexpr bool takes_vectors() {
  if constexpr (std::is_floating_point_v<T> && (std::is_same_v<T, In> && ...))
    return std::is_invocable_r_v<Vector<T>, F, Vector<In>...>;
  else
    return false;
}

/// Σ f(x[i], …) for 0 ≤ i < n, in as many interleaved partial sums as a vector or two have numbers: fast, and
/// more exact than one long sum.
template <class T, class F, class... X>
XGRAD_INLINE T sum_of(std::size_t n, F f, const X*... x) {
  T sum(0);
  std::size_t i = 0;
  if constexpr (takes_vectors<T, F, X...>()) {
    constexpr std::size_t width = lanes<T>;
    Vector<T> even{}, odd{};
    for (; i + 2 * width <= n; i += 2 * width) {
      even += f(load(x + i)...);
      odd += f(load(x + i + width)...);
    }
    for (; i + width <= n; i += width) even += f(load(x + i)...);
    sum = sum_of_lanes<T>(even + odd);
  } else if constexpr (std::is_floating_point_v<T>) {
#pragma omp simd reduction(+ : sum)
    for (std::size_t k = 0; k < n; ++k) sum += f(x[k]...);
    return sum;
  }
  for (; i < n; ++i) sum += f(x[i]...);
  return sum;
}

/// Both sums over the pairs f(x[i], …), where f takes numbers or vectors.
template <class T, class F, class... X>
XGRAD_INLINE std::pair<T, T> sums_of(std::size_t n, F f, const X*... x) {
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
    constexpr std::size_t width = lanes<T>;
    Vector<T> even{}, odd{};  // as in sum_of
    std::size_t i = 0;
    const auto include = [&](Vector<T>& sum, std::size_t k) {
      const Vector<T> y = f(load(in + k)...);
      sum += y;
      store(y, out + k);
    };
    for (; i + 2 * width <= n; i += 2 * width) {
      include(even, i);
      include(odd, i + width);
    }
    for (; i + width <= n; i += width) include(even, i);
    if (i < n) {
      store_first(n - i, f(load_first(n - i, in + i)...), out + i);
      odd += load_first(n - i, out + i);
    }
    return sum_of_lanes<T>(even + odd);
  } else {
    T total(0);
    for (std::size_t i = 0; i < n; ++i) total += out[i] = f(in[i]...);
    return total;
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

/// p = eˣ / Σ eˣ, where `top` is the largest x. p may be x.
template <class T>
XGRAD_INLINE void softmax_row(std::size_t n, T top, T* p, const T* x) {
  const T scale = T(1) / exp_and_sum(n, top, p, x);
  for (std::size_t i = 0; i < n; ++i) p[i] *= scale;
}

/// dx = p (dp - Σ p dp). dx may be dp.
template <class T>
XGRAD_INLINE void softmax_row_reverse(std::size_t n, T* dx, const T* p, const T* dp) {
  const T dot = sum_of<T>(
      n, [](auto p_i, auto d_i) { return p_i * d_i; }, p, dp);
  XGRAD_INDEPENDENT
  for (std::size_t i = 0; i < n; ++i) dx[i] = p[i] * (dp[i] - dot);
}

/// l = x - ln Σ eˣ
template <class T>
XGRAD_INLINE void log_softmax_row(std::size_t n, T* l, const T* x) {
  using std::log;
  const T top = max_of(x, n);
  const T rest = log(exp_and_sum(n, top, l, x));
  for (std::size_t i = 0; i < n; ++i) l[i] = x[i] - top - rest;  // top first: no cancellation
}

}  // namespace xgrad::detail
