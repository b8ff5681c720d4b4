#pragma once
// Loops over arrays of different shapes: the one place where broadcasting and reduction walk through memory.
// A broadcast axis is an axis with stride 0: reading along it repeats an entry, adding along it sums.

#include <algorithm>
#include <array>
#include <utility>

#include "xgrad/core/array.hpp"
#include "xgrad/core/rows.hpp"

namespace xgrad::detail {

using Strides = std::vector<std::ptrdiff_t>;

/// Row-major strides of an array of shape `from` seen as shape `to`: 0 on every axis that is broadcast.
inline Strides broadcast_strides(const Shape& from, const Shape& to) {
  Strides strides(to.size(), 0);
  std::ptrdiff_t step = 1;
  for (std::size_t i = 1; i <= from.size(); ++i) {
    const std::size_t extent = from[from.size() - i];
    if (extent != 1) strides[to.size() - i] = step;
    step *= static_cast<std::ptrdiff_t>(extent);
  }
  return strides;
}

/// Whether the shapes have a common one under NumPy's broadcasting rule.
inline bool compatible(const Shape& a, const Shape& b) {
  for (std::size_t i = 1; i <= std::min(a.size(), b.size()); ++i) {
    const std::size_t m = a[a.size() - i], n = b[b.size() - i];
    if (m != n && m != 1 && n != 1) return false;
  }
  return true;
}

/// Whether `from` can be broadcast to `to` itself.
inline bool broadcasts_to(const Shape& from, const Shape& to) {
  return compatible(from, to) && broadcast_shape("broadcast", from, to) == to;
}

/// Calls row(n, offsets, steps) for each innermost run of `shape`: operand k's entries of that run lie at
/// offsets[k] + i·steps[k], 0 ≤ i < n. Axes that are contiguous for all operands are merged into one first.
template <std::size_t N, class Row>
void for_each_row(const Shape& shape, const std::array<Strides, N>& strides, Row row) {
  using Offsets = std::array<std::ptrdiff_t, N>;
  Shape extents;  // innermost axis first
  std::vector<Offsets> steps;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    if (shape[axis] == 0) return;
    if (shape[axis] == 1) continue;
    Offsets step;
    for (std::size_t k = 0; k < N; ++k) step[k] = strides[k][axis];
    bool merges = !extents.empty();
    for (std::size_t k = 0; k < N && merges; ++k)
      merges = step[k] == steps.back()[k] * static_cast<std::ptrdiff_t>(extents.back());
    if (merges) {
      extents.back() *= shape[axis];
    } else {
      extents.push_back(shape[axis]);
      steps.push_back(step);
    }
  }
  Offsets offsets{};
  if (extents.empty()) {
    row(std::size_t(1), offsets, Offsets{});
    return;
  }
  Shape index(extents.size(), 0);
  while (true) {
    row(extents[0], offsets, steps[0]);
    std::size_t axis = 1;
    for (; axis < extents.size(); ++axis) {
      for (std::size_t k = 0; k < N; ++k) offsets[k] += steps[axis][k];
      if (++index[axis] < extents[axis]) break;
      for (std::size_t k = 0; k < N; ++k)
        offsets[k] -= steps[axis][k] * static_cast<std::ptrdiff_t>(extents[axis]);
      index[axis] = 0;
    }
    if (axis == extents.size()) return;
  }
}

/// out[i] = f(in[i]…). Flattened: a call left in this loop would keep it from becoming vector instructions.
template <class T, class F, class... In>
[[gnu::flatten]] void apply_contiguous(std::size_t n, F f, T* out, const In*... in) {
  for (std::size_t i = 0; i < n; ++i) out[i] = f(in[i]...);
}

template <class Out, class F, class... In, std::size_t... K>
void apply_row(std::size_t n, const std::array<std::ptrdiff_t, sizeof...(In) + 1>& at,
               const std::array<std::ptrdiff_t, sizeof...(In) + 1>& step, F f, Out* out,
               std::index_sequence<K...>, const In*... in) {
  out += at[0];
  if (((step[K + 1] == 1) && ...) && step[0] == 1) {
    apply_contiguous(n, f, out, (in + at[K + 1])...);
  } else {
    for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(n); ++i)
      out[i * step[0]] = f(in[at[K + 1] + i * step[K + 1]]...);
  }
}

/// result[i] = f(a[i], b[i], …), the arguments broadcast to `shape`.
template <class T, class F, class... In>
Array<T> elementwise_to(const Shape& shape, F f, const In&... in) {
  auto result = empty<T>(shape);
  if (((in.size() == result.size()) && ...)) {  // equal sizes after broadcasting: equal layout
    apply_contiguous(result.size(), f, result.data(), in.data()...);
    return result;
  }
  const std::array<Strides, sizeof...(In) + 1> strides{broadcast_strides(shape, shape),
                                                       broadcast_strides(shape_of(in), shape)...};
  for_each_row(shape, strides, [&](std::size_t n, const auto& at, const auto& step) {
    apply_row(n, at, step, f, result.data(), std::index_sequence_for<In...>(), in.data()...);
  });
  return result;
}

/// result[i] = f(a[i]): same shape.
template <class T, class F>
Array<T> elementwise(F f, const Array<T>& a) {
  auto result = empty_like(a);
  apply_contiguous(a.size(), f, result.data(), a.data());
  return result;
}

/// result[i] = f(a[i], b[i]): a and b broadcast to their common shape.
template <class T, class F>
Array<T> elementwise(const char* op, F f, const Array<T>& a, const Array<T>& b) {
  if (a.shape() == b.shape()) {
    auto result = empty_like(a);
    apply_contiguous(a.size(), f, result.data(), a.data(), b.data());
    return result;
  }
  return elementwise_to<T>(broadcast_shape(op, shape_of(a), shape_of(b)), f, a, b);
}

/// The sum of `x` over every axis along which `shape` has to be broadcast to become x's shape.
template <class T>
Array<T> sum_to(const Array<T>& x, const Shape& shape) {
  auto result = zeros<T>(shape);
  const std::array<Strides, 2> strides{broadcast_strides(shape_of(x), shape_of(x)),
                                       broadcast_strides(shape, shape_of(x))};
  for_each_row(shape_of(x), strides, [&](std::size_t n, const auto& at, const auto& step) {
    const T* from = x.data() + at[0];
    T* to = result.data() + at[1];
    if (step[1] == 0) {
      *to += sum_of<T>(n, [=](std::size_t i) { return from[i]; });
    } else {
      for (std::size_t i = 0; i < n; ++i) to[i] += from[i];
    }
  });
  return result;
}

}  // namespace xgrad::detail
