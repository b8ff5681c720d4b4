#include "xgrad/ops/batch_norm.hpp"

#include <cmath>

#include "xgrad/core/scalars.hpp"
#include "xgrad/ops/channel_layout.hpp"

namespace xgrad {

using detail::channel_layout;
using detail::Channels;
using detail::for_channels;
using detail::for_each_entry;
using detail::Layout;
using detail::not_empty;
using detail::sum_entries;

namespace {

/// γ and β, or what stands for them.
template <class T>
Array<T> gains(const Layout& layout, const Variable<T>& gamma) {
  return gamma ? gamma.value() : full<T>({layout.channels}, T(1));
}
template <class T>
Array<T> shifts(const Layout& layout, const Variable<T>& beta) {
  return beta ? beta.value() : zeros<T>({layout.channels});
}

/// y = γ (x - μ) r + β with r = 1/s.
template <class T>
void normalise(const Layout& layout, Channels some, const T* x, const T* mean, const T* inverse,
               const T* gain, const T* shift, T* y) {
  for_each_entry(layout, some, [=](std::size_t i, std::size_t c) {
    y[i] = (x[i] - mean[c]) * (inverse[c] * gain[c]) + shift[c];
  });
}

/// dβ = Σ dy and dγ = Σ dy x̂.
template <class T>
void sum_gradients(const Layout& layout, Channels some, const T* dy, const T* x, const T* mean,
                   const T* inverse, T* dgamma, T* dbeta) {
  const auto itself = [](std::size_t) { return [](auto d) { return d; }; };
  const auto times_normalised = [=](std::size_t c) {
    return [mu = mean[c], r = inverse[c]](auto d, auto v) { return d * ((v - mu) * r); };
  };
  sum_entries(layout, some, dbeta, itself, dy);
  sum_entries(layout, some, dgamma, times_normalised, dy, x);
}

}  // namespace

// m values of each channel:   x̂ = (x - μ)/s,   s = √(Σ(x - μ)²/m + ε),   y = γ x̂ + β
// dβ = Σ dy,   dγ = Σ dy x̂,   dx = (γ/s) (dy  -  dβ/m  -  x̂ dγ/m)
//                                       direct  through μ  through σ²
template <class T>
BatchNormalised<T> batch_norm(const Variable<T>& x, const Variable<T>& gamma, const Variable<T>& beta,
                              double eps) {
  using std::sqrt;
  const Layout layout = channel_layout("batch_norm", x, gamma, beta);
  if (layout.values() < 2)
    fail("batch_norm", "x is ", to_string(x.shape()), ": the variance of ",
         layout.values() ? "one value" : "no values",
         " a channel says nothing; use more samples, or evaluation mode");
  const T m(double(layout.values()));
  auto mean = empty<T>({layout.channels}), variance = mean, inverse = mean;
  const Array<T> gain = gains(layout, gamma), shift = shifts(layout, beta);
  auto y = empty_like(x.value());
  for_channels(layout, [&, in = x.value().data(), mu = mean.data(), var = variance.data(),
                        r = inverse.data()](Channels some) {
    const auto itself = [](std::size_t) { return [](auto v) { return v; }; };
    const auto square = [=](std::size_t c) { return [mu = mu[c]](auto v) { return (v - mu) * (v - mu); }; };
    sum_entries(layout, some, mu, itself, in);
    for (std::size_t c = some.begin; c < some.end; ++c) mu[c] /= m;
    sum_entries(layout, some, var, square, in);
    for (std::size_t c = some.begin; c < some.end; ++c) {
      var[c] /= m;
      r[c] = T(1) / sqrt(var[c] + T(eps));
    }
    normalise<T>(layout, some, in, mu, r, gain.data(), shift.data(), y.data());
  });
  auto out = record<T>(
      "batch_norm", std::move(y), not_empty<T>({x, gamma, beta}), [=](const Array<T>&, const Array<T>& dy) {
        auto dx = empty_like(dy), dgamma = empty_like(mean), dbeta = dgamma;
        for_channels(
            layout, [=, in = x.value().data(), d = dy.data(), mu = mean.data(), r = inverse.data(),
                     g = gain.data(), dg = dgamma.data(), db = dbeta.data(), out = dx.data()](Channels some) {
              sum_gradients(layout, some, d, in, mu, r, dg, db);
              for_each_entry(layout, some, [=](std::size_t i, std::size_t c) {
                const T through_mu = db[c] / m, through_sigma = (in[i] - mu[c]) * (r[c] * (dg[c] / m));
                out[i] = g[c] * r[c] * (d[i] - through_mu - through_sigma);
              });
            });
        x.accumulate(std::move(dx));
        gamma.accumulate(std::move(dgamma));
        beta.accumulate(std::move(dbeta));
      });
  return {std::move(out), {std::move(mean), std::move(variance)}};
}

// y = γ (x - μ)/s + β with constant μ and s:   dx = (γ/s) dy,   dγ = Σ dy (x - μ)/s,   dβ = Σ dy
template <class T>
Variable<T> frozen_batch_norm(const Variable<T>& x, const ChannelStatistics<T>& given,
                              const Variable<T>& gamma, const Variable<T>& beta, double eps) {
  using std::sqrt;
  const Layout layout = channel_layout("frozen_batch_norm", x, gamma, beta);
  for (const auto* statistic : {&given.mean, &given.variance})
    if (shape_of(*statistic) != Shape{layout.channels})
      fail("frozen_batch_norm", "x is ", to_string(x.shape()), ", the ",
           statistic == &given.mean ? "mean" : "variance", " is ", to_string(shape_of(*statistic)),
           ": it must have one number for each channel, (", layout.channels, ",)");
  const Array<T> mean = given.mean, gain = gains(layout, gamma), shift = shifts(layout, beta);
  Array<T> inverse = given.variance;
  for (T& v : inverse) v = T(1) / sqrt(v + T(eps));
  auto y = empty_like(x.value());
  for_channels(layout, [&](Channels some) {
    normalise<T>(layout, some, x.value().data(), mean.data(), inverse.data(), gain.data(), shift.data(),
                 y.data());
  });
  return record<T>("frozen_batch_norm", std::move(y), not_empty<T>({x, gamma, beta}),
                   [=](const Array<T>&, const Array<T>& dy) {
                     auto dx = empty_like(dy), dgamma = empty_like(mean), dbeta = dgamma;
                     const Array<T> nought = zeros<T>({layout.channels});
                     for_channels(layout, [&](Channels some) {
                       const T* d = dy.data();
                       normalise<T>(layout, some, d, nought.data(), inverse.data(), gain.data(),
                                    nought.data(), dx.data());
                       sum_gradients<T>(layout, some, d, x.value().data(), mean.data(), inverse.data(),
                                        dgamma.data(), dbeta.data());
                     });
                     x.accumulate(std::move(dx));
                     gamma.accumulate(std::move(dgamma));
                     beta.accumulate(std::move(dbeta));
                   });
}

#define XGRAD_INSTANTIATE(T)                                                                         \
  template BatchNormalised<T> batch_norm(const Variable<T>&, const Variable<T>&, const Variable<T>&, \
                                         double);                                                    \
  template Variable<T> frozen_batch_norm(const Variable<T>&, const ChannelStatistics<T>&,            \
                                         const Variable<T>&, const Variable<T>&, double);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
