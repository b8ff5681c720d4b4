#pragma once
// Loops over arrays of different shapes: the one place where broadcasting and reduction walk through memory.
// A broadcast axis is an axis with stride 0: reading along it repeats an entry, adding along it sums.

#include <algorithm>
#include <array>
#include <utility>

#include "xgrad/core/array.hpp"
#include "xgrad/core/rows.hpp"
#include "xgrad/core/threads.hpp"

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

template <std::size_t N>
using Offsets = std::array<std::ptrdiff_t, N>;

template <std::size_t N>
using RowBody = FunctionRef<std::size_t, const Offsets<N>&, const Offsets<N>&>;
template <std::size_t N>
using RowOfPartBody = FunctionRef<std::size_t, std::size_t, const Offsets<N>&, const Offsets<N>&>;

/// Calls row(n, offsets, steps) for each innermost run of `shape`: operand k's entries of that run lie at
/// offsets[k] + i·steps[k], 0 ≤ i < n. Axes that are contiguous for all operands are merged into one first.
template <std::size_t N>
void for_each_row(const Shape& shape, const std::array<Strides, N>& strides, RowBody<N> row) {
  Shape extents;  // innermost axis first
  std::vector<Offsets<N>> steps;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    if (shape[axis] == 0) return;
    if (shape[axis] == 1) continue;
    Offsets<N> step;
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
  Offsets<N> offsets{};
  if (extents.empty()) {
    row(std::size_t(1), offsets, Offsets<N>{});
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

/// out[i] = f(in[i]…), on several threads where n is large. Parts begin at cache lines.
template <class T, class F, class... In>
void apply(std::size_t n, F f, T* out, const In*... in) {
  constexpr std::size_t line = 64;
  for_parts(parts_of(n), (n + line - 1) / line, [=](std::size_t, std::size_t begin, std::size_t end) {
    const std::size_t i = begin * line;
    apply_contiguous(std::min(end * line, n) - i, f, out + i, (in + i)...);
  });
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

/// for_each_row in parts along the first axis, on several threads where `shape` is large: row(part, n,
/// offsets, steps).
template <std::size_t N>
void for_each_row_in_parts(std::size_t parts, const Shape& shape, const std::array<Strides, N>& strides,
                           RowOfPartBody<N> row) {
  for_parts(parts, shape.empty() ? 1 : shape[0], [&](std::size_t p, std::size_t begin, std::size_t end) {
    Shape some = shape;
    if (!some.empty()) some[0] = end - begin;
    for_each_row<N>(some, strides, [&](std::size_t n, Offsets<N> at, const Offsets<N>& step) {
      for (std::size_t k = 0; k < N && begin > 0; ++k)
        at[k] += static_cast<std::ptrdiff_t>(begin) * strides[k][0];
      row(p, n, at, step);
    });
  });
}

/// result[i] = f(a[i], b[i], …), the arguments broadcast to `shape`.
template <class T, class F, class... In>
Array<T> elementwise_to(const Shape& shape, F f, const In&... in) {
  auto result = empty<T>(shape);
  if (((in.size() == result.size()) && ...)) {  // equal sizes after broadcasting: equal layout
    apply(result.size(), f, result.data(), in.data()...);
    return result;
  }
  const std::array<Strides, sizeof...(In) + 1> strides{broadcast_strides(shape, shape),
                                                       broadcast_strides(shape_of(in), shape)...};
  for_each_row_in_parts<sizeof...(In) + 1>(parts_of(result.size()), shape, strides,
                                           [&](std::size_t, std::size_t n, const auto& at, const auto& step) {
                                             apply_row(n, at, step, f, result.data(),
                                                       std::index_sequence_for<In...>(), in.data()...);
                                           });
  return result;
}

/// result[i] = f(a[i]): same shape.
template <class T, class F>
Array<T> elementwise(F f, const Array<T>& a) {
  auto result = empty_like(a);
  apply(a.size(), f, result.data(), a.data());
  return result;
}

/// result[i] = f(a[i], b[i]): a and b broadcast to their common shape.
template <class T, class F>
Array<T> elementwise(const char* op, F f, const Array<T>& a, const Array<T>& b) {
  if (equal_shapes(a, b)) {
    auto result = empty_like(a);
    apply(a.size(), f, result.data(), a.data(), b.data());
    return result;
  }
  return elementwise_to<T>(broadcast_shape(op, shape_of(a), shape_of(b)), f, a, b);
}

/// sums[j] += Σ_i x[i, j] for so many rows of n numbers: four rows at a time, so that few additions wait for
/// the one before.
template <class T>
void add_rows(std::size_t rows, std::size_t n, const T* x, T* sums) {
  for (; rows >= 4; rows -= 4, x += 4 * n) {
    const T *x1 = x + n, *x2 = x1 + n, *x3 = x2 + n;
    XGRAD_INDEPENDENT
    for (std::size_t j = 0; j < n; ++j) sums[j] += (x[j] + x1[j]) + (x2[j] + x3[j]);
  }
  for (; rows > 0; --rows, x += n)
    for (std::size_t j = 0; j < n; ++j) sums[j] += x[j];
}

/// The sum of `x` over every axis along which `shape` has to be broadcast to become x's shape. Where parts of
/// a large x would add to the same sums, each has its own first.
template <class T>
Array<T> sum_to(const Array<T>& x, const Shape& shape) {
  const bool leading = shape.size() <= x.dimension() &&
                       std::equal(shape.rbegin(), shape.rend(), x.shape().rbegin());  // sums over rows
  if (const std::size_t n = count(shape); leading && n > 1) {
    const std::size_t rows = x.size() / n, parts = std::min(parts_of(x.size()), (rows + 1) / 2);
    Shape sums = shape;
    if (parts > 1) sums.insert(sums.begin(), parts);
    auto result = zeros<T>(sums);
    for_parts(parts, rows, [&](std::size_t p, std::size_t begin, std::size_t end) {
      add_rows(end - begin, n, x.data() + begin * n, result.data() + p * n);
    });
    return parts > 1 ? sum_to(result, shape) : result;
  }
  const Shape whole = shape_of(x);
  const std::array<Strides, 2> strides{broadcast_strides(whole, whole), broadcast_strides(shape, whole)};
  const std::size_t parts = whole.empty() ? 1 : std::min(parts_of(x.size()), (whole[0] + 1) / 2);
  const bool apart = parts > 1 && strides[1][0] == 0;
  Shape sums = shape;
  if (apart) sums.insert(sums.begin(), parts);
  auto result = zeros<T>(sums);
  const std::size_t size = apart ? result.size() / parts : 0;
  for_each_row_in_parts<2>(parts, whole, strides,
                           [&](std::size_t p, std::size_t n, const auto& at, const auto& step) {
                             const T* from = x.data() + at[0];
                             T* to = result.data() + p * size + at[1];
                             if (step[1] == 0) {
                               *to += sum_of<T>(
                                   n, [](auto v) { return v; }, from);
                             } else {
                               for (std::size_t i = 0; i < n; ++i) to[i] += from[i];
                             }
                           });
  return apart ? sum_to(result, shape) : result;
}

}  // namespace xgrad::detail
