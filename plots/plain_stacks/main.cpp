// Plain stacks x ← φ(W x): initialisation × activation, and why weight gradients hide what happens.
// X. Glorot & Y. Bengio, AISTATS 2010; K. He et al., arXiv:1502.01852.

#include <cmath>
#include <map>

#include "glorot.hpp"
#include "mean_field.hpp"
#include "stack_figures.hpp"

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
  const std::map<std::string, double> oracle = {{"relu, he", .99265},        {"relu, xavier", .49633},
                                                {"linear, default", .33264}, {"linear, xavier", .99793},
                                                {"tanh, xavier", .94580},    {"sigmoid, xavier", .055503}};
  if (const auto found = oracle.find(activation + ", " + init); found != oracle.end())
    verdicts.ratio("oracle: ‖δ‖² per layer, " + found->first, gain, found->second, .012,
                   "NumPy, 10 networks");
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
      if (!settings.lab.changed())
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
