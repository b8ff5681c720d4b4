#include "xgrad/ops/normalisation.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "xgrad/core/rows.hpp"
#include "xgrad/core/scalars.hpp"
#include "xgrad/core/threads.hpp"
#include "xgrad/core/vector_math.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad {

using detail::parts_of;
using detail::sum_of;
using detail::sums_of;

namespace {

template <class S>
bool ends_with(const S& shape, const S& end) {
  return end.size() <= shape.size() && std::equal(end.rbegin(), end.rend(), shape.rbegin());
}

/// f(part, r) for each row r, cut into so many parts.
template <class F>
void for_rows(std::size_t parts, std::size_t rows, F f) {
  detail::for_parts(parts, rows, [&](std::size_t p, std::size_t begin, std::size_t end) {
    for (std::size_t r = begin; r < end; ++r) f(p, r);
  });
}

/// Applies a last-axis op along any axis by moving that axis to the end and back.
template <class T, class F>
Variable<T> along(const char* op, const Variable<T>& x, std::ptrdiff_t axis, F last_axis_op) {
  const std::size_t which = normalised_axis(op, axis, x.rank());
  if (which + 1 == x.rank()) return last_axis_op(x);
  const auto here = static_cast<std::ptrdiff_t>(which);
  return swap_axes(last_axis_op(swap_axes(x, here, -1)), here, -1);
}

// y = eˣ / Σ eˣ,   dx = y (dy - Σ y dy)
template <class T>
Variable<T> softmax_rows(const Variable<T>& x) {
  const std::size_t n = x.extent(-1), rows = n ? x.size() / n : 0;
  auto y = empty_like(x.value());
  for_rows(parts_of(x.size()), rows, [&](std::size_t, std::size_t r) {
    const T* in = x.value().data() + r * n;
    detail::softmax_row(n, detail::max_of(in, n), y.data() + r * n, in);
  });
  return record<T>("softmax", std::move(y), {x}, [=](const Array<T>& y, Gradient<T> dy) {
    x.accumulate(dy.transform([&](const T* from, T* to) {
      for_rows(parts_of(y.size()), rows, [&](std::size_t, std::size_t r) {
        detail::softmax_row_reverse(n, to + r * n, y.data() + r * n, from + r * n);
      });
    }));
  });
}

// y = x - ln Σ eˣ,   dx = dy - eʸ Σ dy
template <class T>
Variable<T> log_softmax_rows(const Variable<T>& x) {
  using fast::exp;
  const std::size_t n = x.extent(-1), rows = n ? x.size() / n : 0;
  auto y = empty_like(x.value());
  for_rows(parts_of(x.size()), rows, [&](std::size_t, std::size_t r) {
    detail::log_softmax_row(n, y.data() + r * n, x.value().data() + r * n);
  });
  return record<T>("log_softmax", std::move(y), {x}, [=](const Array<T>& y, Gradient<T> dy) {
    x.accumulate(dy.transform([&](const T* from, T* to) {
      for_rows(parts_of(y.size()), rows, [&](std::size_t, std::size_t r) {
        const T *l = y.data() + r * n, *d = from + r * n;
        T* dx = to + r * n;
        const T total = sum_of<T>(
            n, [](auto d_i) { return d_i; }, d);
        detail::apply_contiguous(
            n, [=](auto d_i, auto l_i) { return d_i - exp(l_i) * total; }, dx, d, l);
      });
    }));
  });
}

}  // namespace

template <class T>
Variable<T> softmax(const Variable<T>& x, std::ptrdiff_t axis) {
  return along("softmax", x, axis, softmax_rows<T>);
}

template <class T>
Variable<T> log_softmax(const Variable<T>& x, std::ptrdiff_t axis) {
  return along("log_softmax", x, axis, log_softmax_rows<T>);
}

namespace {

constexpr std::size_t most_rows = 32;

/// f(part, begin, end) for blocks of the rows of n numbers in each part. The steps of one row wait for each
/// other, those of different rows do not: short rows are taken many at a time.
template <class F>
void for_blocks(std::size_t parts, std::size_t rows, std::size_t n, F f) {
  const std::size_t most = n > 256 ? 1 : most_rows;
  detail::for_parts(parts, rows, [&](std::size_t p, std::size_t begin, std::size_t end) {
    for (; begin < end; begin += most) f(p, begin, std::min(begin + most, end));
  });
}

/// γ or β: `rows` rows of n numbers, repeated for the rows of x; all the same number where there is none.
template <class T>
struct Affine {
  Affine(const Variable<T>& parameter, std::size_t n, T instead)
      : parameter(parameter),
        n(n),
        rows(n && parameter ? parameter.size() / n : 1),
        none(parameter ? 0 : n, instead) {}
  /// Which of its rows belongs to row r of x. (A division takes as long as a row of 64 numbers.)
  std::size_t at(std::size_t r) const { return rows == 1 ? 0 : r % rows; }
  const T* row(std::size_t r) const { return parameter ? parameter.value().data() + at(r) * n : none.data(); }
  /// Zeros for the sums that make up its gradient, for so many parts.
  Array<T> sums(std::size_t parts) const {
    Shape shape = parameter ? parameter.shape() : Shape{n};
    if (parts > 1 || !parameter) shape.insert(shape.begin(), parts);
    return zeros<T>(shape);
  }
  Variable<T> parameter;
  std::size_t n, rows;
  AlignedVector<T> none;
};

/// How many numbers of x are normalised together: those of its last axes. Throws unless γ and β fit.
template <class T>
std::size_t normalised_numbers(const Variable<T>& x, const Variable<T>& gamma, const Variable<T>& beta,
                               std::size_t axes) {
  if (axes == 0 || axes > x.rank())
    fail("layer_norm", "x is ", to_string(x.shape()), ": ", axes, " trailing axes cannot be normalised");
  const auto& whole = x.value().shape();
  const auto normalised = whole.end() - static_cast<std::ptrdiff_t>(axes);
  for (const auto* affine : {&gamma, &beta})
    if (*affine && (affine->rank() < axes || !ends_with(whole, affine->value().shape())))
      fail("layer_norm", "x is ", to_string(x.shape()), ", ", affine == &gamma ? "gamma" : "beta", " is ",
           to_string(affine->shape()), ": it must have the shape of the normalised axes, ",
           to_string(Shape(normalised, whole.end())));
  return std::accumulate(normalised, whole.end(), std::size_t(1), std::multiplies<>());
}

/// `rows` rows of n features, normalised. Keeps μ and 1/s of each: x̂ is computed anew on the way back.
template <class T>
struct NormalisedRows {
  std::size_t n, rows;
  T features, m, eps;
  Affine<T> gain, shift;
  AlignedVector<T> mu, inverse;

  NormalisedRows(std::size_t n, std::size_t rows, const Variable<T>& gamma, const Variable<T>& beta,
                 const LayerNormOptions& options)
      : n(n),
        rows(rows),
        features(n),
        m(options.divisor == Divisor::sample ? double(n) - 1 : double(n)),
        eps(options.eps),
        gain(gamma, n, T(1)),
        shift(beta, n, T(0)),
        mu(rows),
        inverse(rows) {}

  // x̂ = (x - μ)/s,   s = √(Σ(x - μ)²/m + ε),   y = γ x̂ + β
  Array<T> forward(const Array<T>& x) {
    using std::sqrt;
    const std::size_t n = this->n;  // in a register
    auto y = empty_like(x);
    for_blocks(parts_of(x.size()), rows, n, [&, n](std::size_t, std::size_t begin, std::size_t end) {
      const auto row = [&](std::size_t r) { return x.data() + r * n; };
      const auto itself = [](auto v) { return v; };
      for (std::size_t r = begin; r < end; ++r) mu[r] = sum_of<T>(n, itself, row(r)) / features;
      for (std::size_t r = begin; r < end; ++r) {
        const auto square = [mean = mu[r]](auto v) { return (v - mean) * (v - mean); };
        inverse[r] = sum_of<T>(n, square, row(r));
      }
      for (std::size_t r = begin; r < end; ++r) inverse[r] = T(1) / sqrt(inverse[r] / m + eps);
      for (std::size_t r = begin; r < end; ++r) {
        const T *in = row(r), *g = gain.row(r), *b = shift.row(r);
        const T mean = mu[r], scale = inverse[r];
        T* out = y.data() + r * n;
        XGRAD_INDEPENDENT
        for (std::size_t i = 0; i < n; ++i) out[i] = (in[i] - mean) * scale * g[i] + b[i];
      }
    });
    return y;
  }

  // g = γ dy:   dx = (1/s) (g  -  mean g  -  x̂ Σ g x̂ / m),   dγ += dy x̂,   dβ += dy
  //                       direct   through μ   through σ²
  // Each part of the rows sums dγ and dβ for itself.
  Array<T> backward(const Array<T>& x, Gradient<T> dy, std::size_t parts, T* dgamma, T* dbeta) const {
    const std::size_t n = this->n;
    return dy.transform([&, n](const T* from, T* to) {
      for_blocks(parts, rows, n, [&, n](std::size_t p, std::size_t begin, std::size_t end) {
        T through_mu[most_rows], through_sigma[most_rows];
        for (std::size_t r = begin; r < end; ++r) {
          const auto g_and_g_hat = [mean = mu[r], scale = inverse[r]](auto gain_i, auto d_i, auto v) {
            const auto g = gain_i * d_i;
            return std::pair(g, g * ((v - mean) * scale));
          };
          const auto [sum_g, sum_g_hat] =
              sums_of<T>(n, g_and_g_hat, gain.row(r), from + r * n, x.data() + r * n);
          through_mu[r - begin] = sum_g / features;
          through_sigma[r - begin] = sum_g_hat / m;
        }
        for (std::size_t r = begin; r < end; ++r) {
          const T *in = x.data() + r * n, *d = from + r * n, *g = gain.row(r);
          T *out = to + r * n, *dg = dgamma + (p + gain.at(r)) * n, *db = dbeta + (p + shift.at(r)) * n;
          const T mean = mu[r], scale = inverse[r], a = through_mu[r - begin], b = through_sigma[r - begin];
          XGRAD_INDEPENDENT
          for (std::size_t i = 0; i < n; ++i) {
            const T hat = (in[i] - mean) * scale, d_i = d[i];
            dg[i] += d_i * hat;
            db[i] += d_i;
            out[i] = scale * (g[i] * d_i - a - hat * b);
          }
        }
      });
    });
  }
};

}  // namespace

// x̂ = (x - μ)/s,   s = √(Σ(x - μ)²/m + ε),   y = γ x̂ + β,   n features, m = n or n - 1
// dx is that of NormalisedRows::backward,   dγ = Σ_rows dy x̂,   dβ = Σ_rows dy
template <class T>
Variable<T> layer_norm(const Variable<T>& x, const Variable<T>& gamma, const Variable<T>& beta,
                       const LayerNormOptions& options) {
  const std::size_t n = normalised_numbers(x, gamma, beta, options.axes);
  NormalisedRows<T> rows(n, n ? x.size() / n : 0, gamma, beta, options);
  auto y = rows.forward(x.value());
  VariableList<T> inputs{x};
  if (gamma) inputs.push_back(gamma);
  if (beta) inputs.push_back(beta);
  return record<T>(
      "layer_norm", std::move(y), std::move(inputs),
      [=, rows = std::move(rows)](const Array<T>&, Gradient<T> dy) {
        const bool one_row = rows.gain.rows == 1 && rows.shift.rows == 1;
        const std::size_t parts = one_row ? parts_of(x.size()) : 1;
        auto dgamma = rows.gain.sums(parts), dbeta = rows.shift.sums(parts);
        x.accumulate(rows.backward(x.value(), std::move(dy), parts, dgamma.data(), dbeta.data()));
        gamma.accumulate(std::move(dgamma));  // adds up the parts
        beta.accumulate(std::move(dbeta));
      });
}

// r = √(Σx²/n + ε),   x̂ = x/r,   y = γ x̂,   g = γ dy:   dx = (1/r) (g - x̂ Σ g x̂ / n),   dγ = Σ_rows dy x̂
template <class T>
Variable<T> rms_norm(const Variable<T>& x, const Variable<T>& gamma, double eps) {
  using std::sqrt;
  const std::size_t n = x.shape()[normalised_axis("rms_norm", -1, x.rank())], rows = n ? x.size() / n : 0;
  if (gamma && gamma.shape() != Shape{n})
    fail("rms_norm", "x is ", to_string(x.shape()), ", gamma is ", to_string(gamma.shape()),
         ": it must have one number for each feature, (", n, ",)");
  const Array<T> gains = gamma ? gamma.value() : full<T>({n}, T(1));
  auto inverse = empty<T>({rows});
  auto y = empty_like(x.value());
  for (std::size_t r = 0; r < rows; ++r) {
    const T *in = x.value().data() + r * n, *gain = gains.data();
    T* out = y.data() + r * n;
    const auto square = [](auto v) { return v * v; };
    const T scale = T(1) / sqrt(sum_of<T>(n, square, in) / T(n) + T(eps));
    XGRAD_INDEPENDENT
    for (std::size_t i = 0; i < n; ++i) out[i] = in[i] * scale * gain[i];
    inverse.data()[r] = scale;
  }
  VariableList<T> inputs{x};
  if (gamma) inputs.push_back(gamma);
  return record<T>("rms_norm", std::move(y), std::move(inputs), [=](const Array<T>&, const Array<T>& dy) {
    auto dx = empty_like(x.value()), dgamma = zeros<T>({n});
    for (std::size_t r = 0; r < rows; ++r) {
      const T *in = x.value().data() + r * n, *d = dy.data() + r * n, *gain = gains.data();
      T *out = dx.data() + r * n, *dg = dgamma.data();
      const T scale = inverse.data()[r];
      const auto product = [](auto g, auto d_i, auto v) { return g * d_i * v; };
      const T through_r = sum_of<T>(n, product, gain, d, in) * scale * scale / T(n);
      XGRAD_INDEPENDENT
      for (std::size_t i = 0; i < n; ++i) {
        dg[i] += d[i] * in[i] * scale;
        out[i] = scale * (gain[i] * d[i] - in[i] * through_r);
      }
    }
    x.accumulate(std::move(dx));
    gamma.accumulate(std::move(dgamma));
  });
}

#define XGRAD_INSTANTIATE(T)                                                                  \
  template Variable<T> softmax(const Variable<T>&, std::ptrdiff_t);                           \
  template Variable<T> log_softmax(const Variable<T>&, std::ptrdiff_t);                       \
  template Variable<T> layer_norm(const Variable<T>&, const Variable<T>&, const Variable<T>&, \
                                  const LayerNormOptions&);                                   \
  template Variable<T> rms_norm(const Variable<T>&, const Variable<T>&, double);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
