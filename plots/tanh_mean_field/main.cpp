// A residual tanh network x + tanh(Wx): the state grows like √l and the gradient like e^√l, between the
// exponential of plain networks and nothing at all.
// G. Yang & S. Schoenholz, "Mean field residual networks: on the edge of chaos", NIPS 2017, arXiv:1712.08969.

#include <algorithm>
#include <cmath>
#include <sstream>

#include "laboratory.hpp"
#include "mean_field.hpp"
#include "xgrad/probe/gradient_norms.hpp"

namespace plots {
namespace {

struct Settings {
  std::size_t depth = 256, width = 128, batch = 16;
  std::vector<double> deviations = {1, 2};
};

// ln of the mean square of the states x₀…x_L and of the gradients at them, in one network.
struct Moments {
  std::vector<double> values, gradients;
};

Moments measured_moments(const Settings& settings, double deviation, bool residual, std::uint64_t seed) {
  const std::size_t n = settings.width;
  const auto init = xgrad::Init::lecun_normal().scaled(deviation);  // N(0, σ²/n)
  xgrad::Rng rng(seed);
  xgrad::Sequential<double> stack;
  for (std::size_t l = 0; l < settings.depth; ++l) {
    xgrad::Sequential<double> layer{xgrad::Linear<double>(n, n, init, rng, xgrad::Bias::no),
                                    xgrad::activation<double>("tanh")};
    if (residual) {
      stack.add(xgrad::Residual<double>(std::move(layer)));
    } else {
      stack.add(std::move(layer));
    }
  }
  stack.requires_grad(false);
  xgrad::Tape<double> tape;
  const auto x = xgrad::parameter(rng.normal<double>({settings.batch, n}));
  const auto states = xgrad::hidden_states(stack, x);
  tape.backward(states.back(), rng.normal<double>({settings.batch, n}));
  Moments moments{xgrad::log10_values(states), xgrad::log10_gradients(states)};
  for (auto* logarithms : {&moments.values, &moments.gradients})
    for (double& value : *logarithms) value *= 2 * std::log(10.);
  return moments;
}

// The same for infinite width. With p = E x², q = σ²p and z standard normal
//   forwards   p ← p + E tanh²(√q z)          backwards  E g² ← E g² (1 + σ² E sech⁴(√q z))
// and without the two terms of the skip in a plain network. (Cross terms vanish: E tanh is 0, and W is
// independent of what it meets.) The averages are dense sums: sech⁴(√q z) is a peak of width 1/√q.
Moments predicted_moments(const Settings& settings, double deviation, bool residual) {
  double p = 1;
  std::vector<double> values{0}, gains;
  for (std::size_t l = 0; l < settings.depth; ++l) {
    const auto of_tanh = activation_moments("tanh", deviation * deviation * p);
    const double skip = residual ? 1 : 0;
    p = skip * p + of_tanh.square;
    values.push_back(std::log(p));
    gains.push_back(std::log(skip + deviation * deviation * of_tanh.slope_square));
  }
  std::vector<double> gradients(settings.depth + 1, 0);
  for (std::size_t l = settings.depth; l-- > 0;) gradients[l] = gradients[l + 1] + gains[l];
  return {values, gradients};
}

// Slope of ln E g² over √l, from layer 20 on.
double slope_over_root(const std::vector<double>& gradients) {
  std::vector<double> x, y;
  for (std::size_t l = 20; l < gradients.size(); ++l) {
    x.push_back(std::sqrt(double(l)));
    y.push_back(gradients[l]);
  }
  return fit_line(x, y).slope;
}

double log10_ratio(const std::vector<double>& gradients) {
  return (gradients.front() - gradients.back()) / 2 / std::log(10.);
}

std::string number(double x) {
  std::ostringstream text;
  text << x;
  return text.str();
}

void judge(Laboratory& lab, double deviation, const Curve& gradients, const Curve& values,
           const Moments& theory) {
  const std::string where = ", σ = " + number(deviation);
  auto& verdicts = lab.verdicts();
  const double decades = log10_ratio(theory.gradients), slope = slope_over_root(theory.gradients);
  // Networks of width 128 lie .05 to .1 decades beyond infinite width, and single ones spread as much.
  verdicts.within("acceptance: log₁₀ ‖δ₀‖/‖δ_L‖" + where, log10_ratio(gradients.mean), decades,
                  .05 + .03 * decades, "mean-field recursion, evaluated here");
  verdicts.ratio("slope of ln ‖δ_l‖² over √l" + where, slope_over_root(gradients.mean), slope, .05,
                 "mean-field recursion, evaluated here");
  verdicts.ratio("E x_L²" + where, std::exp(values.mean.back()), std::exp(theory.values.back()), .1,
                 "mean-field recursion, evaluated here");
  if (lab.changed() || lab.quick()) return;
  const double asymptotic = -4. / 3 * std::sqrt(2 / std::acos(-1.)) * deviation;
  verdicts.ratio("slope, recursion against its limit" + where, slope, asymptotic, .08,
                 "[published] e^√l; constant -(4/3)√(2/π)σ [derived here]");
  const bool one = deviation == 1;
  verdicts.within("oracle: log₁₀ ‖δ₀‖/‖δ_L‖" + where, log10_ratio(gradients.mean), one ? 3.818 : 6.793, .12,
                  "NumPy, 4 networks");
  verdicts.within("oracle: slope over √l" + where, slope_over_root(gradients.mean), one ? -1.1425 : -2.0927,
                  .1, "NumPy, 4 networks");
  verdicts.within("oracle: recursion, log₁₀ ratio" + where, decades, one ? 3.73993 : 6.77592, 2e-4,
                  "NumPy, 200,001 points");
}

// What a plain tanh network does per layer once its state has settled.
void judge_plain(Laboratory& lab, double deviation, const Curve& gradients, const Moments& theory) {
  const std::size_t depth = gradients.mean.size() - 1, from = depth / 4, to = 3 * depth / 4;
  const auto per_layer = [&](const std::vector<double>& y) { return (y[from] - y[to]) / double(to - from); };
  lab.verdicts().within("ln ‖δ‖² per layer, plain, σ = " + number(deviation), per_layer(gradients.mean),
                        per_layer(theory.gradients), .02, "[published] Schoenholz et al. 2017: ln χ");
}

void tanh_mean_field(Laboratory& lab, Settings settings) {
  const auto seeds = lab.seeds(16, 3);
  settings.depth = lab.size<std::size_t>(std::min<std::size_t>(settings.depth, 128), settings.depth);
  Figure figure{"tanh-mean-field",
                "Residual tanh networks: the gradient grows like e^√l, the state like √l",
                "x + tanh(W x), W ~ N(0, σ²/n), width " + std::to_string(settings.width) + ", " +
                    std::to_string(settings.depth) + " layers",
                {},
                2};
  figure.same_y = false;
  figure.prediction = "mean-field recursion";
  figure.caption =
      "Mean of the logarithms and range over " + std::to_string(seeds.size()) +
      " networks; L is the last layer. Over √l the residual curves become straight lines, over l the "
      "plain ones. Yang & Schoenholz, arXiv:1712.08969; plain: Schoenholz et al., arXiv:1611.01232.";
  std::vector<double> layers = counting(settings.depth + 1), roots;
  for (double l : layers) roots.push_back(std::sqrt(l));
  Panel over_root{"gradient over √l", "√l", "ln E δ²  (0 at layer L)", 0, {}},
      over_layer{"residual and plain, over l", "layer l", "ln E δ²  (0 at layer L)", 0, {}},
      state{"state, residual", "layer l", "E x²", 0, {}},
      plain_state{"state, plain", "layer l", "E x²", 0, {}};
  std::size_t look = 0;
  for (double deviation : settings.deviations) {
    for (bool residual : {true, false}) {
      const std::string name = std::string(residual ? "residual" : "plain") + ", σ = " + number(deviation);
      const auto runs = lab.over_seeds(name, seeds, [&](std::uint64_t seed) {
        return measured_moments(settings, deviation, residual, seed);
      });
      std::vector<std::vector<double>> gradient_runs, value_runs;
      for (const auto& run : runs) {
        gradient_runs.push_back(run.gradients);
        value_runs.push_back(run.values);
      }
      const auto gradients = curve(gradient_runs), values = curve(value_runs);
      const auto theory = predicted_moments(settings, deviation, residual);
      const auto add = [&](Panel& panel, const std::vector<double>& x) {
        panel.series.push_back(measured(name, look, x, gradients));
        panel.series.push_back(predicted(name, x, theory.gradients));
      };
      add(over_layer, layers);
      Panel& states = residual ? state : plain_state;
      Curve squares = values;
      for (auto* numbers : {&squares.mean, &squares.low, &squares.high})
        for (double& value : *numbers) value = std::exp(value);
      std::vector<double> expected;
      for (double value : theory.values) expected.push_back(std::exp(value));
      states.series.push_back(measured(name, look, layers, squares));
      states.series.push_back(predicted(name, layers, expected));
      if (residual) {
        add(over_root, roots);
        judge(lab, deviation, gradients, values, theory);
      } else {
        judge_plain(lab, deviation, gradients, theory);
      }
      ++look;
    }
  }
  figure.panels = {over_root, over_layer, state, plain_state};
  lab.draw(figure);
}

}  // namespace
}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("tanh-mean-field", "In residual tanh networks the gradient grows like e^√l",
                        "G. Yang & S. Schoenholz, arXiv:1712.08969");
  plots::Settings settings;
  lab.add_option("--depth", settings.depth, "Layers").between(40, 100000);
  lab.add_option("--width", settings.width, "Units per layer").between(1, 100000);
  lab.add_option("--batch", settings.batch, "Inputs").between(1, 100000);
  lab.add_option("--sigma", settings.deviations, "Standard deviations σ of √n·W").positive();
  return lab.run(argc, argv, [&] { plots::tanh_mean_field(lab, settings); });
}
