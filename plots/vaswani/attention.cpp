#include <algorithm>
#include <cmath>

#include "parts.hpp"
#include "xgrad/ops/ops.hpp"
#include "xgrad/probe/jacobian.hpp"

namespace plots {

using xgrad::Rng;
using V = xgrad::Variable<double>;

namespace {

const std::string derived = "[derived here] scores of variance d_k";

// The gap between the largest two of n standard normals that half of all draws exceed: for independent
// scores P(gap > t) = n ∫ φ(x) Φ(x - t)^(n-1) dx.
double median_gap(std::size_t n) {
  const auto share_above = [&](double gap) {
    double share = 0;
    for (double x = -8; x < 8; x += .01)
      share += .01 * double(n) * std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.)) *
               std::pow(.5 * std::erfc((gap - x) / std::sqrt(2.)), double(n - 1));
    return share;
  };
  double low = 0, high = 3;
  while (high - low > 1e-6) (share_above((low + high) / 2) > .5 ? low : high) = (low + high) / 2;
  return low;
}

double norm(const V& x) { return std::sqrt(sum(x * x).item()); }

// q·kᵢ for a random query and n random keys of variance 1.
V scores(std::size_t keys, std::size_t d, Rng& rng) {
  const V q(rng.normal<double>({d, 1})), k(rng.normal<double>({keys, d}));
  return reshape(matmul(k, q), {-1});
}

}  // namespace

Panel jacobian_panel(Laboratory& lab, const Sizes& n) {
  Panel panel{"gradient through softmax", "log₂ d_k", "median ‖∂softmax/∂scores‖", 10, {}};
  const std::size_t draws = lab.size<std::size_t>(40, 200);
  const std::vector<double> log2_d = {2, 4, 6, 8, 10};
  const double reference[2][5] = {{.294, .341, .155, .0144, 9.3e-5}, {.225, .234, .241, .235, .235}};
  const double gap = median_gap(n.keys);
  for (const bool scaled : {false, true}) {
    const auto runs = lab.over_seeds(scaled ? "scaled" : "unscaled", lab.seeds(5, 3), [&](auto seed) {
      Rng rng(seed);
      std::vector<double> medians;
      for (const double exponent : log2_d) {
        const std::size_t d = std::size_t(1) << std::size_t(exponent);
        std::vector<double> norms;
        for (std::size_t i = 0; i < draws; ++i) {
          const V z = scores(n.keys, d, rng) * V(scaled ? 1 / std::sqrt(double(d)) : 1.);
          norms.push_back(norm(xgrad::jacobian([](const V& v) { return softmax(v); }, z.value())));
        }
        medians.push_back(std::log10(median(norms)));
      }
      return medians;
    });
    const auto measurement = curve(runs);
    const std::string name = scaled ? "scores/√d_k" : "scores as they are";
    panel.series.push_back(measured(name, scaled ? 2 : 0, log2_d, measurement));
    if (!scaled) {
      std::vector<double> theory;
      for (const double exponent : log2_d) {  // two keys: p(1-p) four times, in the Frobenius norm
        const double rest = std::exp(-gap * std::exp2(exponent / 2));
        theory.push_back(std::log10(2 * rest / ((1 + rest) * (1 + rest))));
      }
      panel.series.push_back(predicted("two keys", {6, 8, 10}, {theory.begin() + 2, theory.end()}));
      lab.verdicts().within("log₁₀ ‖J‖, d_k=1024, unscaled", measurement.mean[4], theory[4], .4,
                            "[derived here] the two largest scores, median gap");
    }
    if (lab.changed() || lab.quick()) continue;
    if (scaled) {
      lab.verdicts().within("acceptance: median ‖J‖, d_k=1024, scaled", std::pow(10, measurement.mean[4]),
                            .235, .02, "experiments' reference, NumPy");
    } else {
      lab.verdicts().between("acceptance: median ‖J‖, d_k=1024, unscaled", std::pow(10, measurement.mean[4]),
                             9e-5, 3e-5, 3e-4, "experiments' reference, NumPy");
    }
    for (const std::size_t i : {0, 2, 3})
      lab.verdicts().within(
          "oracle: log₁₀ ‖J‖, d_k=2^" + std::to_string(int(log2_d[i])) + (scaled ? ", scaled" : ", unscaled"),
          measurement.mean[i], std::log10(reference[scaled][i]), scaled ? .05 : .3,
          "NumPy reference, one run of 200");
  }
  return panel;
}

Panel weight_panel(Laboratory& lab) {
  Panel panel{"largest of 16 attention weights", "log₂ d_k", "mean largest weight", 0, {}};
  const std::vector<double> log2_d = {2, 4, 6, 8};
  const double reference[2][4] = {{.43, .69, .84, .92}, {.24, .24, .24, .24}};
  const std::size_t n = lab.size<std::size_t>(500, 2000);
  const auto seeds = lab.seeds(5, 3);
  for (const bool scaled : {false, true}) {
    const auto runs = lab.over_seeds(scaled ? "E32 scaled" : "E32", seeds, [&](auto seed) {
      Rng rng(seed);
      std::vector<double> weights, variances;
      for (const double exponent : log2_d) {
        const std::size_t d = std::size_t(1) << std::size_t(exponent);
        const V q(rng.normal<double>({n, 1, d})), k(rng.normal<double>({n, 16, d}));
        const V z = matmul(q, xgrad::swap_axes(k, -1, -2)) * V(scaled ? 1 / std::sqrt(double(d)) : 1.);
        variances.push_back(variance(z).item());
        weights.push_back(mean(max(softmax(z), {-1})).item());
      }
      weights.insert(weights.end(), variances.begin(), variances.end());
      return weights;
    });
    auto all = curve(runs);
    for (std::size_t i = 0; i < 4; ++i) {
      const std::string d = std::to_string(1 << int(log2_d[i]));
      lab.verdicts().ratio(
          "acceptance: E32 variance of " + std::string(scaled ? "q·k/√d" : "q·k") + ", d=" + d,
          all.mean[4 + i], scaled ? 1 : std::exp2(log2_d[i]), .1, derived);
      lab.verdicts().within(
          "oracle: E32 largest weight, " + std::string(scaled ? "scaled" : "unscaled") + ", d=" + d,
          all.mean[i], reference[scaled][i], .02, "torch prototype");
    }
    for (auto* part : {&all.mean, &all.low, &all.high}) part->resize(4);
    panel.series.push_back(
        measured(scaled ? "scores/√d_k" : "scores as they are", scaled ? 2 : 0, log2_d, all));
    if (scaled)
      lab.verdicts().below("acceptance: E32 scaled largest weight, max/min over d",
                           *std::max_element(all.mean.begin(), all.mean.end()) /
                               *std::min_element(all.mean.begin(), all.mean.end()),
                           1, 1.1, "[published] Vaswani 2017, 3.2.1: why 1/√d_k");
  }
  panel.x_ticks = log2_d;
  return panel;
}

}  // namespace plots
