#include "mean_field.hpp"

#include <cmath>
#include <map>
#include <stdexcept>

namespace plots {
namespace {

struct Function {
  double (*value)(double);
  double (*slope)(double);
};

Function function(const std::string& activation) {
  static const std::map<std::string, Function> functions = {
      {"identity", {[](double x) { return x; }, [](double) { return 1.; }}},
      {"relu", {[](double x) { return x > 0 ? x : 0; }, [](double x) { return x > 0 ? 1. : 0.; }}},
      {"sigmoid",
       {[](double x) { return 1 / (1 + std::exp(-x)); },
        [](double x) { return 1 / (2 + std::exp(x) + std::exp(-x)); }}},
      {"tanh",
       {[](double x) { return std::tanh(x); }, [](double x) { return 1 - std::tanh(x) * std::tanh(x); }}},
  };
  const auto found = functions.find(activation);
  if (found == functions.end())
    throw std::invalid_argument("there is no prediction for the activation " + activation);
  return found->second;
}

// Mean and second moment of one sample's entries.
struct Moments {
  double mean, square;
  double variance() const { return square - mean * mean; }
};

// Follows the state and the factor by which E‖δ‖² grows on the way back, in the order of make_stack.
struct Walk {
  Moments state;
  double gain = 1;

  void layer_norm() {
    const double variance = state.variance() + layer_norm_epsilon;
    gain /= variance;
    state = {0, state.variance() / variance};
  }
  void matrix(double s) {  // rows of W are independent with mean 0: so are the entries of Wx
    gain *= s;
    state = {0, s * state.square};
  }
  void activation(const std::string& name) {
    const auto moments = activation_moments(name, state.square);
    gain *= moments.slope_square;
    state = {moments.mean, moments.square};
  }
  void scale(double alpha) {
    gain *= alpha * alpha;
    state = {alpha * state.mean, alpha * alpha * state.square};
  }
  void add_to(
      const Moments& shortcut) {  // the branch ends in a matrix, so it is uncorrelated with the shortcut
    gain += 1;
    state = {shortcut.mean + state.mean, shortcut.square + 2 * shortcut.mean * state.mean + state.square};
  }
};

}  // namespace

// The midpoint rule: dense, because the squared slope of tanh is a narrow peak when the variance is large,
// and with no point at 0, so that ReLU's slope there does not matter.
ActivationMoments activation_moments(const std::string& activation, double variance) {
  const auto [value, slope] = function(activation);
  constexpr int points = 4000;
  constexpr double reach = 9, step = 2 * reach / points;
  const double deviation = std::sqrt(variance);
  ActivationMoments moments{0, 0, 0};
  for (int i = 0; i < points; ++i) {
    const double z = -reach + (i + .5) * step,
                 weight = std::exp(-z * z / 2) / std::sqrt(2 * std::acos(-1.)) * step;
    const double y = value(deviation * z), dy = slope(deviation * z);
    moments.mean += weight * y;
    moments.square += weight * y * y;
    moments.slope_square += weight * dy * dy;
  }
  return moments;
}

double variance_times_fan_in(const std::string& init) {
  static const std::map<std::string, double> table = {
      {"uniform_fan_in", 1 / 3.}, {"xavier_uniform", 1}, {"xavier_normal", 1}, {"he_uniform", 2},
      {"he_normal", 2},           {"lecun_normal", 1},   {"orthogonal", 1}};
  const auto found = table.find(init);
  if (found == table.end())
    throw std::invalid_argument("there is no prediction for the initialisation " + init);
  return found->second;
}

Prediction predict(const StackOptions& stack) {
  Walk walk{{0, 1}};
  std::vector<double> squares{1}, gains;
  for (std::size_t layer = 0; layer < stack.depth; ++layer) {
    const Moments shortcut = walk.state;
    walk.gain = 1;
    if (stack.norm == Norm::pre) walk.layer_norm();
    walk.matrix(variance_times_fan_in(stack.init));
    if (stack.norm == Norm::inner) walk.layer_norm();
    walk.activation(stack.activation);
    if (stack.wiring != Wiring::plain) {
      walk.matrix(variance_times_fan_in(stack.second_init));
      walk.scale(stack.alpha);
    }
    if (stack.wiring == Wiring::residual) walk.add_to(shortcut);
    if (stack.norm == Norm::post) walk.layer_norm();
    squares.push_back(walk.state.square);
    gains.push_back(walk.gain);
  }
  Prediction prediction;
  for (double square : squares) prediction.values.push_back(std::log10(square) / 2);
  prediction.gradients.assign(stack.depth + 1, 0);
  for (std::size_t layer = stack.depth; layer-- > 0;)
    prediction.gradients[layer] = prediction.gradients[layer + 1] + std::log10(gains[layer]) / 2;
  return prediction;
}

}  // namespace plots
