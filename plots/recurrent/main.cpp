// The gradient through time: W's transpose, step after step. In a linear network it shrinks or grows as
// ρ(W)ᵏ, with tanh it stays below σ_max(W)ᵏ; clipping bounds the step, not the direction. S. Hochreiter,
// diploma thesis, TU München 1991; R. Pascanu, T. Mikolov & Y. Bengio, ICML 2013, arXiv:1211.5063.

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "laboratory.hpp"
#include "xgrad/nn/recurrent.hpp"
#include "xgrad/optim/optim.hpp"
#include "xgrad/probe/gradient_norms.hpp"
#include "xgrad/probe/singular_values.hpp"
#include "xgrad/probe/spectral_radius.hpp"

namespace plots {
namespace {

using xgrad::Array;
using xgrad::Rng;

struct Settings {
  std::size_t steps = 200, width = 64;
  std::vector<double> radii = {1.1, 1, .9, .5}, norms = {1.5, .9, .5};
};

enum class Scale { spectral_radius, largest_singular_value };

// A network whose state matrix is Gaussian, scaled so that its spectral radius or norm is `size`.
xgrad::RNN<double> make_network(const Settings& settings, const std::string& activation, Scale scale,
                                double size, Rng& rng) {
  xgrad::RecurrentOptions options;
  options.activation = activation;
  xgrad::RNN<double> network(settings.width, settings.width, xgrad::Init::lecun_normal(), rng, options);
  Array<double>& w = network.cell.state.weight.mutable_value();
  const double now =
      scale == Scale::spectral_radius ? xgrad::spectral_radius(w) : xgrad::singular_values(w).front();
  for (std::size_t i = 0; i < w.size(); ++i) w.data()[i] *= size / now;
  return network;
}

// The states of one sequence of normal inputs of this deviation, after a backward pass from the last one.
std::vector<xgrad::Variable<double>> run(xgrad::RNN<double>& network, const Settings& settings,
                                         double deviation, Rng& rng) {
  std::vector<xgrad::Variable<double>> inputs;
  for (std::size_t t = 0; t < settings.steps; ++t)
    inputs.emplace_back(rng.normal<double>({1, settings.width}, 0, deviation));
  xgrad::Tape<double> tape;
  auto states = network(inputs);
  tape.backward(states.back(), rng.normal<double>({1, settings.width}));
  return states;
}

// ln ‖δ_{T-k}‖/‖δ_T‖ for k = 0…T-1 steps back.
std::vector<double> log_gradients(const std::vector<xgrad::Variable<double>>& states) {
  auto logarithms = xgrad::log10_gradients(states);
  std::reverse(logarithms.begin(), logarithms.end());
  std::vector<double> result;
  for (double value : logarithms) result.push_back((value - logarithms.front()) * std::log(10.));
  return result;
}

std::string number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", x);
  return text;
}

// Slope of ln ‖δ‖ over the steps back, once the first quarter is over.
double late_slope(const std::vector<double>& logarithms) {
  std::vector<double> x, y;
  for (std::size_t k = logarithms.size() / 4; k < logarithms.size(); ++k) {
    x.push_back(double(k));
    y.push_back(logarithms[k]);
  }
  return fit_line(x, y).slope;
}

void add(Panel& panel, const std::string& name, std::size_t look, std::vector<std::vector<double>> runs,
         double log_factor) {
  std::vector<double> theory;
  for (auto& run : runs)
    for (double& value : run) value /= std::log(10.);
  const auto steps = counting(runs.front().size());
  for (double k : steps) theory.push_back(k * log_factor / std::log(10.));
  panel.series.push_back(measured(name, look, steps, curve(runs)));
  panel.series.push_back(predicted(name, steps, theory));
}

Panel linear_networks(Laboratory& lab, const Settings& settings, const std::vector<std::uint64_t>& seeds) {
  Panel panel{"linear: h ← W h + U x", "steps back k", "‖δ‖, last step = 1", 10, {}};
  for (std::size_t i = 0; i < settings.radii.size(); ++i) {
    const double radius = settings.radii[i];
    const auto runs = lab.over_seeds("ρ = " + number(radius), seeds, [&](std::uint64_t seed) {
      Rng rng(seed);
      auto network = make_network(settings, "identity", Scale::spectral_radius, radius, rng);
      return log_gradients(run(network, settings, .1, rng));
    });
    std::vector<double> slopes;
    for (const auto& each : runs) slopes.push_back(late_slope(each));
    lab.verdicts().within("acceptance: slope of ln ‖δ‖, linear, ρ = " + number(radius), mean(slopes),
                          std::log(radius), .002, "[published] Pascanu et al. 2013: ln ρ");
    if (!lab.changed()) {
      const double oracle = radius == 1.1  ? .095282
                            : radius == 1  ? -.0000284
                            : radius == .9 ? -.105389
                                           : -.693176;
      lab.verdicts().within("oracle: slope of ln ‖δ‖, linear, ρ = " + number(radius), mean(slopes), oracle,
                            .002, "NumPy, 5 networks");
    }
    add(panel, "ρ = " + number(radius), i, runs, std::log(radius));
  }
  return panel;
}

Panel tanh_networks(Laboratory& lab, const Settings& settings, const std::vector<std::uint64_t>& seeds) {
  Panel panel{"tanh, and its bound", "steps back k", "‖δ‖, last step = 1", 10, {}};
  for (std::size_t i = 0; i < settings.norms.size(); ++i) {
    const double norm = settings.norms[i];
    const auto runs = lab.over_seeds("σ_max = " + number(norm), seeds, [&](std::uint64_t seed) {
      Rng rng(seed);
      auto network = make_network(settings, "tanh", Scale::largest_singular_value, norm, rng);
      return log_gradients(run(network, settings, .1, rng));
    });
    double worst = -INFINITY;
    std::vector<double> slopes;
    for (const auto& each : runs) {
      slopes.push_back(late_slope(each));
      for (std::size_t k = 1; k < each.size(); ++k)
        worst = std::max(worst, each[k] - double(k) * std::log(norm));
    }
    lab.verdicts().below("acceptance: largest ln ‖δ_{T-k}‖ - k ln σ, σ = " + number(norm), worst, 0, 1e-9,
                         "[published] Pascanu et al. 2013: ‖δ‖ ≤ σᵏ");
    if (!lab.changed()) {
      const double oracle = norm == 1.5 ? .768 : norm == .9 ? .437 : .277;
      lab.verdicts().within("oracle: factor per step, tanh, σ_max = " + number(norm), std::exp(mean(slopes)),
                            oracle, .06, "NumPy, one network");
    }
    add(panel, "σ_max = " + number(norm), i, runs, std::log(norm));
    panel.series[panel.series.size() - 2].hollow = true;
  }
  return panel;
}

// An exploding gradient, clipped to norm 1: the size is bounded, the direction stays.
void clipping(Laboratory& lab, const Settings& settings, std::uint64_t seed) {
  Rng rng(seed);
  auto network = make_network(settings, "identity", Scale::spectral_radius, 1.1, rng);
  run(network, settings, .1, rng);
  const auto parameters = network.parameters();
  std::vector<Array<double>> before;
  for (const auto& parameter : parameters) before.push_back(parameter.variable.grad());
  const double norm = xgrad::clip_grad_norm(parameters, 1.);
  double product = 0, square = 0;
  for (std::size_t p = 0; p < parameters.size(); ++p)
    for (std::size_t i = 0; i < before[p].size(); ++i) {
      const double after = parameters[p].variable.grad().data()[i];
      product += after * before[p].data()[i] / norm;
      square += after * after;
    }
  lab.note("clipping: the gradient of all weights has the norm " + number(norm) + " before");
  lab.verdicts().within("clipping: norm of the gradient afterwards", std::sqrt(square), 1, 1e-9,
                        "[published] Pascanu et al. 2013");
  lab.verdicts().within("clipping: cosine of before and after", product / std::sqrt(square), 1, 1e-9,
                        "[published] Pascanu et al. 2013");
}

void recurrent(Laboratory& lab, const Settings& settings) {
  const auto seeds = lab.seeds(20, 10);
  Figure figure{"recurrent",
                "Through time the gradient is multiplied by one matrix again and again",
                "Gaussian state matrix, width " + std::to_string(settings.width) + ", " +
                    std::to_string(settings.steps) +
                    " steps; scaled to a spectral radius ρ, or to a norm σ_max",
                {},
                2};
  figure.prediction = "ρᵏ, and the bound σ_maxᵏ";
  figure.caption =
      "Mean of the logarithms and range over " + std::to_string(seeds.size()) +
      " networks. Left: after some steps the slope is ln ρ. Right: tanh' ≤ 1, so ‖δ‖ lies below the dashed "
      "bound; far below, since ρ is about half of σ_max here. After Pascanu, Mikolov & Bengio 2013.";
  figure.same_y = false;
  figure.panels.push_back(linear_networks(lab, settings, seeds));
  figure.panels.push_back(tanh_networks(lab, settings, seeds));
  clipping(lab, settings, seeds.front());
  lab.draw(figure);
}

}  // namespace
}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("recurrent",
                        "Through time the gradient grows or shrinks with the powers of one matrix",
                        "R. Pascanu, T. Mikolov & Y. Bengio, arXiv:1211.5063");
  plots::Settings settings;
  lab.add_option("--steps", settings.steps, "Steps of time").between(8, 5000);
  lab.add_option("--width", settings.width, "Units of the state").between(2, 2000);
  lab.add_option("--radius", settings.radii, "Spectral radii ρ of linear networks").positive();
  lab.add_option("--norm", settings.norms, "Norms σ_max of tanh networks").positive();
  return lab.run(argc, argv, [&] { plots::recurrent(lab, settings); });
}
