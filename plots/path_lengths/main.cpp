// A residual network is a sum over 2ⁿ paths. Most paths pass half of the n branches, but the gradient comes
// by the short ones: each branch it passes makes it smaller.
// A. Veit, M. Wilber & S. Belongie, "Residual networks behave like ensembles of relatively shallow networks",
// NIPS 2016, arXiv:1605.06431.

#include "xgrad/probe/path_lengths.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "laboratory.hpp"
#include "xgrad/probe/gradient_norms.hpp"
#include "xgrad/probe/jacobian.hpp"

namespace plots {
namespace {

using xgrad::Array;

struct Settings {
  std::size_t blocks = 54, width = 64, batch = 8;
  std::vector<double> gains = {.256, 1. / 54, 1};  // r² = E‖Jᵀg‖²/E‖g‖² of one branch
};

struct Measurement {
  std::vector<double> energies;  // mean square of g₀…g_n
  double error;                  // of their sum, against one backward pass
};

// Branches a W₂ relu(W₁ x), a² = r²: He on W₁ and variance 1/n on W₂ give the branch itself a gain of 1.
Measurement measure(const Settings& settings, double gain, std::uint64_t seed) {
  const std::size_t d = settings.width;
  xgrad::Rng rng(seed);
  std::vector<xgrad::Sequential<double>> layers;
  for (std::size_t l = 0; l < settings.blocks; ++l)
    layers.push_back(xgrad::Sequential<double>{
        xgrad::Linear<double>(d, d, xgrad::Init::he_normal(), rng, xgrad::Bias::no),
        xgrad::activation<double>("relu"),
        xgrad::Linear<double>(d, d, xgrad::Init::lecun_normal().scaled(std::sqrt(gain)), rng,
                              xgrad::Bias::no)});
  std::vector<xgrad::Module<double>*> branches;
  for (auto& layer : layers) branches.push_back(&layer);
  const auto x = rng.normal<double>({settings.batch, d}), cotangent = rng.normal<double>({settings.batch, d});
  const auto by_length = xgrad::gradients_by_path_length(branches, x, cotangent);

  Measurement result{{}, 0};
  auto sum = xgrad::zeros<double>({settings.batch, d});
  for (const auto& g : by_length) {
    result.energies.push_back(std::pow(10, 2 * xgrad::log10_rms(g)));
    for (std::size_t i = 0; i < sum.size(); ++i) sum.data()[i] += g.data()[i];
  }
  const auto whole = xgrad::input_gradient(
      [&](const xgrad::Variable<double>& x0) {
        auto y = x0;
        for (auto& layer : layers) y = y + layer(y);
        return y;
      },
      x, cotangent);
  for (std::size_t i = 0; i < sum.size(); ++i) sum.data()[i] -= whole.data()[i];
  result.error = std::pow(10, xgrad::log10_norm(sum) - xgrad::log10_norm(whole));
  return result;
}

double log_binomial(std::size_t n, std::size_t k) {
  return std::lgamma(double(n) + 1) - std::lgamma(double(k) + 1) - std::lgamma(double(n - k) + 1);
}

// Bin(n, p) at 0…n.
std::vector<double> binomial(std::size_t n, double p) {
  std::vector<double> result;
  for (std::size_t k = 0; k <= n; ++k)
    result.push_back(
        std::exp(log_binomial(n, k) + double(k) * std::log(p) + double(n - k) * std::log(1 - p)));
  return result;
}

double share(const std::vector<double>& distribution, std::size_t from, std::size_t to) {
  double sum = 0;
  for (std::size_t k = from; k <= to && k < distribution.size(); ++k) sum += distribution[k];
  return sum;
}

double mean_length(const std::vector<double>& distribution) {
  double sum = 0;
  for (std::size_t k = 0; k < distribution.size(); ++k) sum += double(k) * distribution[k];
  return sum;
}

// Half the sum of the differences: 0 for equal distributions, 1 for disjoint ones.
double total_variation(const std::vector<double>& p, const std::vector<double>& q) {
  double sum = 0;
  for (std::size_t k = 0; k < p.size(); ++k) sum += std::abs(p[k] - q[k]) / 2;
  return sum;
}

std::string number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", x);
  return text;
}

// ln of the energy of one path of each length: ln E‖g_k‖² - ln C(n, k), relative to length 0.
std::vector<double> log_per_path(const std::vector<double>& energies, std::size_t blocks) {
  std::vector<double> result;
  for (std::size_t k = 0; k <= blocks; ++k)
    result.push_back(std::log(energies[k] / energies[0]) - log_binomial(blocks, k));
  return result;
}

void judge(Laboratory& lab, const Settings& settings, double gain, const std::vector<double>& shares,
           const std::vector<double>& per_path, double error) {
  auto& verdicts = lab.verdicts();
  const std::size_t n = settings.blocks;
  const auto expected = binomial(n, gain / (1 + gain));
  const std::string where = ", r² = " + number(gain);
  verdicts.below("acceptance: total variation from Bin(n, r²/(1+r²))" + where,
                 total_variation(shares, expected), 0, .06, "[derived here]");
  verdicts.ratio("mean length" + where, mean_length(shares), double(n) * gain / (1 + gain), .06,
                 "[derived here] n r²/(1+r²)");
  const std::size_t last = std::min<std::size_t>(30, n);
  const auto middle = [&](const std::vector<double>& y) {
    return std::vector<double>(y.begin() + 2, y.begin() + std::ptrdiff_t(last));
  };
  verdicts.within("ln energy per branch passed, one path" + where,
                  fit_line(middle(counting(n + 1)), middle(per_path)).slope, std::log(gain), .05,
                  "[derived here] ln r²");
  verdicts.below("sum over the lengths against backward" + where, error, 0, 1e-13, "the chain rule");
  if (lab.changed() || gain != .256) return;
  verdicts.within("share of the gradient on 5 to 17 branches" + where, share(shares, 5, 17),
                  share(expected, 5, 17), .02, "[published] most of it, by Veit et al. 2016");
  verdicts.within("oracle: mean length" + where, mean_length(shares), 10.741, .6,
                  "NumPy, 5 networks, weighted by their energy");
  verdicts.within("oracle: ln energy per branch, one path" + where,
                  fit_line(middle(counting(n + 1)), middle(per_path)).slope, -1.3700, .04,
                  "NumPy, 5 networks");
  verdicts.within("oracle: share on 5 to 17 branches" + where, share(shares, 5, 17), .97348, .02,
                  "NumPy, 5 networks");
}

void path_lengths(Laboratory& lab, const Settings& settings) {
  const auto seeds = lab.seeds(20, 3);
  const std::size_t n = settings.blocks;
  const auto lengths = counting(n + 1);
  Figure figure{"path-lengths",
                "Most paths are long; the gradient takes the short ones",
                "x + a W₂ relu(W₁ x), " + std::to_string(n) + " blocks of width " +
                    std::to_string(settings.width) + ", one branch has the gain r² = a²",
                {},
                2};
  figure.same_y = false;
  figure.prediction = "Bin(n, r²/(1+r²)) and ln r² per branch";
  figure.caption =
      "Left: share of E‖g_k‖², the gradient that came through k branches; of the 2ⁿ paths, Bin(n, ½) pass k "
      "branches. Right: energy of a single path. Mean and range of " +
      std::to_string(seeds.size()) + " networks. After Veit, Wilber & Belongie 2016.";
  Panel shares{"share of the gradient", "branches passed k", "share of E‖g_k‖²", 0, {}},
      single{"one path", "branches passed k", "E of one path, length 0 = 1", 10, {}};
  const auto paths = binomial(n, .5);
  Series all_paths{"all paths, by number", lengths, paths};
  all_paths.look = 3;
  all_paths.hollow = true;
  shares.series.push_back(all_paths);
  for (std::size_t i = 0; i < settings.gains.size(); ++i) {
    const double gain = settings.gains[i];
    const std::string name = "r² = " + number(gain);
    const auto runs =
        lab.over_seeds(name, seeds, [&](std::uint64_t seed) { return measure(settings, gain, seed); });
    std::vector<std::vector<double>> distributions, single_paths;
    double error = 0;
    for (const auto& run : runs) {
      const double total = share(run.energies, 0, n);
      distributions.push_back(run.energies);
      for (double& energy : distributions.back()) energy /= total;
      single_paths.push_back(log_per_path(run.energies, n));
      for (double& value : single_paths.back()) value /= std::log(10.);
      error = std::max(error, run.error);
    }
    const auto distribution = curve(distributions), path = curve(single_paths);
    std::vector<double> per_path, theory;
    for (std::size_t k = 0; k <= n; ++k) {
      per_path.push_back(path.mean[k] * std::log(10.));
      theory.push_back(double(k) * std::log10(gain));
    }
    judge(lab, settings, gain, distribution.mean, per_path, error);
    shares.series.push_back(measured(name, i, lengths, distribution));
    shares.series.push_back(predicted(name, lengths, binomial(n, gain / (1 + gain))));
    single.series.push_back(measured(name, i, lengths, path));
    single.series.push_back(predicted(name, lengths, theory));
  }
  if (n == 54) {
    lab.verdicts().within("share of the paths with 5 to 17 branches", share(paths, 5, 17), .0045, .0001,
                          "[published] .45 %, Veit et al. 2016");
    lab.verdicts().within("share of the paths with 19 to 35 branches", share(paths, 19, 35), .98, .006,
                          "[derived here] Bin(54, ½)");
  }
  figure.panels = {shares, single};
  lab.draw(figure);
}

}  // namespace
}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("path-lengths",
                        "Most paths of a residual network are long; the gradient takes the short ones",
                        "A. Veit, M. Wilber & S. Belongie, arXiv:1605.06431");
  plots::Settings settings;
  lab.add_option("--blocks", settings.blocks, "Residual blocks n").between(4, 400);
  lab.add_option("--width", settings.width, "Units per layer").between(1, 10000);
  lab.add_option("--batch", settings.batch, "Inputs").between(1, 10000);
  lab.add_option("--gain", settings.gains, "Gains r² of one branch").positive();
  return lab.run(argc, argv, [&] { plots::path_lengths(lab, settings); });
}
