// Shattered gradients: do the gradients at different inputs of one random network resemble each other? In a
// plain network with batch normalisation their correlation halves in each layer, and along a line of inputs
// they look like white noise; residual connections keep them alike.
// D. Balduzzi et al., "The shattered gradients problem", ICML 2017, arXiv:1702.08591.

#include <algorithm>
#include <cmath>
#include <functional>

#include "laboratory.hpp"
#include "networks.hpp"
#include "theory.hpp"
#include "xgrad/probe/autocorrelation.hpp"
#include "xgrad/probe/gradient_norms.hpp"

namespace plots {
namespace {

using xgrad::Array;

const NetworkKind kinds[] = {{"plain, BN", false, true, 0},
                             {"plain", false, false, 4},
                             {"residual", true, false, 5},
                             {"residual, BN", true, true, 1}};

std::vector<std::size_t> depths_up_to(std::size_t largest) {
  std::vector<std::size_t> depths;
  for (std::size_t depth : {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 50, 100, 200})
    if (depth <= largest) depths.push_back(depth);
  return depths;
}

// Slope of the logarithm over the depth (halves per layer), or over its logarithm (a power law).
double slope(const std::vector<std::size_t>& depths, const std::vector<double>& values, std::size_t from,
             std::size_t to, double (*scale)(double)) {
  std::vector<double> x, y;
  for (std::size_t i = 0; i < depths.size(); ++i)
    if (from <= depths[i] && depths[i] <= to) {
      x.push_back(scale(double(depths[i])));
      y.push_back(std::log2(values[i]));
    }
  return fit_line(x, y).slope;
}

void judge(Laboratory& lab, const NetworkKind& kind, const std::vector<std::size_t>& depths,
           const std::vector<double>& measured, const std::vector<double>& expected) {
  auto& verdicts = lab.verdicts();
  const auto line = [](double x) { return x; };
  const auto logarithm = [](double x) { return std::log2(x); };
  if (kind.norm && !kind.residual)
    verdicts.within("log₂ per layer, plain, BN, L ≤ 8", slope(depths, measured, 1, 8, line), -1, .15,
                    "[published] 2^-L");
  if (kind.norm && kind.residual && depths.back() >= 50)
    verdicts.within("exponent of L, residual, BN, 8 ≤ L ≤ 50", slope(depths, measured, 8, 50, logarithm),
                    slope(depths, expected, 8, 50, logarithm), .06, "[derived here]; the paper's rate is -½");
  for (std::size_t i = 0; i < depths.size(); ++i) {
    const std::string what = "correlation, " + kind.name + ", L=" + std::to_string(depths[i]);
    if (kind.norm && !kind.residual && depths[i] <= 6)
      verdicts.ratio("acceptance: " + what, measured[i], expected[i], .15, "[published] 2^-L");
    if (kind.norm && kind.residual && depths[i] <= 32)
      verdicts.ratio("acceptance: " + what, measured[i], expected[i], .1, "[derived here] ∏(v+½)/(v+1)");
    if (!kind.norm && depths[i] <= 4)
      verdicts.ratio(what, measured[i], expected[i], .1, "[derived here] angles after ReLU");
  }
}

// What an independent NumPy program measured with six networks of width 200 and 128 inputs.
void judge_oracle(Laboratory& lab, const NetworkKind& kind, const std::vector<std::size_t>& depths,
                  const std::vector<double>& measured) {
  struct Reference {
    const char* kind;
    std::size_t depth;
    double value, tolerance;
  };
  for (const auto& [name, depth, value, tolerance] : {Reference{"plain, BN", 4, .06331, .1},
                                                      {"plain", 4, .13601, .15},
                                                      {"residual", 8, .2107, .15},
                                                      {"residual, BN", 8, .31498, .1},
                                                      {"residual, BN", 50, .09388, .15}})
    for (std::size_t i = 0; i < depths.size(); ++i)
      if (name == kind.name && depth == depths[i])
        lab.verdicts().ratio("oracle: correlation, " + kind.name + ", L=" + std::to_string(depth),
                             measured[i], value, tolerance, "NumPy, 6 networks");
}

constexpr double floor_of_noise = 1 / 512.;  // below, the mean over the pairs of a few networks is noise

Panel correlations(Laboratory& lab, const Settings& settings) {
  const auto depths =
      depths_up_to(lab.size<std::size_t>(std::min<std::size_t>(settings.depth, 8), settings.depth));
  const auto seeds = lab.seeds(12, 4);
  Panel panel{"gradients at random inputs", "layers L", "⟨gᵢ, gⱼ⟩ / ‖g‖²  (i ≠ j)", 2, {}};
  for (const auto& kind : kinds) {
    const auto runs = lab.over_seeds(kind.name, seeds, [&](std::uint64_t seed) {
      std::vector<double> result;
      for (const auto depth : depths) result.push_back(correlation(kind, depth, settings, seed));
      return result;
    });
    const auto measured = curve(runs);
    const auto theory = predicted_correlations(kind.residual, kind.norm, settings.beta, depths.back());
    Series line{kind.name, {}, {}}, dashed{kind.name, {}, {}, {}, {}, Kind::predicted};
    line.look = kind.look;
    std::vector<double> expected;
    for (std::size_t i = 0; i < depths.size(); ++i) {
      expected.push_back(theory[depths[i]]);
      if (!(measured.mean[i] > floor_of_noise)) continue;
      line.x.push_back(double(depths[i]));
      line.y.push_back(std::log2(measured.mean[i]));
      line.low.push_back(std::log2(std::max(measured.low[i], floor_of_noise)));
      line.high.push_back(std::log2(measured.high[i]));
    }
    for (std::size_t l = 1; l <= depths.back() && theory[l] > floor_of_noise; ++l) {
      dashed.x.push_back(double(l));
      dashed.y.push_back(std::log2(theory[l]));
    }
    panel.series.push_back(line);
    panel.series.push_back(dashed);
    if (!(kind.norm && settings.through_statistics)) {
      judge(lab, kind, depths, measured.mean, expected);
    } else if (!kind.residual) {  // what BN sends back sums to 0 over the inputs, so Σ⟨gᵢ, gⱼ⟩ = -Σ‖gᵢ‖²
      lab.verdicts().ratio("correlation, plain, BN, L=1, through the statistics", measured.mean.front(),
                           -1 / (double(settings.batch) - 1), 1e-6, "[derived here] -1/(B-1)");
    }
    if (!lab.changed()) judge_oracle(lab, kind, depths, measured.mean);
  }
  return panel;
}

std::vector<double> scaled_to_one(const Array<double>& g) {
  const double scale = std::pow(10, -xgrad::log10_rms(g));
  std::vector<double> values(g.data(), g.data() + g.size());
  for (double& value : values) value *= scale;
  return values;
}

// The gradient along a line of inputs, beside the two noises that the paper compares it with: a panel for
// each signal, and one with the autocorrelations.
std::vector<Panel> along_a_line(Laboratory& lab, const Settings& settings) {
  constexpr std::size_t lags = 15;
  struct Signal {
    std::string name;
    std::size_t look;
    std::function<Array<double>(std::uint64_t)> draw;
    double reference, tolerance;  // autocorrelation at lag 1
    const char* source;
    bool hollow = false;
  };
  const auto network = [&](const NetworkKind& kind, std::size_t depth) {
    return [&, depth](std::uint64_t seed) { return gradient_on_grid(kind, depth, settings, seed); };
  };
  const auto noise_of = [&](bool brown) {
    return [&settings, brown](std::uint64_t seed) { return noise(brown, settings.grid, seed); };
  };
  const char *oracle = "NumPy, 20 networks", *exact = "[published] noise";
  const Signal signals[] = {{"1 layer", 2, network(kinds[1], 1), .973, .02, oracle},
                            {"24 layers, plain, BN", 0, network(kinds[0], 24), -.037, .06, oracle},
                            {"50 layers, residual, BN", 1, network(kinds[3], 50), .712, .08, oracle},
                            {"24 layers, plain", 4, network(kinds[1], 24), .882, .06, oracle},
                            {"brown noise", 3, noise_of(true), 1, .08, exact},
                            {"white noise", 3, noise_of(false), 0, .06, exact, true}};
  Panel all{"gradients along a line of inputs", "lag", "autocorrelation of df/dx", 0, {}};
  std::vector<Panel> panels;
  const auto seeds = lab.seeds(20, 6);
  for (const auto& signal : signals) {
    const auto runs = lab.over_seeds(signal.name, seeds, signal.draw);
    std::vector<std::vector<double>> each;
    for (const auto& g : runs) each.push_back(xgrad::autocorrelation(g, lags));
    const auto measured_curve = curve(each);
    Series line = measured(signal.name, signal.look, counting(lags + 1), measured_curve);
    line.hollow = signal.hollow;
    line.low.clear();  // six wide bands would hide the curves
    line.high.clear();
    all.series.push_back(line);
    if (!lab.changed()) {
      const bool network_of_acceptance = signal.look <= 1;
      lab.verdicts().within(std::string(network_of_acceptance     ? "acceptance: "
                                        : signal.source == oracle ? "oracle: "
                                                                  : "") +
                                "autocorrelation at lag 1, " + signal.name,
                            measured_curve.mean[1], signal.reference, signal.tolerance, signal.source);
    }
    if (panels.size() == 4 || signal.look == 4) continue;
    std::vector<double> x;
    for (std::size_t i = 0; i < settings.grid; ++i)
      x.push_back(-2 + 4 * double(i) / double(settings.grid - 1));
    Series drawn{signal.name, x, scaled_to_one(runs.front())};
    drawn.look = signal.look;
    panels.push_back({signal.name, "x", "df/dx", 0, {drawn}});
  }
  panels.insert(panels.begin(), all);
  return panels;
}

}  // namespace
}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("shattered-gradients",
                        "Plain deep networks shatter their gradients; residual connections keep them alike",
                        "D. Balduzzi et al., arXiv:1702.08591");
  plots::Settings settings;
  lab.add_option("--depth", settings.depth, "Largest depth of the correlations").between(2, 10000);
  lab.add_option("--width", settings.width, "Units per layer").between(2, 10000);
  lab.add_option("--batch", settings.batch, "Inputs whose gradients are compared").between(2, 10000);
  lab.add_option("--beta", settings.beta, "Scale β of the residual branch");
  lab.add_flag("--through-statistics", settings.through_statistics,
               "Let gradients pass through the mean and variance of BN");
  return lab.run(argc, argv, [&] {
    plots::Figure figure{
        "shattered-gradients",
        "Gradients shatter in plain networks; residual connections keep them alike",
        "layers W relu(BN x), residual: x + W relu(BN x); width " + std::to_string(settings.width),
        {},
        2};
    figure.same_y = false;
    figure.prediction = "theory: 2^-L and its refinements";
    figure.caption =
        "Left: mean and range over the networks, for unrelated inputs of one network. Right and below: "
        "scalar "
        "input, a grid of 256 points; the gradients of one network each, scaled to RMS 1. After Balduzzi et "
        "al. 2017.";
    figure.panels.push_back(plots::correlations(lab, settings));
    for (auto& panel : plots::along_a_line(lab, settings)) figure.panels.push_back(std::move(panel));
    lab.draw(figure);
  });
}
