#include "xgrad/ops/channel_norms.hpp"

#include <cmath>

#include "xgrad/core/scalars.hpp"
#include "xgrad/ops/channel_layout.hpp"
#include "xgrad/ops/normalisation.hpp"
#include "xgrad/ops/shape.hpp"

namespace xgrad {

using detail::channel_layout;
using detail::Layout;
using detail::not_empty;

namespace {

/// f(i, c, p) for every entry i of sample n, c its channel, p the place that the entries of one position
/// share.
template <class F>
void for_each_entry_of(std::size_t n, const Layout& x, F f) {
  for (std::size_t c = 0; c < x.channels; ++c) {
    const std::size_t row = (n * x.channels + c) * x.length, place = n * x.length;
    XGRAD_INDEPENDENT
    for (std::size_t l = 0; l < x.length; ++l) f(row + l, c, place + l);
  }
}

}  // namespace

// At each position of each sample, over the C channels; m = C or C - 1:
// x̂ = (x - μ)/s,   s = √(Σ(x - μ)²/m + ε),   y = γ x̂ + β,   g = γ dy
// dx = (1/s) (g - Σ g / C - x̂ Σ g x̂ / m),   dγ = Σ dy x̂ and dβ = Σ dy over samples and positions
template <class T>
Variable<T> channel_layer_norm(const Variable<T>& x, const Variable<T>& gamma, const Variable<T>& beta,
                               const ChannelNormOptions& options) {
  using std::sqrt;
  const Layout layout = channel_layout("channel_layer_norm", x, gamma, beta);
  if (x.rank() == 2) return layer_norm(x, gamma, beta, {options.eps, options.divisor, 1});
  const std::size_t samples = layout.samples, channels = layout.channels, length = layout.length;
  const double divisor = options.divisor == Divisor::sample ? double(channels) - 1 : double(channels);
  const T features(channels), m(divisor), eps(options.eps);
  const Array<T> gains = gamma ? gamma.value() : full<T>({channels}, T(1));
  const Array<T> shifts = beta ? beta.value() : zeros<T>({channels});

  auto mean = zeros<T>({samples, length}), inverse = zeros<T>({samples, length});
  auto y = empty_like(x.value());
  for (std::size_t n = 0; n < samples; ++n) {
    const T *in = x.value().data(), *gain = gains.data(), *shift = shifts.data();
    T *out = y.data(), *mu = mean.data(), *r = inverse.data();
    for_each_entry_of(n, layout, [=](auto i, auto, auto p) { mu[p] += in[i]; });
    for (std::size_t p = n * length; p < (n + 1) * length; ++p) mu[p] /= features;
    for_each_entry_of(n, layout, [=](auto i, auto, auto p) { r[p] += (in[i] - mu[p]) * (in[i] - mu[p]); });
    for (std::size_t p = n * length; p < (n + 1) * length; ++p) r[p] = T(1) / sqrt(r[p] / m + eps);
    for_each_entry_of(n, layout,
                      [=](auto i, auto c, auto p) { out[i] = (in[i] - mu[p]) * r[p] * gain[c] + shift[c]; });
  }
  return record<T>("channel_layer_norm", std::move(y), not_empty<T>({x, gamma, beta}),
                   [=](const Array<T>&, const Array<T>& dy) {
                     auto dx = empty_like(dy), x_hat = empty_like(dy);
                     auto through_mu = zeros<T>({samples, length}), through_sigma = through_mu;
                     for (std::size_t n = 0; n < samples; ++n) {
                       const T *in = x.value().data(), *d = dy.data(), *gain = gains.data(),
                               *mu = mean.data(), *r = inverse.data();
                       T *out = dx.data(), *hat = x_hat.data(), *first = through_mu.data(),
                         *second = through_sigma.data();
                       for_each_entry_of(n, layout, [=](auto i, auto c, auto p) {
                         hat[i] = (in[i] - mu[p]) * r[p];
                         first[p] += gain[c] * d[i];
                         second[p] += gain[c] * d[i] * hat[i];
                       });
                       for_each_entry_of(n, layout, [=](auto i, auto c, auto p) {
                         out[i] = r[p] * (gain[c] * d[i] - first[p] / features - hat[i] * (second[p] / m));
                       });
                     }
                     x.accumulate(std::move(dx));
                     gamma.accumulate(detail::sum_of_channels<T>(
                         layout, [](auto d, auto hat) { return d * hat; }, dy, x_hat));
                     beta.accumulate(detail::sum_of_channels(layout, dy));
                   });
}

// Layer normalisation of the rows of (N, G, C/G · positions), each row with the gains of its group's
// channels.
template <class T>
Variable<T> group_norm(const Variable<T>& x, std::size_t groups, const Variable<T>& gamma,
                       const Variable<T>& beta, const ChannelNormOptions& options) {
  const Layout layout = channel_layout("group_norm", x, gamma, beta);
  if (groups == 0 || layout.channels % groups != 0)
    fail("group_norm", "x is ", to_string(x.shape()), ", the groups are ", groups,
         ": they must divide the channels");
  const std::size_t row = layout.channels / groups * layout.length;
  const auto in_groups = [&](const Variable<T>& numbers) {  // (C,) → (C, positions) → (G, row)
    if (!numbers) return numbers;
    const auto each = reshape(numbers, {std::ptrdiff_t(layout.channels), 1});
    return reshape(broadcast_to(each, {layout.channels, layout.length}),
                   {std::ptrdiff_t(groups), std::ptrdiff_t(row)});
  };
  const auto rows = reshape(x, {std::ptrdiff_t(layout.samples), std::ptrdiff_t(groups), std::ptrdiff_t(row)});
  const auto y = layer_norm(rows, in_groups(gamma), in_groups(beta), {options.eps, options.divisor, 1});
  const Shape shape = x.shape();
  return reshape(y, {shape.begin(), shape.end()});
}

#define XGRAD_INSTANTIATE(T)                                                                               \
  template Variable<T> channel_layer_norm(const Variable<T>&, const Variable<T>&, const Variable<T>&,      \
                                          const ChannelNormOptions&);                                      \
  template Variable<T> group_norm(const Variable<T>&, std::size_t, const Variable<T>&, const Variable<T>&, \
                                  const ChannelNormOptions&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
