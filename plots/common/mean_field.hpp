#pragma once
// What theory says about a stack before anything is multiplied: second moments of values and gradients, layer
// by layer, for wide layers with random weights. For linear and ReLU layers it is the closed form ("each
// layer multiplies E‖δ‖² by fan_in·Var W, or half of it"); for sigmoid and tanh it is the same statement with
// Gaussian averages: B. Poole et al., arXiv:1606.05340; S. Schoenholz et al., arXiv:1611.01232.

#include <functional>
#include <string>
#include <vector>

#include "stack.hpp"

namespace plots {

/// Averages over a standard normal z of φ(√v z), its square, and the square of its derivative φ'(√v z).
struct ActivationMoments {
  double mean, square, slope_square;
};

/// For "identity", "relu", "sigmoid" and "tanh"; throws std::invalid_argument on any other name.
ActivationMoments activation_moments(const std::string& activation, double variance);

/// fan_in · Var W of a square matrix; throws std::invalid_argument for a rule that does not fix it by name.
double variance_times_fan_in(const std::string& init);

/// log₁₀ RMS of the states x₀…x_L relative to x₀, and of ∂L/∂x₀…∂L/∂x_L relative to ∂L/∂x_L.
struct Prediction {
  std::vector<double> values, gradients;
};

/// For inputs of variance 1.
Prediction predict(const StackOptions& stack);

}  // namespace plots
