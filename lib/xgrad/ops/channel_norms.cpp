#include "xgrad/ops/channel_norms.hpp"

#include <cmath>

#include "xgrad/core/rows.hpp"
#include "xgrad/core/scalars.hpp"

namespace xgrad {

using detail::sum_of;

namespace {

/// x seen as (samples, channels, length): the axes after the first two are one run in memory.
struct Layout {
  std::size_t samples, channels, length;
  std::size_t values() const { return samples * length; }  ///< of one channel
};

/// Checks x and what goes with its channels.
template <class T>
Layout layout_of(const char* op, const Variable<T>& x, const Variable<T>& gamma, const Variable<T>& beta) {
  const Shape shape = x.shape();
  if (shape.size() < 2) fail(op, "x is ", to_string(shape), ": it must be (N, C, …)");
  for (const auto* affine : {&gamma, &beta})
    if (*affine && affine->shape() != Shape{shape[1]})
      fail(op, "x is ", to_string(shape), ", ", affine == &gamma ? "gamma" : "beta", " is ",
           to_string(affine->shape()), ": it must have one number for each channel, (", shape[1], ",)");
  return {shape[0], shape[1], count(Shape(shape.begin() + 2, shape.end()))};
}

/// f(i, c) for every entry i, c its channel.
template <class F>
void for_each_entry(const Layout& x, F f) {
  for (std::size_t n = 0; n < x.samples; ++n) {
    if (x.length == 1) {  // (N, C): the channels are the run
      XGRAD_INDEPENDENT
      for (std::size_t c = 0; c < x.channels; ++c) f(n * x.channels + c, c);
    } else {
      for (std::size_t c = 0; c < x.channels; ++c) {
        const std::size_t start = (n * x.channels + c) * x.length;
        XGRAD_INDEPENDENT
        for (std::size_t i = start; i < start + x.length; ++i) f(i, c);
      }
    }
  }
}

/// Σ f(i, c) over the entries i of each channel c: (C,).
template <class T, class F>
Array<T> sum_of_channels(const Layout& x, F f) {
  auto result = zeros<T>({x.channels});
  T* total = result.data();
  if (x.length == 1) {
    for_each_entry(x, [=](std::size_t i, std::size_t c) { total[c] += f(i, c); });
  } else {
    for (std::size_t run = 0; run < x.samples * x.channels; ++run) {
      const std::size_t c = run % x.channels, start = run * x.length;
      total[c] += sum_of<T>(x.length, [=](std::size_t i) { return f(start + i, c); });
    }
  }
  return result;
}

template <class T>
std::vector<Variable<T>> given(std::initializer_list<Variable<T>> inputs) {
  std::vector<Variable<T>> result;
  for (const auto& input : inputs)
    if (input) result.push_back(input);
  return result;
}

/// γ (x - μ) r + β with r = 1/s, channel by channel.
template <class T>
Array<T> normalised(const Layout& layout, const Array<T>& x, const Array<T>& mean, const Array<T>& inverse,
                    const Variable<T>& gamma, const Variable<T>& beta) {
  Array<T> slope = inverse, shift = beta ? beta.value() : zeros<T>({layout.channels});
  if (gamma)
    for (std::size_t c = 0; c < layout.channels; ++c) slope.data()[c] *= gamma.value().data()[c];
  auto result = empty_like(x);
  const T *in = x.data(), *m = mean.data(), *k = slope.data(), *b = shift.data();
  T* out = result.data();
  for_each_entry(layout, [=](std::size_t i, std::size_t c) { out[i] = (in[i] - m[c]) * k[c] + b[c]; });
  return result;
}

/// 1/√(σ² + ε).
template <class T>
Array<T> inverse_deviation(Array<T> variance, double eps) {
  using std::sqrt;
  for (T& v : variance) v = T(1) / sqrt(v + T(eps));
  return variance;
}

/// Σ dy x̂ of each channel: dγ.
template <class T>
Array<T> sum_against_normalised(const Layout& layout, const Array<T>& dy, const Array<T>& x,
                                const Array<T>& mean, const Array<T>& inverse) {
  const T *d = dy.data(), *in = x.data(), *m = mean.data(), *r = inverse.data();
  return sum_of_channels<T>(layout,
                            [=](std::size_t i, std::size_t c) { return d[i] * ((in[i] - m[c]) * r[c]); });
}

template <class T>
Array<T> sum_of_channels(const Layout& layout, const Array<T>& x) {
  return sum_of_channels<T>(layout, [p = x.data()](std::size_t i, std::size_t) { return p[i]; });
}

}  // namespace

// m values of each channel:   x̂ = (x - μ)/s,   s = √(Σ(x - μ)²/m + ε),   y = γ x̂ + β
// dβ = Σ dy,   dγ = Σ dy x̂,   dx = (γ/s) (dy  -  dβ/m  -  x̂ dγ/m)
//                                       direct  through μ  through σ²
template <class T>
BatchNormalised<T> batch_norm(const Variable<T>& x, const Variable<T>& gamma, const Variable<T>& beta,
                              double eps) {
  const Layout layout = layout_of("batch_norm", x, gamma, beta);
  if (layout.values() < 2)
    fail("batch_norm", "x is ", to_string(x.shape()), ": the variance of ",
         layout.values() ? "one value" : "no values",
         " a channel says nothing; use more samples, or evaluation mode");
  const T m(double(layout.values()));
  Array<T> mean = sum_of_channels(layout, x.value());
  for (T& mu : mean) mu /= m;
  Array<T> variance =
      sum_of_channels<T>(layout, [in = x.value().data(), mu = mean.data()](std::size_t i, std::size_t c) {
        return (in[i] - mu[c]) * (in[i] - mu[c]);
      });
  for (T& v : variance) v /= m;
  const Array<T> inverse = inverse_deviation(variance, eps);
  auto y = normalised(layout, x.value(), mean, inverse, gamma, beta);
  auto out = record<T>(
      "batch_norm", std::move(y), given({x, gamma, beta}), [=](const Array<T>&, const Array<T>& dy) {
        Array<T> dbeta = sum_of_channels(layout, dy);
        Array<T> dgamma = sum_against_normalised(layout, dy, x.value(), mean, inverse);
        Array<T> slope = inverse, through_mu = dbeta, through_sigma = dgamma;
        for (std::size_t c = 0; c < layout.channels; ++c) {
          if (gamma) slope.data()[c] *= gamma.value().data()[c];
          through_mu.data()[c] /= m;
          through_sigma.data()[c] *= inverse.data()[c] / m;  // for x - μ instead of x̂
        }
        auto dx = empty_like(dy);
        for_each_entry(layout, [in = x.value().data(), d = dy.data(), mu = mean.data(), k = slope.data(),
                                first = through_mu.data(), second = through_sigma.data(),
                                out = dx.data()](std::size_t i, std::size_t c) {
          out[i] = k[c] * (d[i] - first[c] - (in[i] - mu[c]) * second[c]);
        });
        x.accumulate(std::move(dx));
        gamma.accumulate(std::move(dgamma));
        beta.accumulate(std::move(dbeta));
      });
  return {std::move(out), {std::move(mean), std::move(variance)}};
}

// y = γ (x - μ)/s + β with constant μ and s:   dx = (γ/s) dy,   dγ = Σ dy (x - μ)/s,   dβ = Σ dy
template <class T>
Variable<T> frozen_batch_norm(const Variable<T>& x, const ChannelStatistics<T>& given_statistics,
                              const Variable<T>& gamma, const Variable<T>& beta, double eps) {
  const Layout layout = layout_of("frozen_batch_norm", x, gamma, beta);
  for (const auto* statistic : {&given_statistics.mean, &given_statistics.variance})
    if (shape_of(*statistic) != Shape{layout.channels})
      fail("frozen_batch_norm", "x is ", to_string(x.shape()), ", the ",
           statistic == &given_statistics.mean ? "mean" : "variance", " is ", to_string(shape_of(*statistic)),
           ": it must have one number for each channel, (", layout.channels, ",)");
  const Array<T> mean = given_statistics.mean, inverse = inverse_deviation(given_statistics.variance, eps);
  auto y = normalised(layout, x.value(), mean, inverse, gamma, beta);
  return record<T>("frozen_batch_norm", std::move(y), given({x, gamma, beta}),
                   [=](const Array<T>&, const Array<T>& dy) {
                     const Array<T> nought = zeros<T>({layout.channels});
                     x.accumulate(normalised(layout, dy, nought, inverse, gamma, Variable<T>()));
                     gamma.accumulate(sum_against_normalised(layout, dy, x.value(), mean, inverse));
                     beta.accumulate(sum_of_channels(layout, dy));
                   });
}

#define XGRAD_INSTANTIATE(T)                                                                         \
  template BatchNormalised<T> batch_norm(const Variable<T>&, const Variable<T>&, const Variable<T>&, \
                                         double);                                                    \
  template Variable<T> frozen_batch_norm(const Variable<T>&, const ChannelStatistics<T>&,            \
                                         const Variable<T>&, const Variable<T>&, double);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
