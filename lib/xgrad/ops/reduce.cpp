#include "xgrad/ops/reduce.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "xgrad/core/rows.hpp"
#include "xgrad/core/scalars.hpp"
#include "xgrad/core/strided.hpp"
#include "xgrad/core/threads.hpp"
#include "xgrad/core/vector_math.hpp"

namespace xgrad {

using detail::elementwise;
using detail::elementwise_to;
using detail::sum_to;

namespace {

/// The shapes of one reduction: `kept` has length 1 on the reduced axes, `result` is what the caller asked
/// for, n entries go into each result. They are a row in memory where the reduced axes come last.
struct Reduced {
  Shape kept, result;
  double n;
  bool of_rows;
};

Reduced reduced(const char* op, const Shape& shape, const Axes& axes, bool keepdims) {
  const auto which = normalised_axes(op, axes, shape.size());
  Reduced r{reduced_shape(shape, which, true), reduced_shape(shape, which, keepdims), 1,
            which.empty() || which.front() + which.size() == shape.size()};
  for (auto axis : which) r.n *= static_cast<double>(shape[axis]);
  return r;
}

/// The largest entry over the axes on which `kept` is 1.
template <class T>
Array<T> largest(const char* op, const Array<T>& x, const Reduced& r) {
  if (r.n == 0) fail(op, "x is ", to_string(shape_of(x)), ": there is no entry to choose from");
  auto m = full<T>(r.kept, T(-std::numeric_limits<double>::infinity()));
  const auto from = detail::broadcast_strides(shape_of(x), shape_of(x));
  const auto to = detail::broadcast_strides(r.kept, shape_of(x));
  detail::for_each_row<2>(shape_of(x), {from, to}, [&](std::size_t n, const auto& at, const auto& step) {
    const T* in = x.data() + at[0];
    T* out = m.data() + at[1];
    for (std::ptrdiff_t i = 0; i < static_cast<std::ptrdiff_t>(n); ++i) {
      T& best = out[i * step[1]];
      const T v = in[i * step[0]];
      if (v > best || v != v) best = v;  // NaN wins, as in NumPy
    }
  });
  return m;
}

/// Where the maximum is infinite it is the answer, and x - m would be NaN: shift by 0 there.
template <class T>
T finite_or_0(T m) {
  const T infinity(std::numeric_limits<double>::infinity());
  return m == infinity || m == -infinity ? T(0) : m;
}

/// logsumexp of rows of n ≥ 1 entries.
template <class T>
Variable<T> logsumexp_of_rows(const Variable<T>& x, std::size_t n, const Shape& result) {
  using fast::exp, std::log;
  const std::size_t rows = x.size() / n, parts = detail::parts_of(x.size());
  auto y = empty<T>(result), shift = empty<T>({rows}), rest = shift;
  detail::for_parts(parts, rows, [&](std::size_t, std::size_t begin, std::size_t end) {
    auto e = empty<T>({n});
    for (std::size_t i = begin; i < end; ++i) {
      const T* row = x.value().data() + i * n;
      const T m = shift.data()[i] = finite_or_0(detail::max_of(row, n));
      const T l = rest.data()[i] = log(detail::exp_and_sum(n, m, e.data(), row));
      y.data()[i] = m + l;
    }
  });
  return record<T>("logsumexp", std::move(y), {x}, [=](const Array<T>&, const Array<T>& dy) {
    auto dx = empty_like(x.value());
    detail::for_parts(parts, rows, [&](std::size_t, std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        const T m = shift.data()[i], l = rest.data()[i], d = dy.data()[i];
        detail::apply_contiguous(
            n, [=](auto v) { return d * exp((v - m) - l); }, dx.data() + i * n, x.value().data() + i * n);
      }
    });
    x.accumulate(std::move(dx));
  });
}

}  // namespace

// y = Σ x,   dx = dy, repeated along the reduced axes
template <class T>
Variable<T> sum(const Variable<T>& x, const Axes& axes, bool keepdims) {
  const Reduced r = reduced("sum", x.shape(), axes, keepdims);
  return record<T>("sum", reshaped(sum_to(x.value(), r.kept), r.result), {x},
                   [=](const Array<T>&, const Array<T>& dy) {
                     x.accumulate(elementwise_to<T>(
                         x.shape(), [](T d) { return d; }, reshaped(dy, r.kept)));
                   });
}

// y = Σ x / n,   dx = dy / n
template <class T>
Variable<T> mean(const Variable<T>& x, const Axes& axes, bool keepdims) {
  const Reduced r = reduced("mean", x.shape(), axes, keepdims);
  const T n(r.n);
  auto y = elementwise<T>([=](T s) { return s / n; }, sum_to(x.value(), r.kept));
  return record<T>("mean", reshaped(std::move(y), r.result), {x}, [=](const Array<T>&, const Array<T>& dy) {
    x.accumulate(elementwise_to<T>(
        x.shape(), [=](T d) { return d / n; }, reshaped(dy, r.kept)));
  });
}

// y = Σ (x - μ)² / m,   dx = dy 2(x - μ) / m,   m = n or n - 1.   (μ depends on x too, but Σ (x - μ) = 0.)
template <class T>
Variable<T> variance(const Variable<T>& x, const Axes& axes, bool keepdims, Divisor divisor) {
  const Reduced r = reduced("variance", x.shape(), axes, keepdims);
  const T n(r.n), m(divisor == Divisor::sample ? std::max(r.n - 1, 0.) : r.n);
  const auto mu = elementwise<T>([=](T s) { return s / n; }, sum_to(x.value(), r.kept));
  const auto squares = elementwise<T>(
      "variance", [](T v, T c) { return (v - c) * (v - c); }, x.value(), mu);
  auto y = elementwise<T>([=](T s) { return s / m; }, sum_to(squares, r.kept));
  return record<T>("variance", reshaped(std::move(y), r.result), {x},
                   [=](const Array<T>&, const Array<T>& dy) {
                     x.accumulate(elementwise_to<T>(
                         x.shape(), [=](T v, T c, T d) { return d * T(2) * (v - c) / m; }, x.value(), mu,
                         reshaped(dy, r.kept)));
                   });
}

// y = max x,   dx = dy [x = y] / (number of entries that are largest)
template <class T>
Variable<T> max(const Variable<T>& x, const Axes& axes, bool keepdims) {
  const Reduced r = reduced("max", x.shape(), axes, keepdims);
  auto m = largest("max", x.value(), r);
  return record<T>("max", reshaped(std::move(m), r.result), {x}, [=](const Array<T>& y, const Array<T>& dy) {
    const auto top = reshaped(y, r.kept);
    const auto is_top = elementwise<T>(
        "max", [](T v, T t) { return v == t ? T(1) : T(0); }, x.value(), top);
    const auto ties = sum_to(is_top, r.kept);
    x.accumulate(elementwise_to<T>(
        x.shape(), [](T one, T n, T d) { return one != T(0) ? d / n : T(0); }, is_top, ties,
        reshaped(dy, r.kept)));
  });
}

// y = m + l with m = max x, l = ln Σ e^(x-m),   dx = dy e^((x-m) - l)   (x - y would lose digits when m is
// large)
template <class T>
Variable<T> logsumexp(const Variable<T>& x, const Axes& axes, bool keepdims) {
  using fast::exp, std::log;
  const Reduced r = reduced("logsumexp", x.shape(), axes, keepdims);
  if (r.of_rows && r.n > 0) return logsumexp_of_rows(x, static_cast<std::size_t>(r.n), r.result);
  const auto shift = elementwise<T>([](T m) { return finite_or_0(m); }, largest("logsumexp", x.value(), r));
  const auto e = elementwise<T>(
      "logsumexp", [](T v, T m) { return exp(v - m); }, x.value(), shift);
  const auto rest = elementwise<T>([](T s) { return log(s); }, sum_to(e, r.kept));
  auto y = elementwise<T>(
      "logsumexp", [](T m, T l) { return m + l; }, shift, rest);
  return record<T>("logsumexp", reshaped(std::move(y), r.result), {x},
                   [=](const Array<T>&, const Array<T>& dy) {
                     x.accumulate(elementwise_to<T>(
                         x.shape(), [](T v, T m, T l, T d) { return d * exp((v - m) - l); }, x.value(), shift,
                         rest, reshaped(dy, r.kept)));
                   });
}

#define XGRAD_INSTANTIATE(T)                                                     \
  template Variable<T> sum(const Variable<T>&, const Axes&, bool);               \
  template Variable<T> mean(const Variable<T>&, const Axes&, bool);              \
  template Variable<T> variance(const Variable<T>&, const Axes&, bool, Divisor); \
  template Variable<T> max(const Variable<T>&, const Axes&, bool);               \
  template Variable<T> logsumexp(const Variable<T>&, const Axes&, bool);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
