#include "glorot.hpp"

#include <cmath>

#include "mean_field.hpp"
#include "xgrad/probe/singular_values.hpp"

namespace plots {

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
    settings.lab.verdicts().within(
        "oracle: mean Jacobian singular value, " + std::string(standard ? "standard" : "Xavier"), singular,
        standard ? .480 : .718, .02, "NumPy, 3 networks");
    settings.lab.verdicts().ratio("‖δ₁‖/‖δ₅‖, " + std::string(inits[i].first), std::pow(10, ratio),
                                  std::pow(10, predict(stack).gradients[1]), .06,
                                  "mean-field recursion, evaluated here");
  }
  figure.panels = {panels[0][0], panels[0][1], panels[1][0], panels[1][1]};
  settings.lab.draw(figure);
}

}  // namespace plots
