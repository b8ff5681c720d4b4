// How the input of the fourth block's linear layer moves while six blocks learn the spiral (E4): "internal
// covariate shift", S. Ioffe & C. Szegedy, arXiv:1502.03167.

#include <algorithm>
#include <cmath>
#include <map>

#include "parts.hpp"
#include "xgrad/data/spiral.hpp"
#include "xgrad/optim/optim.hpp"

namespace plots {
namespace {

using V = xgrad::Variable<float>;

struct Drift {
  std::vector<double> moved;      // of the means since the start, over the first deviation, by step
  double ratio;                   // the deviation at the end over that at the start
  double row_mean, row_variance;  // of x̂: distance from 0 and 1, in the worst row
};

double mean_of(const V& x) { return double(mean(x).item()); }

Drift drift(Block block, const Settings& s, std::size_t steps, std::uint64_t seed) {
  xgrad::Rng rng(100 + seed);
  auto net = block_net<float>(block, 2, 6, 2, {s.width, 1}, rng);
  const auto data = xgrad::spiral<float>(256, .02, seed);
  xgrad::Adam<float> adam(net.parameters(), s.rate);
  V input;  // what the linear layer of block 4 gets
  std::size_t linears = 0;
  const xgrad::Observer<float> watch([&](xgrad::Module<float>& module, const V& x, const V&) {
    if (dynamic_cast<xgrad::Linear<float>*>(&module) && linears++ == 4) input = x.detach();
  });
  Drift result{};
  V first_means, first_deviation, deviation;
  for (std::size_t step = 0; step < steps; ++step) {
    linears = 0;
    adam.zero_grad();
    xgrad::Tape<float> tape;
    const auto loss = cross_entropy(net(data.x), data.labels);
    const V means = mean(input, {0});
    deviation = sqrt(variance(input, {0}));
    if (step == 0) {
      first_means = means;
      first_deviation = deviation;
    }
    result.moved.push_back(mean_of(abs(means - first_means)) / mean_of(first_deviation));
    loss.backward();
    adam.step();
  }
  const V normalised = xgrad::layer_norm<float>(input, {}, {}, {0});
  result.ratio = mean_of(deviation) / mean_of(first_deviation);
  result.row_mean = double(max(abs(mean(normalised, {-1}))).item());
  result.row_variance = double(max(abs(variance(normalised, {-1}) - V(1))).item());
  return result;
}

}  // namespace

Panel drift_panel(Laboratory& lab, const Settings& s) {
  Panel panel{"E4: input of block 4 of 6", "step", "drift of the means / deviation", 10, {}};
  const std::size_t steps = 100;
  std::map<Block, double> total;
  double row_mean = 0, row_variance = 0;
  for (const auto& name : block_names) {
    const auto runs = lab.over_seeds("E4 " + name.name, lab.seeds(5, 2),
                                     [&](auto seed) { return drift(name.block, s, steps, seed); });
    std::vector<std::vector<double>> logs;
    std::vector<double> ratios, totals;
    for (const auto& run : runs) {
      logs.emplace_back();
      for (std::size_t i = 1; i < steps; ++i) logs.back().push_back(std::log10(run.moved[i]));
      totals.push_back(run.moved.back());
      ratios.push_back(run.ratio);
      if (name.block != Block::post && name.block != Block::pre) continue;
      row_mean = std::max(row_mean, run.row_mean);
      row_variance = std::max(row_variance, run.row_variance);
    }
    total[name.block] = mean(totals);
    panel.series.push_back(measured(name.name, name.look, counting(steps - 1, 1), curve(logs)));
    lab.note("E4 " + name.name + ": drift " + std::to_string(mean(totals)) +
             ", deviation at the end over that at the start " + std::to_string(mean(ratios)));
  }
  if (lab.changed()) return panel;
  const std::string torch = "prototype, torch, 3 seeds";
  const double plain = total[Block::plain];
  for (const auto& [block, name, value] :
       {std::tuple(Block::ln, "LN", 1.65), {Block::post, "Post-LN", .75}, {Block::pre, "Pre-LN", .80}}) {
    lab.verdicts().below("acceptance: E4 " + std::string(name) + ": drift over plain's", total[block] / plain,
                         value / 12.3, .5, torch);
    lab.verdicts().above("acceptance: E4 " + std::string(name) + ": drift is not gone", total[block], value,
                         .1, torch);
  }
  lab.verdicts().below("acceptance: E4 BN: drift", total[Block::bn], .05, .1, torch);
  lab.verdicts().below("acceptance: E4 mean of a normalised row, largest", row_mean, 0, 1e-5,
                       "[derived here] up to float's rounding");
  lab.verdicts().below("acceptance: E4 its variance, distance from 1", row_variance, 0, 1e-4,
                       "[derived here] up to float's rounding");
  return panel;
}

}  // namespace plots
