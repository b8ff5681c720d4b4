// Does layer normalisation, or a residual connection, narrow the gap between training and test accuracy (E5)?
// Small digits, 500 to learn from, some with wrong labels.

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "parts.hpp"
#include "xgrad/data/batches.hpp"
#include "xgrad/data/digits.hpp"
#include "xgrad/optim/optim.hpp"
#include "xgrad/train/evaluate.hpp"

namespace plots {
namespace {

struct Case {
  std::string name;
  std::size_t depth;
  double noise;  // this share of the labels is drawn at random
  std::size_t look;
  bool hollow;
};

struct Accuracies {
  double train, test;
};

xgrad::Labelled<float> images(std::size_t n, std::uint64_t seed) {
  auto data = xgrad::small_digits<float>(n, seed);
  data.x = xgrad::reshaped(std::move(data.x), {n, 100});
  return data;
}

Accuracies learn_digits(Block block, const Case& c, std::size_t n, std::size_t epochs, std::uint64_t seed) {
  auto train = images(n, seed);
  const auto test = images(1000, 1000000 + seed);
  xgrad::Rng rng(seed);
  for (auto& label : train.labels)
    if (rng.uniform() < c.noise) label = std::int64_t(rng.below(10));
  auto net = block_net<float>(block, 100, c.depth, 10, {64, std::sqrt(2.)}, rng);
  xgrad::Adam<float> adam(net.parameters(), 1e-3);
  for (std::size_t epoch = 0; epoch < epochs; ++epoch)
    for (const auto& batch : xgrad::Batches<float>(train, 32, rng)) {
      adam.zero_grad();
      xgrad::Tape<float> tape;
      cross_entropy(net(batch.x), batch.labels).backward();
      adam.step();
    }
  return {evaluate(net, train).accuracy(), evaluate(net, test).accuracy()};
}

double deviation(const std::vector<double>& values) {
  double squares = 0;
  for (const double value : values) squares += (value - mean(values)) * (value - mean(values));
  return std::sqrt(squares / double(std::max<std::size_t>(1, values.size() - 1)));
}

}  // namespace

Panel gap_panel(Laboratory& lab) {
  Panel panel{"E5: generalisation gap", "wiring, 1 … 6 (below)", "training - test accuracy", 0, {}};
  const std::size_t n = lab.size<std::size_t>(200, 500), epochs = lab.size<std::size_t>(4, 15);
  const auto seeds = lab.seeds(5, 2);
  double largest = -1, error = 0, trained = 1;
  for (const Case& c :
       {Case{"3 blocks", 3, 0, 1, false}, Case{"3 blocks, 20 % labels random", 3, .2, 1, true},
        Case{"12 blocks", 12, 0, 0, false}, Case{"12 blocks, 20 % labels random", 12, .2, 0, true}}) {
    Series points{c.name, {.4, 6.6}, {NAN, NAN}};  // air on both sides
    points.look = c.look;
    points.hollow = c.hollow;
    std::vector<double> plain;
    for (std::size_t k = 0; k < block_names.size(); ++k) {
      const auto& [block, name, look] = block_names[k];
      const auto runs = lab.over_seeds("E5 " + name, seeds, [&, block = block](auto seed) {
        return learn_digits(block, c, n, epochs, seed);
      });
      std::vector<double> gaps, tests, reductions;
      for (std::size_t i = 0; i < runs.size(); ++i) {
        gaps.push_back(runs[i].train - runs[i].test);
        tests.push_back(runs[i].test);
        if (block == Block::plain) plain.push_back(gaps.back());
        reductions.push_back(plain[i] - gaps[i]);
        if (c.depth == 3 && c.noise == 0) trained = std::min(trained, runs[i].train);
      }
      for (const double y : {mean(gaps), double(NAN)}) {  // NaN: no line from one wiring to the next
        points.x.push_back(double(k + 1) + (c.depth == 3 ? -.1 : .1));
        points.y.push_back(y);
      }
      char text[200];
      std::snprintf(text, sizeof text, "E5 %s, %s: gap %.3f ± %.3f, test accuracy %.3f", c.name.c_str(),
                    name.c_str(), mean(gaps), deviation(gaps), mean(tests));
      lab.note(text);
      if (block != Block::plain && block != Block::bn && mean(reductions) > largest) {
        largest = mean(reductions);
        error = deviation(reductions) / std::sqrt(double(runs.size()));
      }
    }
    panel.series.push_back(points);
  }
  panel.x_ticks = {1, 2, 3, 4, 5, 6};
  if (lab.quick()) return panel;
  lab.note("E5 standard error of the largest reduction: " + std::to_string(error));
  lab.verdicts().below("acceptance: E5 LN, residual: largest reduction of plain's gap", largest, .02, .05,
                       "prototype, torch: no systematic reduction");
  lab.verdicts().above("E5 3 blocks: lowest training accuracy", trained, 1, .97, "prototype, torch");
  return panel;
}

}  // namespace plots
