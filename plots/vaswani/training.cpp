#include <cmath>

#include "parts.hpp"
#include "xgrad/nn/layers.hpp"
#include "xgrad/optim/optim.hpp"
#include "xgrad/optim/schedule.hpp"

namespace plots {

using xgrad::Rng;
using V = xgrad::Variable<double>;

namespace {
const xgrad::AdamOptions as_published = {.9, .98, 1e-9};
}

Panel schedule_panel(Laboratory& lab, const Sizes& n) {
  Panel panel{"learning rate", "log₁₀ of the step", "learning rate", 10, {}};
  Series rates{"schedule", {}, {}}, up{"", {}, {}, {}, {}, Kind::predicted}, down = up;
  rates.look = 1;
  const auto schedule = xgrad::schedule::transformer(n.d, n.warm_up);
  const double d = double(n.d), w = double(n.warm_up);
  for (double exponent = 0; exponent <= 5.01; exponent += .1) {
    const double step = std::round(std::pow(10, exponent));
    rates.x.push_back(std::log10(step));
    rates.y.push_back(std::log10(schedule(std::size_t(step) - 1)));
    Series& theory = step < w ? up : down;
    theory.x.push_back(std::log10(step));
    theory.y.push_back(
        std::log10(step < w ? step / (std::sqrt(d) * w * std::sqrt(w)) : 1 / std::sqrt(d * step)));
  }
  panel.series = {rates, up, down};
  const double peak = schedule(n.warm_up - 1);
  lab.verdicts().ratio("peak of the learning rate", peak, 1 / std::sqrt(d * w), 1e-12,
                       "[published] Vaswani 2017, eq. 3");
  const bool rises = schedule(n.warm_up - 2) < peak, falls = schedule(n.warm_up) < peak;
  lab.verdicts().within("neighbours of step w that are below it", double(rises) + double(falls), 2, 0,
                        "[published] Vaswani 2017, eq. 3");
  if (lab.changed()) return panel;
  lab.verdicts().ratio("acceptance: peak at d=512, w=4000", peak, 6.99e-4, .001,
                       "[published] eq. 3 evaluated");
  lab.verdicts().ratio("oracle: rate at step 1", schedule(0), 1.746928107421711e-07, 1e-9, "NumPy reference");
  lab.verdicts().ratio("oracle: rate at step 100000", schedule(99999), 0.00013975424859373687, 1e-9,
                       "NumPy reference");
  return panel;
}

void judge_adam(Laboratory& lab) {
  constexpr double rate = 1e-3;
  constexpr std::size_t warm = 500;
  const std::size_t steps = lab.size<std::size_t>(2000, 10000);
  // The moves of one parameter per step, in units of the learning rate.
  const auto rms_move = [&](const std::function<double()>& gradient, double& first) {
    xgrad::Parameters<double> parameters{{"x", xgrad::parameter(xgrad::scalar(0.))}};
    auto& x = parameters.front().variable;
    xgrad::Adam<double> adam(parameters, rate, as_published);
    double squares = 0;
    for (std::size_t step = 0; step < warm + steps; ++step) {
      const double before = x.item();
      x.zero_grad();
      x.accumulate(xgrad::scalar(gradient()));
      adam.step();
      const double move = (x.item() - before) / rate;
      if (step == 0) first = std::abs(move);
      if (step >= warm) squares += move * move / double(steps);
    }
    return std::sqrt(squares);
  };
  std::vector<double> noisy, firsts;
  double first = 0;
  const double constant = rms_move([] { return 1e-3; }, first);
  for (const auto seed : lab.seeds(5, 3)) {
    Rng rng(seed);
    noisy.push_back(rms_move([&] { return rng.normal(); }, first));
    firsts.push_back(first);
  }
  lab.verdicts().within("acceptance: Adam, first step in units of the rate", mean(firsts), 1, 1e-6,
                        "[published] Kingma & Ba 2014: the sign of the gradient");
  lab.verdicts().within("acceptance: Adam, constant gradient: step", constant, 1, 1e-4,
                        "[published] Kingma & Ba 2014: whatever its size");
  lab.verdicts().ratio("acceptance: Adam, random gradient: RMS step", mean(noisy), std::sqrt(.1 / 1.9), .08,
                       "[derived here] √((1-β₁)/(1+β₁)); v̂ wavers, hence 8 %");
}

void judge_label_smoothing(Laboratory& lab, const Sizes& n) {
  constexpr double smoothing = .1;
  const double p = 1 - smoothing + smoothing / double(n.classes), q = smoothing / double(n.classes);
  const double entropy = -p * std::log(p) - double(n.classes - 1) * q * std::log(q);
  std::vector<double> losses, confidences;
  for (const auto seed : lab.seeds(5, 3)) {
    Rng rng(seed);
    const auto logits = xgrad::parameter(rng.normal<double>({1, n.classes}), "logits");
    const xgrad::Indices label{std::int64_t(rng.below(n.classes))};
    xgrad::Adam<double> adam({{"logits", logits}}, .05, as_published);
    double loss = 0;
    for (int step = 0; step < 1000; ++step) {
      adam.zero_grad();
      xgrad::Tape<double> tape;
      const V smoothed = cross_entropy(logits, label, {-100, smoothing});
      loss = smoothed.item();
      smoothed.backward();
      adam.step();
    }
    losses.push_back(loss);
    confidences.push_back(max(softmax(logits)).item());
  }
  lab.verdicts().within("label smoothing: loss when all is learned", mean(losses), entropy, 1e-6,
                        "[derived here] entropy of the smoothed target");
  lab.verdicts().within("label smoothing: probability of the label", mean(confidences), p, 1e-3,
                        "[derived here] 1 - ε + ε/V");
  if (!lab.changed())
    lab.verdicts().within("acceptance: label smoothing floor, V=10", mean(losses), .5003, 1e-4,
                          "experiments' reference, NumPy");
}

void judge_dropout(Laboratory& lab) {
  std::vector<double> means, squares;
  const std::size_t n = lab.size<std::size_t>(20000, 100000);
  for (const auto seed : lab.seeds(5, 3)) {
    Rng rng(seed);
    xgrad::Dropout<double> dropout(.1, rng);
    const V y = dropout(V(xgrad::full<double>({n}, 1)));
    means.push_back(mean(y).item());
    squares.push_back(mean(y * y).item());
  }
  lab.verdicts().within("dropout 0.1: mean of ones", mean(means), 1, .005, "[published] kept entries / 0.9");
  lab.verdicts().within("dropout 0.1: mean square of ones", mean(squares), 1 / .9, .006,
                        "[derived here] 0.9/0.9²");
}

}  // namespace plots
