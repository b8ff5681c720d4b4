// Gradients across depth: plain against residual, where the norm stands, and whatever the user selects.

#include <cmath>
#include <cstdio>
#include <iostream>
#include <stdexcept>

#include "figures.hpp"
#include "mean_field.hpp"

namespace plots {
namespace {

constexpr const char* gradient_axis = "RMS of ∂L/∂x  (1 at the top)";
constexpr const char* layer_axis = "layer l  (0: input, right end: output)";

// "×15" or "×4·10⁻³²".
std::string factor(double log10) {
  static const char* digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  char buffer[32];
  if (std::abs(log10) < 4) {
    std::snprintf(buffer, sizeof buffer, "×%.2g", std::pow(10, log10));
    return buffer;
  }
  const double exponent = std::floor(log10);
  std::snprintf(buffer, sizeof buffer, "×%.0f·10", std::pow(10, log10 - exponent));
  std::string result = buffer;
  if (exponent < 0) result += "⁻";
  for (char c : std::to_string(std::lround(std::abs(exponent)))) result += digits[c - '0'];
  return result;
}

}  // namespace

void plain_against_residual(StackSettings& settings) {
  const auto seeds = settings.lab.seeds(10, 3);
  const std::size_t n = seeds.size();
  Figure figure{"plain-against-residual",
                "The same layers with and without “x +”",
                "f(x) = W₂ relu(W₁ x), PyTorch's default initialisation U(±1/√n), no normalisation",
                {},
                2};
  figure.prediction = "closed form";
  StackOptions stack = settings.stack(256, settings.lab.size<std::size_t>(16, 64));
  figure.caption =
      "Gradient at every hidden state for a random gradient at the output, before any training. Width " +
      std::to_string(stack.width) + ", mean of " + std::to_string(n) +
      " networks; the band, where it is wide enough to see, is their range. E‖δ‖² changes by c = "
      "(1/3)(1/2)(1/3) = 1/18 per layer without the shortcut and by 1+c with it. Plain and residual "
      "networks have the same weights.";
  for (std::size_t depth : {50, 100}) {
    stack.depth = depth;
    Panel panel{std::to_string(depth) + " layers", layer_axis, gradient_axis, 10, {}};
    for (const auto wiring : {Wiring::no_skip, Wiring::residual}) {
      stack.wiring = wiring;
      const bool residual = wiring == Wiring::residual;
      const std::string name = residual ? "residual  x ← x + f(x)" : "plain  x ← f(x)";
      const auto measured = curve(measure(settings, stack, seeds), &Measurement::gradients);
      const auto predicted = predicted_gradients(name, stack);
      report_underflow(settings, name, measured);
      panel.series.push_back(measured_gradients(name, residual, measured));
      panel.series.push_back(predicted);
      panel.notes.push_back({(residual ? .03 : .07) * double(depth), measured.mean[0] - (residual ? 4.5 : 0),
                             "input: " + factor(measured.mean[0])});
      settings.lab.verdicts().ratio(
          "‖δ‖² per layer, " + std::string(residual ? "residual, L=" : "plain, L=") + std::to_string(depth),
          gain_per_layer(measured.mean), gain_per_layer(predicted.y), gain_tolerance(stack, n),
          "[derived here] c=1/18: plain c, residual 1+c");
    }
    figure.panels.push_back(panel);
  }
  settings.lab.draw(figure);
}

void norm_placement(StackSettings& settings) {
  const auto seeds = settings.lab.seeds(10, 3);
  const std::size_t n = seeds.size();
  StackOptions stack = settings.stack(256, settings.lab.size<std::size_t>(16, 64));
  set_init(stack, "xavier");
  Figure figure{"norm-placement",
                "Where layer normalisation stands decides what it does to the gradient",
                "50 ReLU layers of width " + std::to_string(stack.width) + ", Xavier initialisation",
                {},
                2};
  figure.prediction = "prediction";
  figure.caption =
      "Band: range over " + std::to_string(n) +
      " networks. Plain: LN before or after the ReLU layer "
      "makes gradients explode by π/(π−1) = 1.467 per layer in ‖δ‖², because LN also removes the mean "
      "that ReLU leaves; only LN between W and ReLU keeps them level. Residual, c = 1/2: none "
      "(1+c)^(L−l); pre (1+cL)/(1+cl); post (1+c)/(1+c) = 1. Derived here.";
  const auto add = [&](Panel& panel, const std::string& wiring, const std::string& norm, std::size_t look,
                       const std::string& name, const std::string& source) {
    set_wiring(stack, wiring);
    set_norm(stack, norm);
    const auto measured = curve(measure(settings, stack, seeds), &Measurement::gradients);
    const auto predicted = predicted_gradients(name, stack);
    report_underflow(settings, name, measured);
    panel.series.push_back(measured_gradients(name, look, measured));
    panel.series.push_back(predicted);
    settings.lab.verdicts().ratio("‖δ‖² per layer, " + wiring + ", LN " + norm, gain_per_layer(measured.mean),
                                  gain_per_layer(predicted.y), gain_tolerance(stack, n), source);
  };
  Panel plain{"plain  x ← relu(W x)", layer_axis, gradient_axis, 10, {}};
  add(plain, "plain", "none", 0, "no LN", "[published] He et al. 2015: fan_in·Var W/2");
  add(plain, "plain", "pre", 1, "LN first (pre)",
      "[derived here] π/(π-1), as for BatchNorm (Yang et al. 2019)");
  add(plain, "plain", "inner", 2, "LN before the activation", "[derived here] 1");
  add(plain, "plain", "post", 3, "LN last (post)", "[derived here] π/(π-1)");
  Panel residual{"residual  x ← x + W₂ relu(W₁ x)", layer_axis, gradient_axis, 10, {}};
  add(residual, "residual", "none", 0, "no LN", "[derived here] 1+c, c=1/2");
  add(residual, "residual", "pre", 1, "LN first (pre)",
      "[derived here] (1+cL)/(1+cl); Xiong et al. 2020, Lemma 2");
  add(residual, "residual", "post", 3, "LN last (post)", "[derived here] (1+c)/(1+c)");
  figure.panels = {plain, residual};
  settings.lab.draw(figure);
}

bool Selection::made() const {
  return !(depths.empty() && wirings.empty() && norms.empty() && activations.empty() && inits.empty());
}

Selection Selection::completed() const {
  const auto otherwise = [](const auto& list, auto usual) { return list.empty() ? usual : list; };
  return {otherwise(depths, std::vector<std::size_t>{50}),
          otherwise(wirings, std::vector<std::string>{"plain", "residual"}),
          otherwise(norms, std::vector<std::string>{"none"}),
          otherwise(activations, std::vector<std::string>{"relu"}),
          otherwise(inits, std::vector<std::string>{"default"})};
}

void selected(StackSettings& settings, const Selection& selection) {
  const std::size_t curves =
      selection.depths.size() * selection.wirings.size() * selection.norms.size() * selection.inits.size();
  if (curves > 12)
    throw std::runtime_error(std::to_string(curves) +
                             " curves in one panel cannot be told apart: select at most 12");
  const auto seeds = settings.lab.seeds(10, 3);
  const std::size_t n = seeds.size();
  StackOptions stack = settings.stack(256, settings.lab.size<std::size_t>(16, 64));
  Figure figure{"gradient-norms",
                "Gradient at every hidden state",
                "width " + std::to_string(stack.width) + ", batch " + std::to_string(stack.batch) +
                    ", random gradient at the output, before training",
                {},
                2};
  figure.caption =
      "Mean of " + std::to_string(n) + " networks; band: their range. Dashed: wide-layer theory.";
  for (const auto& activation : selection.activations) {
    Panel panel{activation, layer_axis, gradient_axis, 10, {}};
    for (const auto depth : selection.depths)
      for (const auto& wiring : selection.wirings)
        for (const auto& norm : selection.norms)
          for (const auto& init : selection.inits) {
            stack.depth = depth;
            set_activation(stack, activation);
            set_wiring(stack, wiring);
            set_norm(stack, norm);
            set_init(stack, init);
            // A name says only what differs between the curves.
            std::string name;
            const auto say = [&](bool several, const std::string& word) {
              if (several) name += (name.empty() ? "" : ", ") + word;
            };
            say(selection.wirings.size() > 1, wiring);
            say(selection.norms.size() > 1, "LN " + norm);
            say(selection.inits.size() > 1, init);
            say(selection.depths.size() > 1, "L=" + std::to_string(depth));
            if (name.empty()) name = wiring + ", LN " + norm + ", " + init;
            const auto measured = curve(measure(settings, stack, seeds), &Measurement::gradients);
            const auto predicted = predicted_gradients(name, stack);
            report_underflow(settings, activation + ", " + name, measured);
            const std::size_t place = panel.series.size() / 2;
            panel.series.push_back(measured_gradients(name, place % 6, measured));
            panel.series.back().hollow = place >= 6;
            panel.series.push_back(predicted);
            if (depth >= 2)
              settings.lab.verdicts().ratio("‖δ‖² per layer, " + activation + ", " + name,
                                            gain_per_layer(measured.mean), gain_per_layer(predicted.y),
                                            gain_tolerance(stack, n), "[published] mean-field theory");
          }
    figure.panels.push_back(panel);
  }
  settings.lab.draw(figure);
}

}  // namespace plots
