#include "layer_law.hpp"

#include <cmath>
#include <vector>

namespace plots {
namespace {

// ψ(x) = ψ(x+1) - 1/x, and the asymptotic series where it is exact to rounding.
double digamma(double x) {
  double sum = 0;
  for (; x < 12; ++x) sum -= 1 / x;
  const double s = 1 / (x * x);
  return sum + std::log(x) - 1 / (2 * x) - s * (1. / 12 - s * (1. / 120 - s * (1. / 252 - s / 240)));
}

double trigamma(double x) {
  double sum = 0;
  for (; x < 12; ++x) sum += 1 / (x * x);
  const double s = 1 / (x * x);
  return sum + 1 / x + s / 2 + s / x * (1. / 6 - s * (1. / 30 - s * (1. / 42 - s / 30)));
}

}  // namespace

LayerLaw layer_law(std::size_t width) {
  const double n = double(width);
  double total = 0, mean = 0, square = 0, trigammas = 0;
  for (std::size_t k = 1; k <= width; ++k) {
    const double log_binomial =
        std::lgamma(n + 1) - std::lgamma(double(k) + 1) - std::lgamma(n - double(k) + 1);
    const double probability = std::exp(log_binomial - n * std::log(2.)), psi = digamma(double(k) / 2);
    total += probability;
    mean += probability * psi;
    square += probability * psi * psi;
    trigammas += probability * trigamma(double(k) / 2);
  }
  mean /= total;
  return {mean + std::log(4 / n), trigammas / total + square / total - mean * mean};
}

}  // namespace plots
