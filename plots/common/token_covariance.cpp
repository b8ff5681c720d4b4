#include "token_covariance.hpp"

#include <cmath>

#include "xgrad/probe/gradient_norms.hpp"
#include "xgrad/probe/tokens.hpp"

namespace plots {

// tr C² = Σ ⟨r_t, r_s⟩² / T²: from the Gram matrix, in units of the largest entry so that squares of squares
// stay above the smallest double.
double log10_spread(const xgrad::Array<double>& x) {
  const auto r = xgrad::without_mean_token(x);
  const std::size_t d = r.shape().back(), tokens = r.shape()[r.dimension() - 2], size = tokens * d;
  const double log10_scale = xgrad::log10_rms(r), unit = std::pow(10, log10_scale);
  if (unit == 0) return -INFINITY;  // all tokens are equal
  double sum = 0;
  for (std::size_t at = 0; at < r.size(); at += size)
    for (std::size_t t = 0; t < tokens; ++t)
      for (std::size_t s = 0; s < tokens; ++s) {
        double product = 0;
        for (std::size_t j = 0; j < d; ++j)
          product += r.data()[at + t * d + j] / unit * (r.data()[at + s * d + j] / unit);
        sum += product * product;
      }
  const double sequences = double(r.size() / size);
  return 2 * log10_scale + std::log10(sum / sequences) / 2 - std::log10(double(tokens * d));
}

double log10_query_share(const xgrad::Array<double>& x) {
  const auto r = xgrad::without_mean_token(x);
  auto mean = x;
  for (std::size_t i = 0; i < x.size(); ++i) mean.data()[i] -= r.data()[i];
  return log10_spread(x) + xgrad::log10_rms(x) - xgrad::log10_rms(mean);
}

}  // namespace plots
