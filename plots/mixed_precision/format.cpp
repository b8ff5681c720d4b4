#include "format.hpp"

#include <cmath>

#include "xgrad/train/half.hpp"

namespace plots {

using xgrad::round_to_half, xgrad::Rng;

Panel scale_panel(Laboratory& lab) {
  const auto phi = [](double z) { return .5 * std::erfc(-z / std::sqrt(2.)); };
  constexpr double deviation = 3, middle = -22;
  const std::size_t n = lab.size<std::size_t>(20000, 100000, 1000000);
  const auto seeds = lab.seeds(5, 3);
  std::vector<double> exponents;
  for (double e = 0; e <= 30; e += 3) exponents.push_back(e);
  Panel panel{"gradients of all magnitudes", "log₂ of the loss scale", "share", 0, {}};
  for (const bool overflow : {false, true}) {
    const auto runs = lab.over_seeds("", seeds, [&](auto seed) {
      Rng rng(seed);
      std::vector<double> shares(exponents.size(), 0);
      for (std::size_t i = 0; i < n; ++i) {
        const double g = std::exp(middle * std::log(2.) + deviation * rng.normal());
        for (std::size_t e = 0; e < exponents.size(); ++e) {
          const double stored = round_to_half(g * std::exp2(exponents[e]));
          shares[e] += (overflow ? !std::isfinite(stored) : stored == 0) / double(n);
        }
      }
      return shares;
    });
    std::vector<double> theory;
    for (const double e : exponents) {
      const double edge = overflow ? std::log2(65520) - e : -25 - e;
      const double below = phi((edge - middle) * std::log(2.) / deviation);
      theory.push_back(overflow ? 1 - below : below);
    }
    const std::string name = overflow ? "infinite" : "zero";
    const auto shares = curve(runs);
    panel.series.push_back(measured(name, overflow ? 4 : 5, exponents, shares));
    panel.series.push_back(predicted("Φ, " + name, exponents, theory));
    for (std::size_t e : {0, 1, 5, 10}) {
      if (overflow && e != 10) continue;
      const double error = std::sqrt(theory[e] * (1 - theory[e]) / double(n * seeds.size()));
      lab.verdicts().within("acceptance: share " + name + " at 2^" + std::to_string(int(exponents[e])),
                            shares.mean[e], theory[e], 4 * error + 1e-9,
                            "[derived here] Φ; 4 standard errors");
    }
    if (!overflow && !lab.quick()) {
      lab.verdicts().within("oracle: share zero without scale", shares.mean[0], .2436, .004, "NumPy float16");
      lab.verdicts().within("oracle: share zero at 2^3", shares.mean[1], .0827, .003, "NumPy float16");
    }
  }
  return panel;
}

void judge_format(Verdicts& verdicts) {
  const std::string source = "[published] IEEE 754 binary16";
  const auto half = [](double x) { return round_to_half(x); };
  verdicts.within("acceptance: half(2⁻²⁴), in units of it", half(std::exp2(-24)) * std::exp2(24), 1, 0,
                  source);
  verdicts.within("acceptance: half(2⁻²⁵): the tie goes to even", half(std::exp2(-25)), 0, 0, source);
  verdicts.within("acceptance: half(1.001·2⁻²⁵), in units of 2⁻²⁴",
                  half(1.001 * std::exp2(-25)) * std::exp2(24), 1, 0, source);
  verdicts.within("acceptance: half(1 + 2⁻¹¹) - 1: lost", half(1 + std::exp2(-11)) - 1, 0, 0, source);
  verdicts.within("acceptance: (half(1 + 2⁻¹⁰) - 1)·2¹⁰: kept", (half(1 + std::exp2(-10)) - 1) * 1024, 1, 0,
                  source);
}

Panel master_weight_panel(Verdicts& verdicts) {
  Panel panel{"a thousand updates of 2⁻¹²", "step", "weight", 0, {}};
  for (const bool master : {false, true}) {
    xgrad::Parameters<float> parameters{{"w", xgrad::parameter(xgrad::scalar(1.F))}};
    auto& w = parameters.front().variable;
    xgrad::SGD<float> sgd(parameters, std::exp2(-12));
    Series series{master ? "master copy in float" : "weight in half", {}, {}};
    series.look = master ? 2 : 0;
    for (int step = 1; step <= 1000; ++step) {
      sgd.zero_grad();
      {
        const xgrad::HalfWeights<float> stored(parameters);
        xgrad::Tape<float> tape;
        (-w).backward();
      }
      sgd.step();
      if (!master) w.mutable_value() = round_to_half(w.value());
      if (step % 50 != 0) continue;
      series.x.push_back(step);
      series.y.push_back(double(w.item()));
    }
    panel.series.push_back(series);
    verdicts.within("acceptance: after 1000 updates of 2⁻¹², " + series.name, double(w.item()),
                    master ? 1 + 1000 / 4096. : 1, 0,
                    "[published] Micikevicius 2017: master weights; half a unit of 1 is 2⁻¹¹");
  }
  return panel;
}

}  // namespace plots
