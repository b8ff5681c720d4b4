#include "theory.hpp"

#include <algorithm>
#include <cmath>

namespace plots {
namespace {

const double pi = std::acos(-1.);

double angle(double cosine) { return std::acos(std::clamp(cosine, -1., 1.)); }

// E[relu(a) relu(b)] · 2 for standard normal a, b of this correlation.
double correlation_after_relu(double cosine) {
  const double theta = angle(cosine);
  return (std::sin(theta) + (pi - theta) * std::cos(theta)) / pi;
}

}  // namespace

std::vector<double> predicted_correlations(bool residual, bool norm, double beta, std::size_t depth) {
  const double b = beta * beta;
  double variance = 1;             // of a unit over the inputs, which BN divides out
  double square = 1, product = 0;  // E xᵢ² and E xᵢxⱼ of a pair of inputs, without BN
  std::vector<double> correlations{1};
  for (std::size_t l = 0; l < depth; ++l) {
    const double cosine = norm ? 0 : product / square, together = 1 - angle(cosine) / pi;
    const double branch = norm ? b / variance : b;  // E‖δ‖² that returns through the branch
    correlations.push_back(correlations.back() *
                           (residual ? (1 + branch * together) / (1 + branch) : together));
    const double grown = square * correlation_after_relu(cosine);
    product = residual ? product + b * grown : grown;
    square = residual ? square + b * square : square;
    variance += b * (1 - 1 / pi);  // of relu(z), z standard normal, times 2 of He; unused in a plain stack
    if (!residual) variance = 1;
  }
  return correlations;
}

}  // namespace plots
