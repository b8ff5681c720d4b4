// How many steps until the loss is 0.1, by depth (E2) and by the gain of the initialisation (E3).

#include <algorithm>
#include <cmath>
#include <map>

#include "parts.hpp"
#include "xgrad/data/spiral.hpp"
#include "xgrad/optim/optim.hpp"

namespace plots {
namespace {

const std::string torch = "prototype, torch, 3 seeds";

// The losses before each step on a spiral of 256 points: up to the limit, and none behind the first one at
// the target.
std::vector<double> learn_spiral(Block block, std::size_t depth, double gain, const Settings& s,
                                 std::uint64_t seed) {
  xgrad::Rng rng(100 + seed);
  auto net = block_net<float>(block, 2, depth, 2, {s.width, gain}, rng);
  const auto data = xgrad::spiral<float>(256, .02, seed);
  xgrad::Adam<float> adam(net.parameters(), s.rate);
  std::vector<double> losses;
  while (losses.size() < s.limit) {
    adam.zero_grad();
    xgrad::Tape<float> tape;
    const auto loss = cross_entropy(net(data.x), data.labels);
    losses.push_back(double(loss.item()));
    if (losses.back() < s.target || !std::isfinite(losses.back())) break;
    loss.backward();
    adam.step();
  }
  return losses;
}

// How many steps the target took; one more than the limit when it was not reached.
double steps_taken(const std::vector<double>& losses, const Settings& s) {
  return double(losses.back() < s.target ? losses.size() - 1 : s.limit + 1);
}

using Steps = std::map<Block, std::vector<std::vector<double>>>;  // by the places of the axis, then by seed

double slowest(const std::vector<double>& steps) { return *std::max_element(steps.begin(), steps.end()); }
double fastest(const std::vector<double>& steps) { return *std::min_element(steps.begin(), steps.end()); }

// Median, fastest and slowest seed at each place.
Series series_of(const BlockName& name, const std::vector<double>& x, const Steps& steps) {
  Series series{name.name, x, {}, {}, {}};
  series.look = name.look;
  for (const auto& seeds : steps.at(name.block)) {
    series.y.push_back(median(seeds));
    series.low.push_back(fastest(seeds));
    series.high.push_back(slowest(seeds));
  }
  return series;
}

}  // namespace

Panel depth_panel(Laboratory& lab, const Settings& s) {
  Panel panel{"E2: by depth", "blocks", "steps to the target", 0, {}};
  const std::vector<double> depths =
      lab.quick() ? std::vector<double>{2, 10} : std::vector<double>{2, 10, 30};
  const auto seeds = lab.seeds(5, 2);
  Steps steps;
  std::map<Block, double> rising;  // share of the steps on which the loss rises, in the deepest nets
  for (const auto& name : block_names) {
    for (const double depth : depths) {
      const auto runs = lab.over_seeds("E2 " + name.name, seeds, [&](auto seed) {
        return learn_spiral(name.block, std::size_t(depth), 1, s, seed);
      });
      std::vector<double> taken;
      rising[name.block] = 0;
      for (const auto& losses : runs) {
        taken.push_back(steps_taken(losses, s));
        for (std::size_t i = 1; i < losses.size(); ++i)
          rising[name.block] += (losses[i] > losses[i - 1]) / double((losses.size() - 1) * runs.size());
      }
      steps[name.block].push_back(taken);
    }
    panel.series.push_back(series_of(name, depths, steps));
  }
  panel.x_ticks = depths;
  if (lab.changed() || lab.quick()) return panel;
  auto& verdicts = lab.verdicts();
  const auto middle = [&](Block block, std::size_t place) { return median(steps[block][place]); };
  verdicts.below("acceptance: E2 30 blocks, Pre-LN: steps over plain's",
                 middle(Block::pre, 2) / middle(Block::plain, 2), .05, .5, torch);
  verdicts.below("acceptance: E2 30 blocks, Post-LN: steps over plain's",
                 middle(Block::post, 2) / middle(Block::plain, 2), .06, .5, torch);
  verdicts.above("acceptance: E2 30 blocks, LN alone: fewest steps", fastest(steps[Block::ln][2]), 301,
                 double(s.limit), torch + ": fails");
  verdicts.above("acceptance: E2 2 blocks, residual: steps over plain's",
                 middle(Block::res, 0) / middle(Block::plain, 0), 1.1, 1, torch);
  for (const auto& name : block_names)
    lab.note("E2 " + name.name + ", median steps with 2, 10, 30 blocks: " +
             std::to_string(int(middle(name.block, 0))) + ", " + std::to_string(int(middle(name.block, 1))) +
             ", " + std::to_string(int(middle(name.block, 2))) + "; the loss rises, 30 blocks, on " +
             std::to_string(int(std::round(100 * rising[name.block]))) + " % of the steps");
  return panel;
}

Panel gain_panel(Laboratory& lab, const Settings& s) {
  Panel panel{"E3: by gain, 10 blocks", "log₁₀ of the gain", "steps to the target", 0, {}};
  const std::vector<double> gains =
      lab.quick() ? std::vector<double>{.1, 1, 10} : std::vector<double>{.1, .3, 1, std::sqrt(2.), 3, 10};
  std::vector<double> places;
  for (const double gain : gains) places.push_back(std::log10(gain));
  Steps steps;
  for (const auto& name : block_names) {
    if (name.block == Block::bn) continue;
    for (const double gain : gains)
      steps[name.block].push_back(lab.over_seeds("E3 " + name.name, lab.seeds(9, 2), [&](auto seed) {
        return steps_taken(learn_spiral(name.block, 10, gain, s, seed), s);
      }));
    panel.series.push_back(series_of(name, places, steps));
  }
  if (lab.changed()) return panel;
  auto& verdicts = lab.verdicts();
  const auto slowest_median = [&](Block block) {
    double most = 0;
    for (const auto& seeds : steps[block]) most = std::max(most, median(seeds));
    return most;
  };
  const auto spread = [&](Block block) {
    std::vector<double> medians;
    for (const auto& seeds : steps[block]) medians.push_back(median(seeds));
    return slowest(medians) / fastest(medians);
  };
  verdicts.below("acceptance: E3 Pre-LN: median steps, slowest gain", slowest_median(Block::pre), 52, 101,
                 torch);
  verdicts.below("acceptance: E3 Post-LN: median steps, slowest gain", slowest_median(Block::post), 56, 101,
                 torch);
  for (const Block block : {Block::pre, Block::post, Block::res}) {
    double most = 0, within = 0, runs = 0;
    for (const auto& seeds : steps[block])
      for (const double each : seeds) {
        most = std::max(most, each);
        within += each <= 100;
        ++runs;
      }
    const std::string name = block == Block::pre ? "Pre-LN" : block == Block::post ? "Post-LN" : "residual";
    lab.note("E3 " + name + ": at most 100 steps in " + std::to_string(int(within)) + " of " +
             std::to_string(int(runs)) + " runs, at most " + std::to_string(int(most)) + " in all");
  }
  verdicts.above("acceptance: E3 gain 0.1, plain: fewest steps", fastest(steps[Block::plain][0]),
                 double(s.limit + 1), double(s.limit), torch + ": fails");
  verdicts.above("acceptance: E3 gain 0.1, LN alone: fewest steps", fastest(steps[Block::ln][0]),
                 double(s.limit + 1), double(s.limit), torch + ": fails");
  if (lab.quick()) return panel;
  verdicts.below("acceptance: E3 Pre-LN: slowest over fastest gain", spread(Block::pre), 1.7, 3, torch);
  lab.note("E3 slowest over fastest gain: residual " + std::to_string(spread(Block::res)) + ", Post-LN " +
           std::to_string(spread(Block::post)));
  return panel;
}

}  // namespace plots
