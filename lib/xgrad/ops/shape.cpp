#include "xgrad/ops/shape.hpp"

#include <algorithm>
#include <numeric>

#include "xgrad/core/scalars.hpp"
#include "xgrad/core/strided.hpp"

namespace xgrad {

using detail::Strides;

namespace {

Strides row_major(const Shape& shape) { return detail::broadcast_strides(shape, shape); }

/// Extents before, along and after an axis: the entry (i, j, k) lies at (i·along + j)·after + k.
struct Split {
  std::size_t before = 1, along = 1, after = 1;
  Split(const Shape& shape, std::size_t axis) : along(shape[axis]) {
    for (std::size_t i = 0; i < axis; ++i) before *= shape[i];
    for (std::size_t i = axis + 1; i < shape.size(); ++i) after *= shape[i];
  }
};

template <class T>
std::string shapes(const std::vector<Variable<T>>& parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ", ") + to_string(part.shape());
  return text;
}

/// x with its axes in the given order.
template <class T>
Array<T> permuted(const Array<T>& x, const std::vector<std::size_t>& order) {
  const Strides strides = row_major(shape_of(x));
  Shape shape;
  Strides from;
  for (auto axis : order) {
    shape.push_back(x.shape()[axis]);
    from.push_back(x.shape()[axis] == 1 ? 0 : strides[axis]);
  }
  auto y = empty<T>(shape);
  detail::for_each_row<2>(shape, {row_major(shape), from},
                          [&](std::size_t n, const auto& at, const auto& step) {
                            T* to = y.data() + at[0];
                            const T* in = x.data() + at[1];
                            for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(n); ++i)
                              to[i * step[0]] = in[i * step[1]];
                          });
  return y;
}

}  // namespace

// The entries stay where they are: dx = dy, reshaped back.
template <class T>
Variable<T> reshape(const Variable<T>& x, const std::vector<std::ptrdiff_t>& wanted) {
  Shape shape;
  std::size_t open = wanted.size();
  const auto text = [&] {
    std::string s;
    for (auto w : wanted) s += (s.empty() ? "(" : ", ") + std::to_string(w);
    return s.empty() ? "()" : s + ")";
  };
  for (auto extent : wanted) {
    if (extent < -1 || (extent == -1 && open < wanted.size()))
      fail("reshape", "the shape ", text(),
           " is not possible: at most one extent may be -1, the others 0 or more");
    if (extent == -1) open = shape.size();
    shape.push_back(extent == -1 ? 1 : static_cast<std::size_t>(extent));
  }
  if (open < wanted.size()) shape[open] = x.size() / std::max<std::size_t>(count(shape), 1);
  if (count(shape) != x.size())
    fail("reshape", "x is ", to_string(x.shape()), ", the new shape ", text(), ": both must have ", x.size(),
         " entries");
  return record<T>("reshape", reshaped(x.value(), shape), {x},
                   [=](const Array<T>&, Gradient<T> dy) { x.accumulate(reshaped(dy.take(), x.shape())); });
}

// y = x with axes permuted,   dx = dy with the inverse permutation
template <class T>
Variable<T> transpose(const Variable<T>& x, const Axes& axes) {
  std::vector<std::size_t> order(x.rank());
  std::iota(order.rbegin(), order.rend(), std::size_t(0));
  if (!axes.empty()) {
    if (normalised_axes("transpose", axes, x.rank()).size() != x.rank())
      fail("transpose", "x is ", to_string(x.shape()), ": all of its ", x.rank(), " axes must be named, got ",
           axes.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = normalised_axis("transpose", axes[i], x.rank());
  }
  std::vector<std::size_t> inverse(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) inverse[order[i]] = i;
  return record<T>("transpose", permuted(x.value(), order), {x},
                   [=](const Array<T>&, const Array<T>& dy) { x.accumulate(permuted(dy, inverse)); });
}

template <class T>
Variable<T> swap_axes(const Variable<T>& x, std::ptrdiff_t a, std::ptrdiff_t b) {
  Axes order(x.rank());
  std::iota(order.begin(), order.end(), std::ptrdiff_t(0));
  std::swap(order[normalised_axis("swap_axes", a, x.rank())],
            order[normalised_axis("swap_axes", b, x.rank())]);
  return transpose(x, order);
}

// y = x[begin:end:step],   dx[begin:end:step] = dy, 0 elsewhere
template <class T>
Variable<T> slice(const Variable<T>& x, std::ptrdiff_t axis, std::ptrdiff_t begin, std::ptrdiff_t end,
                  std::ptrdiff_t step) {
  const std::size_t which = normalised_axis("slice", axis, x.rank());
  const Split split(x.shape(), which);
  if (step < 1) fail("slice", "the step is ", step, ": it must be at least 1");
  const auto length = static_cast<std::ptrdiff_t>(split.along);
  const auto clipped = [&](std::ptrdiff_t i) {
    return std::clamp<std::ptrdiff_t>(i < 0 ? i + length : i, 0, length);
  };
  const std::ptrdiff_t first = clipped(begin), last = std::max(first, clipped(end));
  Shape shape = x.shape();
  shape[which] = static_cast<std::size_t>(last > first ? (last - first - 1) / step + 1 : 0);

  // Walks over the rows of both: copies from x to y, or adds from dy into dx.
  const auto for_each_piece = [=, pieces = shape[which]](auto piece) {
    for (std::size_t i = 0; i < split.before; ++i)
      for (std::size_t j = 0; j < pieces; ++j)
        piece((i * split.along + static_cast<std::size_t>(first) + j * static_cast<std::size_t>(step)) *
                  split.after,
              (i * pieces + j) * split.after);
  };
  auto y = empty<T>(shape);
  for_each_piece([&](std::size_t in, std::size_t out) {
    std::copy_n(x.value().data() + in, split.after, y.data() + out);
  });
  return record<T>("slice", std::move(y), {x}, [=](const Array<T>&, const Array<T>& dy) {
    auto dx = zeros<T>(x.shape());
    for_each_piece(
        [&](std::size_t in, std::size_t out) { std::copy_n(dy.data() + out, split.after, dx.data() + in); });
    x.accumulate(std::move(dx));
  });
}

// y = [x₁ x₂ …],   dxᵢ = its piece of dy
template <class T>
Variable<T> concatenate(const std::vector<Variable<T>>& parts, std::ptrdiff_t axis) {
  if (parts.empty()) fail("concatenate", "there is nothing to join: give at least one array");
  const std::size_t which = normalised_axis("concatenate", axis, parts[0].rank());
  Shape shape = parts[0].shape();
  shape[which] = 0;
  for (const auto& part : parts) {
    Shape expected = shape, got = part.shape();
    if (got.size() != shape.size())
      fail("concatenate", "the parts are ", shapes(parts), ": all must have the same rank");
    expected[which] = got[which];
    if (got != expected)
      fail("concatenate", "the parts are ", shapes(parts), ": all axes but axis ", which, " must agree");
    shape[which] += got[which];
  }
  const Split whole(shape, which);
  // Calls piece(part number, offset in the part, offset in the whole, length) for each contiguous run.
  const auto for_each_piece = [=](auto piece) {
    std::size_t start = 0;
    for (std::size_t p = 0; p < parts.size(); ++p) {
      const std::size_t run = parts[p].value().shape()[which] * whole.after;
      for (std::size_t i = 0; i < whole.before; ++i)
        piece(p, i * run, i * whole.along * whole.after + start, run);
      start += run;
    }
  };
  auto y = empty<T>(shape);
  for_each_piece([&](std::size_t p, std::size_t in, std::size_t out, std::size_t n) {
    std::copy_n(parts[p].value().data() + in, n, y.data() + out);
  });
  return record<T>("concatenate", std::move(y), VariableList<T>(parts.begin(), parts.end()),
                   [=](const Array<T>&, const Array<T>& dy) {
                     std::vector<Array<T>> dx;
                     for (const auto& part : parts) dx.push_back(empty<T>(part.shape()));
                     for_each_piece([&](std::size_t p, std::size_t in, std::size_t out, std::size_t n) {
                       std::copy_n(dy.data() + out, n, dx[p].data() + in);
                     });
                     for (std::size_t p = 0; p < parts.size(); ++p) parts[p].accumulate(std::move(dx[p]));
                   });
}

template <class T>
Variable<T> stack(const std::vector<Variable<T>>& parts, std::ptrdiff_t axis) {
  if (parts.empty()) fail("stack", "there is nothing to join: give at least one array");
  const std::size_t which = normalised_axis("stack", axis, parts[0].rank() + 1);
  for (const auto& part : parts)
    if (part.shape() != parts[0].shape())
      fail("stack", "the parts are ", shapes(parts), ": all shapes must be equal");
  const Shape old = parts[0].shape();
  std::vector<std::ptrdiff_t> shape(old.begin(), old.end());
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(which), 1);
  std::vector<Variable<T>> longer;
  for (const auto& part : parts) longer.push_back(reshape(part, shape));
  return concatenate(longer, static_cast<std::ptrdiff_t>(which));
}

// y = x repeated,   dx = Σ dy over the repetitions (which accumulate does)
template <class T>
Variable<T> broadcast_to(const Variable<T>& x, const Shape& shape) {
  if (!detail::broadcasts_to(x.shape(), shape))
    fail("broadcast_to", "x is ", to_string(x.shape()), ", the shape ", to_string(shape),
         ": axes are matched from the last one, and x's must be equal or 1");
  return record<T>("broadcast_to",
                   detail::elementwise_to<T>(
                       shape, [](T v) { return v; }, x.value()),
                   {x}, [=](const Array<T>&, Gradient<T> dy) { x.accumulate(dy.take()); });
}

// y_i = x_(index i),   dx_(index i) += dy_i
template <class T>
Variable<T> gather(const Variable<T>& x, std::ptrdiff_t axis, const Indices& indices) {
  const std::size_t which = normalised_axis("gather", axis, x.rank());
  Shape expected = x.shape();
  const Shape shape = shape_of(indices);
  if (shape.size() == expected.size()) expected[which] = shape[which];
  if (shape != expected)
    fail("gather", "x is ", to_string(x.shape()), ", the indices are ", to_string(shape),
         ": all axes but axis ", which, " must agree");
  const Split in(x.shape(), which), out(shape, which);
  for (auto index : indices)
    if (index < 0 || index >= static_cast<std::int64_t>(in.along))
      fail("gather", "the index ", index, " is out of range: axis ", which, " of ", to_string(x.shape()),
           " has ", in.along, " entries");
  const auto for_each_entry = [=](auto entry) {
    std::size_t at = 0;
    for (std::size_t i = 0; i < out.before; ++i)
      for (std::size_t j = 0; j < out.along; ++j)
        for (std::size_t k = 0; k < out.after; ++k, ++at)
          entry((i * in.along + static_cast<std::size_t>(indices.data()[at])) * in.after + k, at);
  };
  auto y = empty<T>(shape);
  for_each_entry([&](std::size_t from, std::size_t to) { y.data()[to] = x.value().data()[from]; });
  return record<T>("gather", std::move(y), {x}, [=](const Array<T>&, const Array<T>& dy) {
    auto dx = zeros<T>(x.shape());
    for_each_entry([&](std::size_t from, std::size_t to) { dx.data()[from] += dy.data()[to]; });
    x.accumulate(std::move(dx));
  });
}

// y_i = row (index i) of the table,   dtable_(index i) += dy_i
template <class T>
Variable<T> embedding(const Variable<T>& table, const Indices& indices) {
  if (table.rank() != 2)
    fail("embedding", "the table is ", to_string(table.shape()), ": it must be a matrix (vocabulary, d)");
  const std::size_t vocabulary = table.extent(0), d = table.extent(1);
  for (auto index : indices)
    if (index < 0 || index >= static_cast<std::int64_t>(vocabulary))
      fail("embedding", "the index ", index, " is out of range: the table has ", vocabulary, " rows");
  Shape shape = shape_of(indices);
  shape.push_back(d);
  auto y = empty<T>(shape);
  for (std::size_t i = 0; i < indices.size(); ++i)
    std::copy_n(table.value().data() + static_cast<std::size_t>(indices.data()[i]) * d, d, y.data() + i * d);
  return record<T>("embedding", std::move(y), {table}, [=](const Array<T>&, const Array<T>& dy) {
    auto dtable = zeros<T>(table.shape());
    for (std::size_t i = 0; i < indices.size(); ++i) {
      T* row = dtable.data() + static_cast<std::size_t>(indices.data()[i]) * d;
      for (std::size_t j = 0; j < d; ++j) row[j] += dy.data()[i * d + j];
    }
    table.accumulate(std::move(dtable));
  });
}

#define XGRAD_INSTANTIATE(T)                                                                     \
  template Variable<T> reshape(const Variable<T>&, const std::vector<std::ptrdiff_t>&);          \
  template Variable<T> transpose(const Variable<T>&, const Axes&);                               \
  template Variable<T> swap_axes(const Variable<T>&, std::ptrdiff_t, std::ptrdiff_t);            \
  template Variable<T> slice(const Variable<T>&, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t, \
                             std::ptrdiff_t);                                                    \
  template Variable<T> concatenate(const std::vector<Variable<T>>&, std::ptrdiff_t);             \
  template Variable<T> stack(const std::vector<Variable<T>>&, std::ptrdiff_t);                   \
  template Variable<T> broadcast_to(const Variable<T>&, const Shape&);                           \
  template Variable<T> gather(const Variable<T>&, std::ptrdiff_t, const Indices&);               \
  template Variable<T> embedding(const Variable<T>&, const Indices&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
