// Residual stacks x ← x + αf(x): second moments grow as 2^L, to e, or not at all.
// D. Balduzzi et al., arXiv:1702.08591; S. De & S. Smith, arXiv:2002.10444.

#include <cmath>
#include <map>

#include "stack_figures.hpp"

namespace plots {
namespace {

// log₂ of E‖x_L‖²/E‖x₀‖² or E‖δ₀‖²/E‖δ_L‖².
double log2_growth(const std::vector<double>& log10_rms, bool backward) {
  const double decades = log10_rms.back() - log10_rms.front();
  return 2 * (backward ? -decades : decades) / std::log10(2);
}

// log₂ of the growth in an independent NumPy program: 20 networks of width 128, 32 inputs.
void judge_oracle(Laboratory& lab, const std::string& what, double log2_growth) {
  static const std::map<std::string, double> oracle = {
      {"α = 1, forward, L=8", 7.847},      {"α = 1, backward, L=8", 7.999},
      {"α = 1, forward, L=32", 31.192},    {"α = 1, backward, L=32", 31.805},
      {"α = 1/√L, forward, L=32", 1.4147}, {"α = 1/√L, backward, L=32", 1.3861}};
  const auto found = oracle.find(what);
  if (found == oracle.end() || lab.changed()) return;
  lab.verdicts().within("oracle: log₂ of the growth, " + what, log2_growth, found->second,
                        .02 * found->second + .08, "NumPy, 20 networks");
}

void residual_moments(StackSettings& settings) {
  const auto seeds = settings.lab.seeds(20, 20);
  const std::size_t n = seeds.size();
  StackOptions stack = settings.stack(128, 32);
  stack.wiring = Wiring::residual;

  struct Case {
    std::string name, init;
    std::size_t look;
    double branch_gain;            // c: E‖f(x)‖² = c E‖x‖²
    double (*alpha)(std::size_t);  // of the depth
  };
  const Case cases[] = {
      {"α = 1, He on both matrices", "he", 3, 2, [](std::size_t) { return 1.; }},
      {"α = 1", "balanced", 0, 1, [](std::size_t) { return 1.; }},
      {"α = 1/√L", "balanced", 1, 1, [](std::size_t depth) { return 1 / std::sqrt(double(depth)); }},
      {"α = 1/L", "balanced", 2, 1, [](std::size_t depth) { return 1 / double(depth); }},
  };
  Figure figure{"residual-moments",
                "A residual stack multiplies ‖gradient‖² by 2^L, by e, or by 1",
                "x ← x + α W₂ relu(W₁ x), filled: E‖x_L‖²/E‖x₀‖², open: E‖δ₀‖²/E‖δ_L‖²; width " +
                    std::to_string(stack.width),
                {},
                2};
  figure.same_y = false;
  figure.prediction = "(1 + α²c)^L";
  figure.caption =
      "He on W₁ and variance 1/n on W₂ make the branch gain c = 1; He on both makes c = 2 and the factor "
      "3^L, a classic "
      "mistake. Mean of the logarithms and range over " +
      std::to_string(n) +
      " networks, forward and backward. "
      "Balduzzi et al. 2017; De & Smith 2020 (SkipInit).";
  Panel all{"all four", "depth L", "growth of E‖·‖²", 2, {}},
      close{"the scaled branches, closer", "depth L", "growth of E‖·‖²", 0, {}};
  for (const auto& [name, init, look, branch_gain, alpha] : cases) {
    set_init(stack, init);
    Series directions[2], predicted{name, {}, {}, {}, {}, Kind::predicted};
    for (int backward : {0, 1}) {
      directions[backward].name = name + (backward ? ", backward" : ", forward");
      directions[backward].look = look;
      directions[backward].hollow = backward;
      directions[backward].legend = name;
    }
    for (std::size_t depth : {4, 8, 16, 32}) {
      stack.depth = depth;
      stack.alpha = alpha(depth);
      const auto runs = measure(settings, stack, seeds);
      for (int backward : {0, 1}) {
        double sum = 0, low = INFINITY, high = -INFINITY;
        for (const auto& run : runs) {
          const double growth = log2_growth(backward ? run.gradients : run.values, backward);
          sum += growth;
          low = std::min(low, growth);
          high = std::max(high, growth);
        }
        auto& series = directions[backward];
        const double mean = sum / double(n),
                     expected = double(depth) * std::log2(1 + stack.alpha * stack.alpha * branch_gain);
        series.x.push_back(double(depth));
        series.y.push_back(mean);
        series.low.push_back(low);
        series.high.push_back(high);
        const std::string what = series.name + ", L=" + std::to_string(depth);
        judge_oracle(settings.lab, what, mean);
        if (name == "α = 1") {
          settings.lab.verdicts().between("acceptance: log₂ per layer, " + what, mean / double(depth), 1, .96,
                                          1.01, "[published] Balduzzi 2017, De & Smith 2020: 2^L");
        } else if (init == "he") {
          settings.lab.verdicts().within("log₂ per layer, " + what, mean / double(depth), std::log2(3.), .05,
                                         "[derived here] c=2: 3^L");
        } else {
          const bool root = name == "α = 1/√L";
          settings.lab.verdicts().ratio(
              (root ? "acceptance: growth, " : "growth, ") + what, std::exp2(mean), std::exp2(expected), .08,
              root ? "[published] SkipInit: (1+1/L)^L → e" : "[derived here] (1+1/L²)^L → 1");
        }
      }
    }
    for (std::size_t depth = 4; depth <= 32; ++depth) {
      const double a = alpha(depth);
      predicted.x.push_back(double(depth));
      predicted.y.push_back(double(depth) * std::log2(1 + a * a * branch_gain));
    }
    for (const auto& series : {directions[0], directions[1], predicted}) {
      all.series.push_back(series);
      if (name == "α = 1" || init == "he") continue;
      close.series.push_back(series);
      auto& copy = close.series.back();
      for (auto* numbers : {&copy.y, &copy.low, &copy.high})
        for (double& number : *numbers) number = std::exp2(number);
    }
  }
  for (auto* panel : {&all, &close}) panel->x_ticks = {4, 8, 16, 32};
  figure.panels = {all, close};
  settings.lab.draw(figure);
}

}  // namespace
}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("residual-moments",
                        "A residual stack multiplies second moments by 2^L, by e, or by 1",
                        "D. Balduzzi et al., arXiv:1702.08591; S. De & S. Smith, arXiv:2002.10444");
  plots::StackSettings settings(lab);
  return lab.run(argc, argv, [&] { plots::residual_moments(settings); });
}
