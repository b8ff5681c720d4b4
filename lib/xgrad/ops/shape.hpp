#pragma once
// Ops that move entries and compute nothing. Each throws Error when the shapes do not allow it.

#include "xgrad/core/tape.hpp"

namespace xgrad {

/// The same entries in row-major order; one extent may be -1 and is then worked out.
template <class T>
Variable<T> reshape(const Variable<T>& x, const std::vector<std::ptrdiff_t>& shape);
/// Axis i of the result is axis axes[i] of x; without axes the order is reversed (a matrix is transposed).
template <class T>
Variable<T> transpose(const Variable<T>& x, const Axes& axes = {});
/// Exchanges two axes.
template <class T>
Variable<T> swap_axes(const Variable<T>& x, std::ptrdiff_t a, std::ptrdiff_t b);
/// Entries begin, begin+step, … before `end` along one axis; negative begin and end count from the end and
/// are clipped to the axis, as in Python. step ≥ 1.
template <class T>
Variable<T> slice(const Variable<T>& x, std::ptrdiff_t axis, std::ptrdiff_t begin, std::ptrdiff_t end,
                  std::ptrdiff_t step = 1);
/// Joins along an existing axis; all other axes must agree.
template <class T>
Variable<T> concatenate(const std::vector<Variable<T>>& parts, std::ptrdiff_t axis = 0);
/// Joins equal shapes along a new axis.
template <class T>
Variable<T> stack(const std::vector<Variable<T>>& parts, std::ptrdiff_t axis = 0);
template <class T>
Variable<T> broadcast_to(const Variable<T>& x, const Shape& shape);
/// y[…, i, …] = x[…, indices[…, i, …], …] along one axis (torch.gather); indices has x's rank, and its other
/// axes have x's extents.
template <class T>
Variable<T> gather(const Variable<T>& x, std::ptrdiff_t axis, const Indices& indices);
/// Rows of a table: (vocabulary, d) and indices of any shape S give S + (d,). The gradient is scattered back
/// with +=, so a row that is used twice receives both. Throws on an index out of range.
template <class T>
Variable<T> embedding(const Variable<T>& table, const Indices& indices);

}  // namespace xgrad
