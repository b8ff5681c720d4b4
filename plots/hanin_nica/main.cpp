// How much do two random ReLU networks of one width and depth differ? log ‖Jᵀv‖² has a mean of about -5L/2n
// and a variance of about 5L/n: what counts is depth over width. The law of each layer is known exactly.
// B. Hanin & M. Nica, "Products of many large random matrices and gradients in deep neural networks",
// Communications in Mathematical Physics 2020, arXiv:1812.05994.

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "laboratory.hpp"
#include "layer_law.hpp"
#include "stack.hpp"

namespace plots {
namespace {

// log ‖Jᵀv‖²/‖v‖² after 0…L layers, for each network: v is the random cotangent, J the Jacobian of the last
// layers. And log ‖x_l‖²/‖x₀‖², which is log ‖Ju‖² for u = x₀/‖x₀‖: a ReLU network without biases is
// homogeneous, f(x) = J(x) x.
struct Growth {
  std::vector<double> backward, forward;
};

Growth growth(std::size_t width, std::size_t depth, std::uint64_t seed) {
  StackOptions stack;
  stack.init = "he_normal";
  stack.depth = depth;
  stack.width = width;
  stack.batch = 1;
  const auto measured = measure<double>(stack, seed);
  const double to_log_square = 2 * std::log(10.);
  Growth growth;
  for (std::size_t l = 0; l <= depth; ++l) {
    growth.backward.push_back(to_log_square * (measured.gradients[depth - l] - measured.gradients[depth]));
    growth.forward.push_back(to_log_square * (measured.values[l] - measured.values[0]));
  }
  return growth;
}

// Mean and variance over the networks after `layers` layers. A network in which a whole layer died has
// log 0 = -∞ and is left out, as the law leaves it out.
struct Sample {
  std::vector<double> values;
  double mean, variance;
};

Sample sample(const std::vector<Growth>& networks, std::vector<double> Growth::*direction,
              std::size_t layers) {
  Sample sample{{}, 0, 0};
  for (const auto& network : networks)
    if (std::isfinite((network.*direction)[layers])) sample.values.push_back((network.*direction)[layers]);
  sample.mean = mean(sample.values);
  for (double value : sample.values) sample.variance += (value - sample.mean) * (value - sample.mean);
  sample.variance /= double(sample.values.size()) - 1;
  return sample;
}

struct Case {
  std::size_t width, layers;
  double oracle;  // variance that a NumPy program measured with 2,000 networks
};

void judge(Laboratory& lab, const std::vector<Growth>& networks, const Case& each) {
  const auto law = layer_law(each.width);
  const double layers = double(each.layers), count = double(networks.size());
  const double variance = layers * law.variance;
  // The standard error of a variance is √(2/N) of it: 8 % is 3.5 of them for 4,000 networks.
  const double tolerance = std::max(.08, 3.5 * std::sqrt(2 / count));
  const std::string where = ", n=" + std::to_string(each.width) + ", L=" + std::to_string(each.layers);
  const auto backward = sample(networks, &Growth::backward, each.layers),
             forward = sample(networks, &Growth::forward, each.layers);
  auto& verdicts = lab.verdicts();
  verdicts.ratio("acceptance: variance of log ‖Jᵀv‖²" + where, backward.variance, variance, tolerance,
                 "[derived here] exact law per layer");
  verdicts.ratio("acceptance: variance of log ‖Ju‖²" + where, forward.variance, variance, tolerance,
                 "[derived here] exact law per layer");
  verdicts.within("mean of log ‖Jᵀv‖²" + where, backward.mean, layers * law.mean,
                  3.6 * std::sqrt(variance / count), "[derived here] exact law per layer");
  if (each.oracle != 0)
    verdicts.ratio("oracle: variance of log ‖Ju‖²" + where, forward.variance, each.oracle,
                   std::max(.13, 1.5 * tolerance), "NumPy, 2,000 networks");
}

// What the arithmetic mean sees: E‖Jᵀv‖²/‖v‖² is exactly 1, carried by networks too rare to be met.
void note_average(Laboratory& lab, const std::vector<Growth>& networks, std::size_t width,
                  std::size_t layers) {
  auto values = sample(networks, &Growth::backward, layers).values;
  double average = 0;
  for (double value : values) average += std::exp(value) / double(values.size());
  char text[200];
  std::snprintf(
      text, sizeof text,
      "n=%zu, L=%zu: ‖Jᵀv‖²/‖v‖² is 1 in expectation; the average of %zu networks is %.2f, their median %.3f",
      width, layers, values.size(), average, std::exp(median(values)));
  lab.note(text);
}

// Density of log ‖Jᵀv‖² beside the normal distribution with the mean and variance of the law.
Panel histogram(const std::vector<Growth>& networks, std::size_t width, std::size_t layers) {
  const auto law = layer_law(width);
  const double middle = double(layers) * law.mean, deviation = std::sqrt(double(layers) * law.variance);
  const auto values = sample(networks, &Growth::backward, layers).values;
  constexpr std::size_t bins = 41;
  const double low = middle - 4 * deviation, step = 8 * deviation / bins;
  Series measured{"networks", {}, std::vector<double>(bins, 0)},
      normal{"normal", {}, {}, {}, {}, Kind::predicted};
  for (double value : values) {
    const double place = (value - low) / step;
    if (place >= 0 && place < bins) measured.y[std::size_t(place)] += 1 / (double(values.size()) * step);
  }
  for (std::size_t i = 0; i < bins; ++i) {
    const double x = low + (double(i) + .5) * step, z = (x - middle) / deviation;
    measured.x.push_back(x);
    normal.x.push_back(x);
    normal.y.push_back(std::exp(-z * z / 2) / deviation / std::sqrt(2 * std::acos(-1.)));
  }
  measured.look = 1;
  measured.legend = "n = " + std::to_string(width);
  return {"density, n = " + std::to_string(width) + ", L = " + std::to_string(layers),
          "log ‖Jᵀv‖²",
          "density",
          0,
          {measured, normal}};
}

void hanin_nica(Laboratory& lab, const std::vector<std::size_t>& widths, std::size_t depth) {
  const std::vector<Case> usual = {
      {20, 10, 3.169}, {20, 20, 6.323}, {50, 20, 2.222}, {50, 50, 5.185}, {100, 20, 1.045}};
  const auto seeds = lab.seeds(4000, 400);
  Figure figure{"hanin-nica",
                "Networks of one width and depth differ: log ‖Jᵀv‖² spreads as depth over width",
                "x ← relu(W x), He; one input, one random v; " + std::to_string(seeds.size()) +
                    " networks for each width n",
                {},
                2};
  figure.same_y = false;
  figure.prediction = "exact law per layer";
  figure.caption =
      "With K active units of n, ‖Jᵀv‖² changes by (2/n)·χ²_K in a layer; K is binomial. For wide layers "
      "that is a "
      "mean of -5/2n and a variance of 5/n per layer (Hanin & Nica, arXiv:1812.05994). The dashed density is "
      "normal.";
  Panel variances{"variance", "layers L", "variance of log ‖Jᵀv‖²", 0, {}},
      means{"mean", "layers L", "mean of log ‖Jᵀv‖²", 0, {}},
      collapsed{"variance over L/n, dashed: 5L/n", "L/n", "variance of log ‖Jᵀv‖²", 0, {}};
  for (std::size_t w = 0; w < widths.size(); ++w) {
    const std::size_t n = widths[w];
    const auto networks = lab.over_seeds("n = " + std::to_string(n), seeds,
                                         [&](std::uint64_t seed) { return growth(n, depth, seed); });
    const auto law = layer_law(n);
    const std::string name = "n = " + std::to_string(n);
    Series variance{name, {}, {}}, average{name, {}, {}}, over_ratio{name, {}, {}};
    std::vector<double> layers, theory_variance, theory_mean;
    for (std::size_t l = 0; l <= depth; ++l) {
      const auto measured = sample(networks, &Growth::backward, l);
      const double half_band = 2 * std::sqrt(2 / double(networks.size())) * measured.variance;
      layers.push_back(double(l));
      variance.y.push_back(measured.variance);
      variance.low.push_back(measured.variance - half_band);
      variance.high.push_back(measured.variance + half_band);
      over_ratio.x.push_back(double(l) / double(n));
      average.y.push_back(measured.mean);
      theory_variance.push_back(double(l) * law.variance);
      theory_mean.push_back(double(l) * law.mean);
    }
    variance.x = average.x = layers;
    over_ratio.y = variance.y;
    variance.look = average.look = over_ratio.look = w;
    variances.series.push_back(variance);
    variances.series.push_back(predicted(name, layers, theory_variance));
    means.series.push_back(average);
    means.series.push_back(predicted(name, layers, theory_mean));
    collapsed.series.push_back(over_ratio);
    if (lab.changed()) {
      judge(lab, networks, {n, depth, 0});
    } else {
      for (const auto& each : usual)
        if (each.width == n) judge(lab, networks, each);
    }
    note_average(lab, networks, n, depth);
    if (w == std::min<std::size_t>(1, widths.size() - 1))
      figure.panels.push_back(histogram(networks, n, depth));
  }
  const double farthest = double(depth) / double(*std::min_element(widths.begin(), widths.end()));
  collapsed.series.push_back(predicted("5L/n", {0, farthest}, {0, 5 * farthest}));
  figure.panels.insert(figure.panels.begin(), {variances, means, collapsed});
  lab.draw(figure);
}

}  // namespace
}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("hanin-nica",
                        "The gradient of a random ReLU network is log-normal, with variance 5L/n",
                        "B. Hanin & M. Nica, arXiv:1812.05994");
  std::vector<std::size_t> widths = {20, 50, 100};
  std::size_t depth = 50;
  lab.add_option("--widths", widths, "Units per layer").between(4, 2000);
  lab.add_option("--depth", depth, "Layers").between(1, 10000);
  return lab.run(argc, argv, [&] { plots::hanin_nica(lab, widths, depth); });
}
