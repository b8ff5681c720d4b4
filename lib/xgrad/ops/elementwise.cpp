// A table of derivatives: each op is its formula and its derivative, side by side, as functions of scalars.
#include "xgrad/ops/elementwise.hpp"

#include <cmath>
#include <cstddef>
#include <type_traits>

#include "xgrad/core/scalars.hpp"
#include "xgrad/core/strided.hpp"
#include "xgrad/core/vector_math.hpp"

namespace xgrad {

using detail::elementwise;
using detail::elementwise_to;

namespace {

/// y = f(x), dx = dy f'(x), where `derivative` may use both x and y = f(x).
template <class T, class F, class D>
Variable<T> unary(const char* op, const Variable<T>& x, F f, D derivative) {
  return record<T>(op, elementwise<T>(f, x.value()), {x}, [=](const Array<T>& y, Gradient<T> dy) {
    x.accumulate(dy.transform([&](const T* in, T* out) {
      detail::apply(
          y.size(),
          [=](auto d, auto v, auto f_v) -> decltype(d * derivative(v, f_v)) {
            return d * derivative(v, f_v);
          },
          out, in, x.value().data(), y.data());
    }));
  });
}

/// y = f(a, b), da = dy ∂f/∂a(a, b), db = dy ∂f/∂b(a, b); accumulate sums over what was broadcast.
template <class T, class F, class DA, class DB>
Variable<T> binary(const char* op, const Variable<T>& a, const Variable<T>& b, F f, DA df_da, DB df_db) {
  return record<T>(op, elementwise<T>(op, f, a.value(), b.value()), {a, b},
                   [=](const Array<T>& y, const Array<T>& dy) {
                     const Shape shape = shape_of(y);
                     const auto times = [&](auto df) {
                       return elementwise_to<T>(
                           shape, [=](T d, T p, T q) { return d * df(p, q); }, dy, a.value(), b.value());
                     };
                     if (a.requires_grad()) a.accumulate(times(df_da));
                     if (b.requires_grad()) b.accumulate(times(df_db));
                   });
}

/// dy f'(y), or dy itself when there is no `derivative` (nullptr).
template <class T, class D>
Array<T> through(const Array<T>& y, Gradient<T> dy, [[maybe_unused]] D derivative) {
  if constexpr (std::is_same_v<D, std::nullptr_t>) {
    return dy.take();
  } else {
    return dy.transform([&](const T* in, T* out) {
      detail::apply(
          y.size(), [=](T d, T v) { return d * derivative(v); }, out, in, y.data());
    });
  }
}

/// y = f(a + b), da = db = dy f'(y). One of them gets a copy, or the sum over what was broadcast; the other
/// the memory itself.
template <class T, class F, class D>
Variable<T> of_sum(const char* op, const Variable<T>& a, const Variable<T>& b, F f, D derivative) {
  return record<T>(op,
                   elementwise<T>(
                       op, [=](T p, T q) { return f(p + q); }, a.value(), b.value()),
                   {a, b}, [=](const Array<T>& y, Gradient<T> dy) {
                     Array<T> g = through(y, std::move(dy), derivative);
                     const bool a_takes_it = a.requires_grad() && a.size() == y.size();
                     (a_takes_it ? b : a).accumulate(g);
                     (a_takes_it ? a : b).accumulate(std::move(g));
                   });
}

// Scalar functions that several ops share.
template <class T>
XGRAD_INLINE T logistic(T x) {
  using fast::exp;
  using S = fast::Scalar<T>;
  return S(1) / (S(1) + exp(-x));  // where the exponential overflows the quotient is 0, as it should be
}

const double pi = std::acos(-1.0);

}  // namespace

// A table reads best with the function and each derivative on a line of its own.
// clang-format off

// y = a + b,   da = dy,   db = dy
template <class T>
Variable<T> add(const Variable<T>& a, const Variable<T>& b) {
  return of_sum("add", a, b, [](T s) { return s; }, nullptr);
}

// y = max(0, a + b),   da = db = dy [y > 0]
template <class T>
Variable<T> add_relu(const Variable<T>& a, const Variable<T>& b) {
  return of_sum("add_relu", a, b, [](T s) { return s < T(0) ? T(0) : s; },
                [](T y) { return y > T(0) ? T(1) : T(0); });
}

// y = a - b,   da = dy,   db = -dy
template <class T>
Variable<T> sub(const Variable<T>& a, const Variable<T>& b) {
  return binary("sub", a, b, [](T p, T q) { return p - q; },
                [](T, T) { return T(1); },
                [](T, T) { return T(-1); });
}

// y = a b,   da = dy b,   db = dy a
template <class T>
Variable<T> mul(const Variable<T>& a, const Variable<T>& b) {
  return binary("mul", a, b, [](T p, T q) { return p * q; },
                [](T, T q) { return q; },
                [](T p, T) { return p; });
}

// y = a / b,   da = dy / b,   db = -dy a / b²
template <class T>
Variable<T> div(const Variable<T>& a, const Variable<T>& b) {
  return binary("div", a, b, [](T p, T q) { return p / q; },
                [](T, T q) { return T(1) / q; },
                [](T p, T q) { return -p / q / q; });  // q² may leave the range where the quotient does not
}

// y = max(a, b),   da = dy [a > b] + ½ dy [a = b],   db the rest
template <class T>
Variable<T> maximum(const Variable<T>& a, const Variable<T>& b) {
  return binary("maximum", a, b, [](T p, T q) { return p > q || p != p ? p : q; },
                [](T p, T q) { return p > q ? T(1) : p == q ? T(.5) : T(0); },
                [](T p, T q) { return q > p ? T(1) : p == q ? T(.5) : T(0); });
}

// y = -x,   dx = -dy
template <class T>
Variable<T> neg(const Variable<T>& x) {
  return unary("neg", x, [](T v) { return -v; }, [](T, T) { return T(-1); });
}

// y = xᵖ,   dx = dy p xᵖ⁻¹
template <class T>
Variable<T> pow(const Variable<T>& x, double exponent) {
  using std::pow;
  const T p(exponent);
  return unary("pow", x, [=](T v) { return pow(v, p); },
               [=](T v, T) { return exponent == 0 ? T(0) : p * pow(v, T(exponent - 1)); });
}

// y = √x,   dx = dy / 2y
template <class T>
Variable<T> sqrt(const Variable<T>& x) {
  using std::sqrt;
  return unary("sqrt", x, [](T v) { return sqrt(v); }, [](T, T y) { return T(.5) / y; });
}

// y = eˣ,   dx = dy y
template <class T>
Variable<T> exp(const Variable<T>& x) {
  using fast::exp;
  return unary("exp", x, [](auto v) { return exp(v); }, [](T, T y) { return y; });
}

// y = ln x,   dx = dy / x
template <class T>
Variable<T> log(const Variable<T>& x) {
  using std::log;
  return unary("log", x, [](T v) { return log(v); }, [](T v, T) { return T(1) / v; });
}

// y = |x|,   dx = dy sign x
template <class T>
Variable<T> abs(const Variable<T>& x) {
  return unary("abs", x, [](T v) { return v > T(0) ? v : T(0) - v; },
               [](T v, T) { return v > T(0) ? T(1) : v < T(0) ? T(-1) : T(0); });
}

// y = max(0, x),   dx = dy [x > 0]
template <class T>
Variable<T> relu(const Variable<T>& x) {
  return unary("relu", x, [](T v) { return v < T(0) ? T(0) : v; }, [](T v, T) { return v > T(0) ? T(1) : T(0); });
}

// y = x if x > 0, else s x;   dx = dy or s dy
template <class T>
Variable<T> leaky_relu(const Variable<T>& x, double slope) {
  const T s(slope);
  return unary("leaky_relu", x, [=](T v) { return v > T(0) ? v : s * v; },
               [=](T v, T) { return v > T(0) ? T(1) : s; });
}

// y = 1 / (1 + e⁻ˣ),   dx = dy y (1 - y)
template <class T>
Variable<T> sigmoid(const Variable<T>& x) {
  return unary("sigmoid", x, [](auto v) { return logistic(v); }, [](T, T y) { return y * (T(1) - y); });
}

// y = tanh x,   dx = dy (1 - y²)
template <class T>
Variable<T> tanh(const Variable<T>& x) {
  using fast::tanh;
  return unary("tanh", x, [](auto v) { return tanh(v); }, [](T, T y) { return T(1) - y * y; });
}

// y = ln(1 + eˣ) = max(x, 0) + ln(1 + e^-|x|),   dx = dy / (1 + e⁻ˣ)
template <class T>
Variable<T> softplus(const Variable<T>& x) {
  using fast::exp, fast::log1p_unit, fast::detail::at_least, fast::detail::magnitude;
  return unary("softplus", x,
               [](auto v) { return at_least(T(0), v) + log1p_unit(exp(-magnitude(v))); },
               [](auto v, auto) { return logistic(v); });
}

// y = x Φ(x),   dx = dy (Φ(x) + x φ(x)),   φ(x) = e^(-x²/2)/√2π,   and on the way back Φ(x) = y/x, which costs less
template <class T>
Variable<T> gelu(const Variable<T>& x) {
  using fast::exp, fast::detail::magnitude;
  const T density(1 / std::sqrt(2 * pi));
  return unary("gelu", x, [](auto v) { return fast::gelu(v); },
               [=](auto v, auto y) {
                 // Near 0, where y has few digits or none, its Taylor series.
                 const auto distribution = magnitude(v) < T(1e-5) ? T(.5) + density * v : y / v;
                 return distribution + v * density * exp(T(-.5) * v * v);
               });
}

// y = ½x(1 + t),   dx = dy (½(1 + t) + ½x(1 - t²) u'),   t = tanh u,   u = √(2/π)(x + cx³),   c = 0.044715
template <class T>
Variable<T> gelu_tanh(const Variable<T>& x) {
  using fast::tanh;
  const T r(std::sqrt(2 / pi)), c(.044715), half(.5), one(1);
  return unary("gelu_tanh", x, [=](auto v) { return half * v * (one + tanh(r * (v + c * v * v * v))); },
               [=](auto v, auto) {
                 const auto t = tanh(r * (v + c * v * v * v));
                 return half * (one + t) + half * v * (one - t * t) * r * (one + T(3) * c * v * v);
               });
}

// clang-format on

// y = mask ? a : b,   da = mask ? dy : 0,   db = mask ? 0 : dy
template <class T>
Variable<T> where(const Mask& mask, const Variable<T>& a, const Variable<T>& b) {
  const Shape both = broadcast_shape("where", a.shape(), b.shape());
  if (!detail::compatible(shape_of(mask), both))
    fail("where", "the mask is ", to_string(shape_of(mask)), ", a and b together ", to_string(both),
         ": axes are matched from the last one, and must be equal or 1");
  const Shape shape = broadcast_shape("where", shape_of(mask), both);
  auto y = elementwise_to<T>(
      shape, [](bool m, T p, T q) { return m ? p : q; }, mask, a.value(), b.value());
  return record<T>("where", std::move(y), {a, b}, [=](const Array<T>&, const Array<T>& dy) {
    a.accumulate(elementwise_to<T>(
        shape, [](bool m, T d) { return m ? d : T(0); }, mask, dy));
    b.accumulate(elementwise_to<T>(
        shape, [](bool m, T d) { return m ? T(0) : d; }, mask, dy));
  });
}

// y = mask ? value : x,   dx = mask ? 0 : dy
template <class T>
Variable<T> masked_fill(const Variable<T>& x, const Mask& mask, double value) {
  const Shape shape = x.shape();
  if (!detail::broadcasts_to(shape_of(mask), shape))
    fail("masked_fill", "the mask is ", to_string(shape_of(mask)), ", x is ", to_string(shape),
         ": the mask must broadcast to x");
  auto y = elementwise_to<T>(
      shape, [=](bool m, T v) { return m ? T(value) : v; }, mask, x.value());
  return record<T>("masked_fill", std::move(y), {x}, [=](const Array<T>&, const Array<T>& dy) {
    x.accumulate(elementwise_to<T>(
        shape, [](bool m, T d) { return m ? T(0) : d; }, mask, dy));
  });
}

#define XGRAD_INSTANTIATE(T)                                                       \
  template Variable<T> add(const Variable<T>&, const Variable<T>&);                \
  template Variable<T> sub(const Variable<T>&, const Variable<T>&);                \
  template Variable<T> mul(const Variable<T>&, const Variable<T>&);                \
  template Variable<T> div(const Variable<T>&, const Variable<T>&);                \
  template Variable<T> maximum(const Variable<T>&, const Variable<T>&);            \
  template Variable<T> neg(const Variable<T>&);                                    \
  template Variable<T> pow(const Variable<T>&, double);                            \
  template Variable<T> sqrt(const Variable<T>&);                                   \
  template Variable<T> exp(const Variable<T>&);                                    \
  template Variable<T> log(const Variable<T>&);                                    \
  template Variable<T> abs(const Variable<T>&);                                    \
  template Variable<T> relu(const Variable<T>&);                                   \
  template Variable<T> add_relu(const Variable<T>&, const Variable<T>&);           \
  template Variable<T> leaky_relu(const Variable<T>&, double);                     \
  template Variable<T> sigmoid(const Variable<T>&);                                \
  template Variable<T> tanh(const Variable<T>&);                                   \
  template Variable<T> softplus(const Variable<T>&);                               \
  template Variable<T> gelu(const Variable<T>&);                                   \
  template Variable<T> gelu_tanh(const Variable<T>&);                              \
  template Variable<T> where(const Mask&, const Variable<T>&, const Variable<T>&); \
  template Variable<T> masked_fill(const Variable<T>&, const Mask&, double);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
