// Degradation: a plain network of 56 layers learns worse than one of 20, a residual one does not; and of 30
// ReLU layers without normalisation, He's initialisation learns and Xavier's stays at guessing. K. He et al.,
// arXiv:1512.03385 and arXiv:1502.01852. Images and convolutions there, spirals and matrices here.

#include <algorithm>
#include <cmath>

#include "classifiers.hpp"
#include "laboratory.hpp"
#include "xgrad/probe/gradient_norms.hpp"

namespace plots {
namespace {

struct Options {
  std::vector<std::size_t> layers = {20, 56};
  std::size_t width = 32, steps = 0;
  double rate = .005;
};

constexpr std::size_t window = 25;

/// A network that is trained, and its losses: of each seed, in windows of 25 steps.
struct Run {
  std::string name;
  std::size_t look;
  bool hollow;
  std::function<std::vector<double>(std::uint64_t seed)> train;
  std::vector<std::vector<double>> losses = {};

  /// Mean over the last two windows and the seeds.
  double last() const {
    double sum = 0;
    for (const auto& seed : losses) sum += seed.back() + seed[seed.size() - 2];
    return sum / double(2 * losses.size());
  }
};

/// Ten classes of vectors of 64 numbers: a centre of N(0, .6²) for each, and N(0, 1) around it.
xgrad::Labelled<float> mixture(std::size_t n, xgrad::Rng& rng) {
  constexpr std::size_t classes = 10, features = 64;
  const auto centres = rng.normal<float>({classes, features}, 0, .6);
  xgrad::Labelled<float> data{rng.normal<float>({n, features}), xgrad::Indices::from_shape({n})};
  for (std::size_t i = 0; i < n; ++i) {
    const auto label = std::size_t(rng.below(classes));
    data.labels.data()[i] = std::int64_t(label);
    for (std::size_t k = 0; k < features; ++k) data.x(i, k) += centres(label, k);
  }
  return data;
}

std::string layered(const std::string& kind, std::size_t layers) {
  return kind + ", " + std::to_string(layers) + " layers";
}

/// With batch normalisation, on a spiral of three arms: plain, then residual.
std::vector<Run> normalised(const Options& options, std::size_t steps) {
  std::vector<Run> runs;
  for (const bool residual : {false, true})
    for (const auto layers : options.layers)
      runs.push_back({layered(residual ? "residual" : "plain", layers), residual ? 2u : 0u,
                      layers == options.layers.front(), [=](std::uint64_t seed) {
                        xgrad::Rng rng(seed);
                        auto network = paired_network<float>(layers, options.width, residual, rng);
                        const auto data = three_arms<float>(1500, seed);
                        return window_means(train(network, data, {steps, 128, .05, .9}, rng), window);
                      }});
  return runs;
}

/// Without normalisation, on the mixture: activation, depth, initialisation. Xavier means Var W = 1/fan_in,
/// as He et al. compare with.
std::vector<Run> initialised(const Options& options, std::size_t steps) {
  struct Case {
    const char *name, *activation, *init;
    std::size_t layers, look;
    bool hollow;
    double rate;
  };
  const Case cases[] = {{"ReLU, He", "relu", "he_normal", 30, 1, false, options.rate},
                        {"ReLU, Xavier", "relu", "lecun_normal", 30, 3, false, options.rate},
                        {"ReLU, He", "relu", "he_normal", 22, 1, true, .01},
                        {"ReLU, Xavier", "relu", "lecun_normal", 22, 3, true, .01},
                        {"sigmoid, Xavier", "sigmoid", "lecun_normal", 5, 4, false, .1},
                        {"sigmoid, Xavier", "sigmoid", "lecun_normal", 3, 4, true, .1}};
  std::vector<Run> runs;
  for (const auto& c : cases)
    runs.push_back({layered(c.name, c.layers), c.look, c.hollow, [=](std::uint64_t seed) {
                      xgrad::Rng rng(seed);
                      const auto data = mixture(4000, rng);
                      auto network = perceptron(64, c.layers, 128, 10, c.activation, c.init, rng);
                      return window_means(train(network, data, {steps, 128, c.rate, .9}, rng), window);
                    }});
  return runs;
}

/// log₁₀ RMS of ∂L/∂x after each pair of layers of an untrained network, for a random gradient at the last;
/// relative to that.
std::vector<double> gradients_at_start(std::size_t layers, std::size_t width, bool residual,
                                       std::uint64_t seed) {
  xgrad::Rng rng(seed);
  auto network = paired_network<double>(layers, width, residual, rng);
  const auto data = three_arms<double>(256, seed);
  xgrad::Tape<double> tape;
  const auto states = xgrad::hidden_states(network, xgrad::Variable<double>(data.x));
  const auto& top = states[states.size() - 2];  // the last one holds the logits
  tape.backward(top, rng.normal<double>(top.shape()));
  const auto all = xgrad::log10_gradients(states);
  std::vector<double> result(all.begin() + 2, all.end() - 1);  // from the first ReLU on
  for (double& value : result) value -= all[all.size() - 2];
  return result;
}

Panel loss_panel(const std::string& title, const std::vector<Run>& runs) {
  Panel panel{title, "step", "loss", 10, {}};
  for (const auto& run : runs) {
    auto logs = run.losses;
    for (auto& seed : logs)
      for (double& loss : seed) loss = std::log10(loss);
    auto x = counting(logs.front().size(), 1);
    for (double& step : x) step *= double(window);
    auto series = measured(run.name, run.look, x, curve(logs));
    series.hollow = run.hollow;
    panel.series.push_back(series);
  }
  return panel;
}

/// The gradients of the deepest networks before training, and the explosion that plain ones are predicted.
Panel gradient_panel(Laboratory& lab, const Options& options, const std::vector<std::uint64_t>& seeds) {
  const std::size_t layers = options.layers.back();
  Panel panel{"gradient before training, " + std::to_string(layers) + " layers",
              "layer",
              "RMS of ∂L/∂x, top = 1",
              10,
              {}};
  auto x = counting(layers / 2 + 1);
  for (double& layer : x) layer *= 2;
  const double factor = std::acos(-1.) / (std::acos(-1.) - 1);
  for (const bool residual : {false, true}) {
    const auto runs = lab.over_seeds("", seeds, [&](std::uint64_t seed) {
      return gradients_at_start(layers, options.width, residual, seed);
    });
    const auto measured_curve = curve(runs);
    panel.series.push_back(
        measured(layered(residual ? "residual" : "plain", layers), residual ? 2 : 0, x, measured_curve));
    if (residual) {
      lab.note("residual: log₁₀ ‖δ₀‖/‖δ_L‖ = " + std::to_string(measured_curve.mean.front()));
      continue;
    }
    std::vector<double> line;
    for (double layer : x) line.push_back(.5 * (double(layers) - layer) * std::log10(factor));
    panel.series.push_back(predicted("plain", x, line));
    const std::vector<double> middle_x(x.begin() + 2, x.end() - 2),
        middle(measured_curve.mean.begin() + 2, measured_curve.mean.end() - 2);
    lab.verdicts().ratio("plain, BN: ‖δ‖² per layer before training",
                         std::pow(10, -2 * fit_line(middle_x, middle).slope), factor, .1,
                         "[published] Yang et al. 2019: π/(π-1)");
  }
  return panel;
}

void judge_normalised(Laboratory& lab, const std::vector<Run>& runs) {
  if (lab.changed() || lab.quick()) return;
  auto& verdicts = lab.verdicts();
  verdicts.between("acceptance: loss of plain-56 / loss of plain-20", runs[1].last() / runs[0].last(), 15, 5,
                   INFINITY, "[published] He et al. 2015: deeper is worse; oracle 8…36");
  verdicts.below("acceptance: loss of residual-56", runs[3].last(), .03, .15, "oracle .01….06");
  verdicts.between("oracle: loss of plain-20", runs[0].last(), .07, .01, .25, "oracle .03….12, other noise");
  verdicts.between("oracle: loss of plain-56", runs[1].last(), 1.03, .8, 1.15, "oracle .97…1.09");
}

void judge_initialised(Laboratory& lab, const std::vector<Run>& runs) {
  if (lab.changed() || lab.quick()) return;
  auto& verdicts = lab.verdicts();
  const double guessing = std::log(10.);
  verdicts.ratio("acceptance: loss of " + runs[1].name, runs[1].last(), guessing, .01,
                 "[published] He et al. 2015: stalls; guessing: ln 10");
  verdicts.below("acceptance: loss of " + runs[0].name, runs[0].last(), .8, 1.5,
                 "oracle .53…1.13 at twice the rate");
  verdicts.ratio("acceptance: loss of " + runs[4].name, runs[4].last(), guessing, .01, "guessing: ln 10");
  verdicts.below("loss of " + runs[5].name, runs[5].last(), .02, .2, "oracle .02");
  verdicts.below("loss of " + runs[2].name, runs[2].last(), .01, .2, "oracle at most .02");
  verdicts.between("loss of " + runs[3].name, runs[3].last(), 1.8, .2, 2.35,
                   "[published] trains, but later than He; oracle 1.2…2.3");
}

void train_all(std::vector<Run>& runs, const std::vector<std::uint64_t>& seeds, const std::string& label) {
  for (auto& run : runs) run.losses.resize(seeds.size());
  on_all_processors(label, runs.size() * seeds.size(), [&](std::size_t i) {  // the long ones first
    auto& run = runs[runs.size() - 1 - i / seeds.size()];
    run.losses[i % seeds.size()] = run.train(seeds[i % seeds.size()]);
  });
}

void degradation(Laboratory& lab, const Options& options) {
  const auto seeds = lab.seeds(3, 1);
  const auto steps = [&](std::size_t usual) {
    return options.steps ? options.steps : lab.size<std::size_t>(50, usual);
  };
  auto deep = normalised(options, steps(600)), starts = initialised(options, steps(500));
  train_all(deep, seeds, "plain and residual");
  train_all(starts, seeds, "He and Xavier");
  judge_normalised(lab, deep);
  judge_initialised(lab, starts);

  Figure figure{"degradation",
                "Deeper is worse, unless the network can pass its input on",
                "the loss during training with SGD, and the gradient before it",
                {},
                2};
  figure.same_y = false;
  figure.prediction = "(π/(π - 1))^½ per layer, guessing: ln 10";
  figure.caption = "Mean and range of the logarithms over " + std::to_string(seeds.size()) +
                   " seeds, windows of 25 steps. Above: a spiral of three arms, batch normalisation. "
                   "Below: ten classes, no normalisation. After He et al. 2015 (two papers).";
  figure.panels = {
      loss_panel("batch normalisation, spiral", deep), gradient_panel(lab, options, seeds),
      loss_panel("ReLU, no normalisation, ten classes", {starts[0], starts[1], starts[2], starts[3]}),
      loss_panel("sigmoid, ten classes", {starts[4], starts[5]})};
  for (std::size_t i : {2, 3}) {
    const auto& x = figure.panels[i].series.front().x;
    figure.panels[i].series.push_back(
        predicted("guessing", x, std::vector<double>(x.size(), std::log10(std::log(10.)))));
  }
  lab.draw(figure);
}

}  // namespace
}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("degradation",
                        "Deep plain networks train worse than shallow ones, residual ones do not",
                        "K. He et al., arXiv:1512.03385, arXiv:1502.01852");
  plots::Options options;
  lab.add_option("--layers", options.layers, "Depths with batch normalisation, even numbers").expected(1, 8);
  lab.add_option("--width", options.width, "Width of these");
  lab.add_option("--steps", options.steps, "Steps of training [600 and 500]");
  lab.add_option("--rate", options.rate, "Learning rate of the 30 ReLU layers");
  return lab.run(argc, argv, [&] { plots::degradation(lab, options); });
}
