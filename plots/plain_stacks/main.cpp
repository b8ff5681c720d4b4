// Plain stacks x ← φ(W x): initialisation × activation, and why weight gradients hide what happens.
// X. Glorot & Y. Bengio, AISTATS 2010; K. He et al., arXiv:1502.01852.

#include <algorithm>
#include <cmath>

#include "mean_field.hpp"
#include "stack_figures.hpp"
#include "xgrad/probe/singular_values.hpp"

namespace plots {
namespace {

constexpr const char* layer_axis = "layer l  (0: input, 50: output)";

StackOptions plain_stack(const StackSettings& settings) {
  return settings.stack(256, settings.lab.size<std::size_t>(16, 64));
}

std::string title_of(const std::string& activation) {
  return activation == "linear" ? "linear: φ(x) = x" : activation == "relu" ? "ReLU" : activation;
}

std::string source_of(const std::string& activation) {
  if (activation == "linear") return "[published] Glorot & Bengio 2010: fan_in·Var W";
  if (activation == "relu") return "[published] He et al. 2015: fan_in·Var W/2";
  return "[published] mean-field recursion (Poole 2016, Schoenholz 2017), evaluated here";
}

// What the acceptance lines of this project ask of single combinations; the numbers beside the closed form
// are what an independent NumPy program measured at width 256, depth 50, batch 64.
void judge_reference(const std::string& activation, const std::string& init, const Curve& measured,
                     Verdicts& verdicts) {
  const double gain = gain_per_layer(measured.mean);
  if (activation == "relu" && init == "he")
    verdicts.between("acceptance: ReLU, He, ‖δ‖² per layer", gain, 1, .983, 1.003,
                     "reference run .993 ± .01");
  if (activation == "relu" && init == "xavier")
    verdicts.between("acceptance: ReLU, Xavier, ‖δ‖² per layer", gain, .5, .486, .506,
                     "reference run .496 ± .01");
  if (activation == "linear" && init == "default")
    verdicts.within("acceptance: linear, U(±1/√n), ‖δ‖² per layer", gain, 1. / 3, .005, "closed form");
  if (activation == "sigmoid" && init == "xavier")
    verdicts.below("acceptance: log₁₀ ‖δ₁‖/‖δ_L‖, sigmoid, Xavier", measured.mean[1] - measured.mean.back(),
                   predict({Wiring::plain, Norm::none, "sigmoid", "xavier_uniform"}).gradients[1], -25,
                   "reference run -30.8");
}

void plain_stacks(StackSettings& settings) {
  const auto seeds = settings.lab.seeds(10, 10);
  const std::size_t n = seeds.size();
  StackOptions stack = plain_stack(settings);
  Figure figure{"plain-stacks",
                "Plain stacks: the initialisation that suits one activation ruins another",
                "x ← φ(W x), 50 layers of width " + std::to_string(stack.width) + ", no bias",
                {},
                2};
  figure.prediction = "closed form / mean-field theory";
  figure.same_y = false;
  figure.caption =
      "‖δ‖² changes per layer by s = fan_in·Var W (linear) and s/2 (ReLU): s = 1/3, 1, 2. Sigmoid and tanh: "
      "the mean-field recursion of Poole et al. 2016. Mean and range of " +
      std::to_string(n) + " networks. After Glorot & Bengio 2010; He et al. 2015. Mind the different scales.";
  const std::pair<const char*, const char*> inits[] = {
      {"default", "U(±1/√n), PyTorch's default"}, {"xavier", "Xavier"}, {"he", "He"}};
  for (const auto& activation : {"linear", "relu", "tanh", "sigmoid"}) {
    set_activation(stack, activation);
    Panel panel{title_of(activation), layer_axis, "RMS of ∂L/∂x", 10, {}};
    for (std::size_t i = 0; i < 3; ++i) {
      set_init(stack, inits[i].first);
      const auto measured = curve(measure(settings, stack, seeds), &Measurement::gradients);
      const auto predicted = predicted_gradients(inits[i].second, stack);
      report_underflow(settings, std::string(activation) + ", " + inits[i].first, measured);
      panel.series.push_back(measured_gradients(inits[i].second, i, measured));
      panel.series.push_back(predicted);
      settings.lab.verdicts().ratio("‖δ‖² per layer, " + std::string(activation) + ", " + inits[i].first,
                                    gain_per_layer(measured.mean), gain_per_layer(predicted.y),
                                    gain_tolerance(stack, n), source_of(activation));
      judge_reference(activation, inits[i].first, measured, settings.lab.verdicts());
    }
    figure.panels.push_back(panel);
  }
  settings.lab.draw(figure);
}

void weight_gradients(StackSettings& settings) {
  const auto seeds = settings.lab.seeds(10, 3);
  const std::size_t n = seeds.size();
  StackOptions stack = plain_stack(settings);
  set_init(stack, "default");
  Figure figure{"weight-gradients",
                "Hidden-state gradients vanish; weight gradients do not show it",
                "x ← φ(W x), 50 layers of width " + std::to_string(stack.width) + ", U(±1/√n)",
                {},
                2};
  figure.prediction = "theory: forward scale × backward scale";
  figure.caption =
      "∂L/∂W = Σ δ xᵀ: towards the input δ shrinks and x grows by the same factor, so the product is level "
      "in "
      "linear, ReLU and (small) tanh layers. Only the sigmoid, whose x does not shrink, shows it. "
      "Glorot & Bengio 2010, eq. 14. Mean and range of " +
      std::to_string(n) + " networks.";
  Panel states{"gradient of the hidden state", layer_axis, "RMS of ∂L/∂xₗ, top layer = 1", 10, {}};
  Panel weights{"gradient of the weights", "layer l", "RMS of ∂L/∂Wₗ, top layer = 1", 10, {}};
  const std::pair<const char*, std::size_t> activations[] = {
      {"linear", 1}, {"relu", 2}, {"tanh", 3}, {"sigmoid", 0}};
  for (const auto& [activation, look] : activations) {
    set_activation(stack, activation);
    const auto runs = measure(settings, stack, seeds, /*weights=*/true);
    const auto gradients = curve(runs, &Measurement::gradients);
    auto of_weights = curve(runs, &Measurement::weights);
    const double top = of_weights.mean.back();
    for (auto* numbers : {&of_weights.mean, &of_weights.low, &of_weights.high})
      for (double& number : *numbers) number -= top;
    const std::string name = activation == std::string("relu") ? "ReLU" : activation;
    report_underflow(settings, name, gradients);
    states.series.push_back(measured_gradients(name, look, gradients));
    states.series.push_back(predicted_gradients(name, stack));

    auto measured = measured_gradients(name, look, of_weights);
    Series predicted{name, {}, {}, {}, {}, Kind::predicted};
    const auto theory = predict(stack);
    const std::size_t last = stack.depth - 1;
    for (std::size_t l = 0; l < stack.depth; ++l) {  // W of layer l+1 meets the state x_l
      measured.x[l] = double(l + 1);
      predicted.x.push_back(double(l + 1));
      const double product =
          theory.values[l] + theory.gradients[l] - theory.values[last] - theory.gradients[last];
      predicted.y.push_back(std::round(1e9 * product) / 1e9);  // 0, not what rounding leaves of it
    }
    weights.series.push_back(measured);
    weights.series.push_back(predicted);
    const bool level = std::string(activation) != "sigmoid";
    settings.lab.verdicts().within("log₁₀ ‖∂W₁‖/‖∂W_L‖, " + std::string(activation), of_weights.mean.front(),
                                   predicted.y.front(), level ? .2 : 1.5,
                                   level ? "[published] Glorot & Bengio 2010, eq. 14" : "[derived here]");
  }
  figure.panels = {states, weights};
  settings.lab.draw(figure);
}

// Five tanh layers of 500 units and a batch of 300, as in Glorot & Bengio's section 4.
void glorot_2010(StackSettings& settings) {
  const auto seeds = settings.lab.seeds(3, 1);
  const std::size_t n = seeds.size();
  StackOptions stack =
      settings.stack(settings.lab.size<std::size_t>(200, 500), settings.lab.size<std::size_t>(100, 300));
  stack.activation = "tanh";
  stack.depth = 5;
  Figure figure{"glorot-2010",
                "Five tanh layers, after Glorot & Bengio 2010",
                "width " + std::to_string(stack.width) + ", batch " + std::to_string(stack.batch) +
                    ", random gradient at the output",
                {},
                2};
  figure.same_y = false;
  figure.caption =
      "Histograms over all entries of one network. Standard: each layer's activations are narrower than the "
      "one's before, and each layer's gradients narrower than the one's after. Normalised (Xavier): both "
      "keep much more of it.";
  const std::pair<const char*, const char*> inits[] = {{"standard U(±1/√n)", "default"},
                                                       {"normalised (Xavier)", "xavier"}};
  Panel panels[2][2];
  for (std::size_t i = 0; i < 2; ++i) {
    set_init(stack, inits[i].second);
    double singular = 0, ratio = 0;
    for (const auto seed : seeds) {
      xgrad::Rng rng(seed);
      auto network = make_stack<double>(stack, rng);
      xgrad::Tape<double> tape;
      const auto x = xgrad::parameter(rng.normal<double>({stack.batch, stack.width}));
      const auto states = xgrad::hidden_states(network, x);
      tape.backward(states.back(), rng.normal<double>({stack.batch, stack.width}));
      for (std::size_t l = 2; l <= stack.depth; ++l) {  // J = diag(1 - y²) W at the first sample
        auto jacobian = network[l - 1].parameters().front().variable.value();
        for (std::size_t row = 0; row < stack.width; ++row) {
          const double y = states[l].value().data()[row];
          for (std::size_t column = 0; column < stack.width; ++column)
            jacobian.data()[row * stack.width + column] *= 1 - y * y;
        }
        for (double value : xgrad::singular_values(jacobian))
          singular += value / double(stack.width * (stack.depth - 1) * n);
      }
      const auto gradients = xgrad::log10_gradients(states);
      ratio += (gradients[1] - gradients.back()) / double(n);
      if (seed != seeds.front()) continue;
      for (int gradient : {0, 1}) {
        Panel& panel = panels[gradient][i];
        panel.title = std::string(gradient ? "gradients, " : "activations, ") + inits[i].first;
        panel.x_label = gradient ? "∂L/∂x" : "x";
        panel.y_label = "density";
        const double reach = gradient ? 2.5 : 1;
        constexpr std::size_t bins = 41;
        for (std::size_t l = 1; l <= stack.depth; ++l) {
          const auto& entries = gradient ? states[l].grad() : states[l].value();
          std::vector<double> counts(bins, 0);
          for (std::size_t k = 0; k < entries.size(); ++k) {
            const double place = (entries.data()[k] + reach) / (2 * reach) * bins;
            if (place >= 0 && place < bins) ++counts[std::size_t(place)];
          }
          Series series{"layer " + std::to_string(l), {}, {}};
          series.look = l - 1;
          for (std::size_t b = 0; b < bins; ++b) {
            series.x.push_back((double(b) + .5) / bins * 2 * reach - reach);
            series.y.push_back(counts[b] / double(entries.size()) * bins / (2 * reach));
          }
          panel.series.push_back(series);
        }
      }
    }
    const bool standard = i == 0;
    const double linear = 8 / (3 * std::acos(-1.)) * std::sqrt(variance_times_fan_in(stack.init));
    if (standard) {
      settings.lab.verdicts().within(
          "acceptance: mean Jacobian singular value, standard", singular, linear, .02,
          "[published] “around 0.5”, Glorot & Bengio 2010; closed form of tanh' = 1");
    } else {
      settings.lab.verdicts().between(
          "acceptance: mean Jacobian singular value, Xavier", singular, linear, .66, .85,
          "[published] “around 0.8”, Glorot & Bengio 2010; tanh' = 1 is the upper end");
    }
    settings.lab.verdicts().ratio("‖δ₁‖/‖δ₅‖, " + std::string(inits[i].first), std::pow(10, ratio),
                                  std::pow(10, predict(stack).gradients[1]), .06,
                                  "mean-field recursion, evaluated here");
  }
  figure.panels = {panels[0][0], panels[0][1], panels[1][0], panels[1][1]};
  settings.lab.draw(figure);
}

}  // namespace
}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("plain-stacks",
                        "Plain stacks: the initialisation decides what reaches the first layer",
                        "X. Glorot & Y. Bengio, AISTATS 2010; K. He et al., arXiv:1502.01852");
  plots::StackSettings settings(lab);
  return lab.run(argc, argv,
                 {{"plain-stacks", [&] { plots::plain_stacks(settings); }},
                  {"weight-gradients", [&] { plots::weight_gradients(settings); }},
                  {"glorot-2010", [&] { plots::glorot_2010(settings); }}});
}
