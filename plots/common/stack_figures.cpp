#include "stack_figures.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <map>
#include <tuple>

#include "mean_field.hpp"

namespace plots {

StackSettings::StackSettings(Laboratory& lab) : lab(lab) {
  lab.add_option("--width", width, "Units per layer [the figure's own]").between(1, 100000);
  lab.add_option("--batch", batch, "Samples [the figure's own]").between(1, 100000);
  lab.add_flag("--float", single_precision, "Compute in float rather than double");
}

StackOptions StackSettings::stack(std::size_t usual_width, std::size_t usual_batch) const {
  StackOptions stack;
  stack.width = width ? width : usual_width;
  stack.batch = batch ? batch : usual_batch;
  return stack;
}

const std::vector<std::string> wiring_names = {"plain", "no-skip", "residual"};
const std::vector<std::string> norm_names = {"none", "pre", "inner", "post"};
const std::vector<std::string> activation_names = {"linear", "sigmoid", "tanh", "relu"};
const std::vector<std::string> init_names = {"default", "xavier", "he", "lecun", "balanced"};

void set_wiring(StackOptions& stack, const std::string& name) {
  static const std::map<std::string, Wiring> wirings = {
      {"plain", Wiring::plain}, {"no-skip", Wiring::no_skip}, {"residual", Wiring::residual}};
  stack.wiring = wirings.at(name);
}

void set_norm(StackOptions& stack, const std::string& name) {
  static const std::map<std::string, Norm> norms = {
      {"none", Norm::none}, {"pre", Norm::pre}, {"inner", Norm::inner}, {"post", Norm::post}};
  stack.norm = norms.at(name);
}

void set_activation(StackOptions& stack, const std::string& name) {
  stack.activation = name == "linear" ? "identity" : name;
}

void set_init(StackOptions& stack, const std::string& name) {
  static const std::map<std::string, std::pair<const char*, const char*>> inits = {
      {"default", {"uniform_fan_in", "uniform_fan_in"}},
      {"xavier", {"xavier_uniform", "xavier_uniform"}},
      {"he", {"he_normal", "he_normal"}},
      {"lecun", {"lecun_normal", "lecun_normal"}},
      {"balanced", {"he_normal", "lecun_normal"}}};
  std::tie(stack.init, stack.second_init) = inits.at(name);
}

Curve curve(const std::vector<Measurement>& seeds, Quantity quantity) {
  std::vector<std::vector<double>> curves;
  for (const auto& seed : seeds) curves.push_back(seed.*quantity);
  return curve(curves);
}

std::vector<Measurement> measure(const StackSettings& settings, const StackOptions& stack,
                                 const std::vector<std::uint64_t>& seeds, bool weights) {
  return settings.single_precision ? measure_seeds<float>(stack, seeds, weights)
                                   : measure_seeds<double>(stack, seeds, weights);
}

Series measured_gradients(const std::string& name, std::size_t look, const Curve& curve) {
  Series series{name, {}, curve.mean, curve.low, curve.high};
  for (std::size_t l = 0; l < curve.mean.size(); ++l) series.x.push_back(double(l));
  series.look = look;
  return series;
}

Series predicted_gradients(const std::string& name, const StackOptions& stack) {
  Series series{name, {}, predict(stack).gradients, {}, {}, Kind::predicted};
  for (std::size_t l = 0; l <= stack.depth; ++l) series.x.push_back(double(l));
  return series;
}

double gain_per_layer(const std::vector<double>& log10_gradients) {
  const std::size_t margin = log10_gradients.size() > 8 ? 2 : 0;
  const std::size_t from = margin, to = log10_gradients.size() - margin;
  const double n = double(to - from), middle = (double(from) + double(to) - 1) / 2;
  double covariance = 0;
  for (double entry : log10_gradients)
    if (!std::isfinite(entry)) return NAN;  // there is no line through what was not measured
  for (std::size_t l = from; l < to; ++l) covariance += (double(l) - middle) * log10_gradients[l];
  return std::pow(10, -2 * covariance * 12 / (n * (n * n - 1)));
}

double gain_tolerance(const StackOptions& stack, std::size_t seeds) {
  const double n = double(stack.width);
  return .005 + 2.5 / n + 3 * std::sqrt(5 / (n * double(stack.depth) * double(seeds)));
}

void report_underflow(const StackSettings& settings, const std::string& name, const Curve& curve) {
  const double smallest = std::log10(settings.single_precision ? double(std::numeric_limits<float>::min())
                                                               : std::numeric_limits<double>::min());
  for (std::size_t l = curve.mean.size(); l-- > 0;)
    if (!(curve.mean[l] >= smallest)) {
      std::cout << "note: " << name << ": from layer " << l
                << " down the gradient is smaller than the normal numbers of "
                << (settings.single_precision ? "float" : "double")
                << ": it loses its digits, then it is 0 and the "
                << "curve ends\n";
      return;
    }
}

}  // namespace plots
