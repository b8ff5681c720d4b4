// How far one step of training moves the output of a deep network: with Post-LN and Pre-LN further the deeper
// it is, with DeepNorm and Fixup by as much at every depth. H. Wang et al., "DeepNet", arXiv:2203.00555;
// H. Zhang, Y. Dauphin & T. Ma, "Fixup", arXiv:1901.09321; T. Bachlechner et al., "ReZero", arXiv:2003.04887.

#include <sstream>

#include "family.hpp"
#include "problems.hpp"
#include "xgrad/optim/optim.hpp"
#include "xgrad/probe/gradient_norms.hpp"

namespace plots {
namespace {

using xgrad::Array;

struct Options {
  std::vector<std::size_t> layers = {2, 4, 8, 16, 32}, blocks = {4, 8, 16, 32, 64};
  std::size_t d = 32, width = 64;
  double sgd_rate = 1e-3, adam_rate = 1e-4;
};

/// log₁₀ ‖F after one step - F‖/‖F‖, F the output for the batch that the step learned from.
double log10_change(Problem& problem, bool adam, const Options& options) {
  const auto parameters = problem.trained();
  std::unique_ptr<xgrad::Optimizer<double>> optimizer;
  if (adam) {
    optimizer = std::make_unique<xgrad::Adam<double>>(parameters, options.adam_rate);
  } else {
    optimizer = std::make_unique<xgrad::SGD<double>>(parameters, options.sgd_rate);
  }
  Array<double> before;
  {
    xgrad::Tape<double> tape;
    const auto output = problem.network(problem.x);
    before = output.value();
    problem.loss(output).backward();
  }
  optimizer->step();
  const Array<double> moved = problem.network(problem.x).value() - before;
  return xgrad::log10_norm(moved) - xgrad::log10_norm(before);
}

class Experiment {
 public:
  Experiment(Laboratory& lab, const Options& options)
      : lab_(lab), options_(options), seeds_(lab.seeds(20, 5)) {}
  void run();

 private:
  Family measure(bool transformers, std::size_t which, bool adam);
  Panel panel(const std::string& title, const std::string& axis, const std::vector<Family>& families) const;
  Series theory(const Family& family) const;
  void judge_transformers(const std::vector<Family>& sgd, const std::vector<Family>& adam);
  void judge_perceptrons(const std::vector<Family>& sgd, const std::vector<Family>& adam);
  void judge_starts();
  Problem build(const std::string& name, bool transformers, std::size_t depth, std::uint64_t seed) const {
    return transformers ? transformer(name, depth, options_.d, seed)
                        : perceptron(name, depth, options_.width, seed);
  }

  Laboratory& lab_;
  Options options_;
  std::vector<std::uint64_t> seeds_;
};

Family Experiment::measure(bool transformers, std::size_t which, bool adam) {
  struct Look {
    std::size_t colour;
    bool hollow;
  };
  static const Look looks[2][4] = {{{3, false}, {3, true}, {4, false}, {5, false}},
                                   {{0, false}, {1, false}, {2, false}, {2, true}}};
  const auto [colour, hollow] = looks[transformers][which];
  const auto& name = (transformers ? transformer_wirings : perceptron_wirings)[which];
  const auto& depths = transformers ? options_.layers : options_.blocks;
  const auto runs = lab_.over_seeds(name + (adam ? ", Adam" : ", SGD"), seeds_, [&](std::uint64_t seed) {
    std::vector<double> changes;
    for (const auto depth : depths) {
      auto problem = build(name, transformers, depth, seed);
      changes.push_back(log10_change(problem, adam, options_));
    }
    return changes;
  });
  return {name, colour, hollow, depths, curve(runs)};
}

Series Experiment::theory(const Family& family) const {
  Series line = predicted(family.name, family.log2_depths(), {});
  for (const auto depth : family.depths) {
    double sum = 0;
    for (const auto seed : seeds_) {
      const auto problem = build(family.name, false, 1, seed);  // its data are those of the seed
      sum += family.name == "Fixup" ? predicted_fixup(problem, options_.sgd_rate)
                                    : predicted_rezero(problem, options_.sgd_rate, depth);
    }
    line.y.push_back(sum / double(seeds_.size()));
  }
  return line;
}

void Experiment::judge_transformers(const std::vector<Family>& sgd, const std::vector<Family>& adam) {
  auto& verdicts = lab_.verdicts();
  verdicts.within("acceptance: SGD, DeepNorm, p of change ∝ Nᵖ", sgd[2].exponent(), 0, .1,
                  "[published] Wang et al. 2022: bounded whatever the depth");
  verdicts.between("acceptance: SGD, Post-LN, p", sgd[0].exponent(), 1.93, 1.5, 2.5, "oracle 1.93");
  if (lab_.changed()) return;
  verdicts.within("oracle: SGD, Pre-LN, p", sgd[1].exponent(), 1.07, .2, "oracle 1.07, 2 seeds");
  const double oracle[] = {1.41, 1.07, .47};
  for (std::size_t i = 0; i < 3; ++i)
    verdicts.within("oracle: Adam, " + adam[i].name + ", p", adam[i].exponent(), oracle[i], .2,
                    "torch oracle, 2 seeds");
  verdicts.between("SGD, DeepNorm with biases and gains, p", sgd[3].exponent(), 1, .5, 1.1,
                   "[derived here] each of 2N layers adds its own: p → 1");
}

void Experiment::judge_perceptrons(const std::vector<Family>& sgd, const std::vector<Family>& adam) {
  auto& verdicts = lab_.verdicts();
  const double n = double(seeds_.size());
  for (const auto& family : {sgd[2], sgd[3]}) {
    const auto expected = theory(family);
    for (std::size_t i = 0; i < family.depths.size(); ++i) {
      const double L = double(family.depths[i]);
      const bool fixup = family.name == "Fixup";
      verdicts.ratio((fixup ? "acceptance: " : "") + family.name +
                         ", SGD, change of the output, L=" + std::to_string(family.depths[i]),
                     std::pow(10, family.curve.mean[i]), std::pow(10, expected.y[i]),
                     fixup ? .03 : 3 * std::sqrt(.5 / (L * n)) + .03, "[derived here] infinite width");
    }
  }
  for (const auto& family : {adam[2], adam[3]})
    verdicts.within("Adam, " + family.name + ", p of change ∝ Lᵖ", family.exponent(), .5, .05,
                    "[derived here] √L");
  if (lab_.changed()) return;
  verdicts.between("acceptance: residual, He, SGD: log₁₀ change, L=16", sgd[0].curve.mean[2], 106, 2,
                   INFINITY, "oracle 10^106: the step throws it out of any range");
  const double fixup[] = {.00676, .00655, .00642}, root[] = {.0483, .0767, .0646};
  std::size_t i = 0;
  for (const std::size_t depth : {4, 16, 64}) {
    // From seed to seed the data alone change it by 8 %: three times that, over 3 seeds and ours together.
    verdicts.ratio("oracle: Fixup, L=" + std::to_string(depth), sgd[2].at(depth), fixup[i],
                   .24 * std::sqrt(1. / 3 + 1 / n), "torch oracle, 3 seeds");
    verdicts.ratio("oracle: residual/√L, L=" + std::to_string(depth), sgd[1].at(depth), root[i++], .4,
                   "torch oracle, 3 seeds");
  }
}

// Before the first step: the output is the input, and what is inside the branches has no gradient.
void Experiment::judge_starts() {
  for (const std::string name : {"ReZero", "Fixup"}) {
    double difference = 0, inner = 0;
    for (const auto seed : seeds_) {
      auto problem = perceptron(name, 16, options_.width, seed);
      xgrad::Tape<double> tape;
      const auto output = problem.network(problem.x);
      difference = std::max(difference, xt::amax(xt::abs(output.value() - problem.x))());
      problem.loss(output).backward();
      for (const auto& parameter : problem.network.parameters()) {
        const bool first = parameter.name.find(name == "Fixup" ? "layers.0" : "weight") != std::string::npos;
        if (first) inner = std::max(inner, xt::amax(xt::abs(parameter.variable.grad()))());
      }
    }
    lab_.verdicts().within("acceptance: " + name + ", largest |output - input| at the start", difference, 0,
                           0, "[published] begins as the identity");
    lab_.verdicts().within(
        "acceptance: " + name + ", largest gradient of " + (name == "Fixup" ? "W₁" : "the branches' weights"),
        inner, 0, 0, "[derived here] it is multiplied by the 0");
  }
}

Panel Experiment::panel(const std::string& title, const std::string& axis,
                        const std::vector<Family>& families) const {
  Panel panel{title, axis, "‖change of output‖/‖output‖", 10, {}};
  for (const auto& family : families) panel.series.push_back(family.series());
  return panel;
}

void Experiment::run() {
  std::vector<Family> transformers[2], perceptrons[2];
  for (const bool adam : {false, true})
    for (std::size_t i = 0; i < 4; ++i) {
      transformers[adam].push_back(measure(true, i, adam));
      perceptrons[adam].push_back(measure(false, i, adam));
    }
  judge_transformers(transformers[0], transformers[1]);
  judge_starts();
  judge_perceptrons(perceptrons[0], perceptrons[1]);

  std::ostringstream rates;
  rates << "one step of SGD (rate " << options_.sgd_rate << ") or of Adam (rate " << options_.adam_rate
        << ")";
  Figure figure{"bounded-updates",
                "One step of training moves a deep network further than a shallow one, or not",
                rates.str(),
                {},
                2};
  figure.same_y = false;
  figure.prediction = "DeepNorm: as published, level; Fixup, ReZero: infinite width";
  figure.caption =
      "Mean of the logarithms and range over " + std::to_string(seeds_.size()) +
      " seeds. Open: DeepNorm when biases and the gains of LayerNorm are trained too. Wang et al. 2022; "
      "Zhang et al. 2019; Bachlechner et al. 2020.";
  const std::string layers = "layers N = 2ˣ", blocks = "blocks L = 2ˣ";
  figure.panels = {panel("Transformer encoder, SGD", layers, transformers[0]),
                   panel("Transformer encoder, Adam", layers, transformers[1]),
                   panel("residual blocks, SGD", blocks, perceptrons[0]),
                   panel("residual blocks, Adam", blocks, perceptrons[1])};
  const auto& deepnorm = transformers[0][2];
  figure.panels[0].series.push_back(
      predicted("DeepNorm", deepnorm.log2_depths(),
                std::vector<double>(deepnorm.depths.size(), mean(deepnorm.curve.mean))));
  for (std::size_t i : {2, 3}) figure.panels[2].series.push_back(theory(perceptrons[0][i]));
  const auto& he = perceptrons[0][0];
  const auto beyond =
      std::find_if(he.curve.high.begin(), he.curve.high.end(), [](double y) { return y >= 1; });
  if (beyond != he.curve.high.end()) {
    const auto i = std::size_t(beyond - he.curve.high.begin());
    lab_.note("SGD on the residual stack leaves the picture at L = " + std::to_string(he.depths[i]) +
              ": there the change is 10^" + std::to_string(std::lround(he.curve.mean[i])));
  }
  lab_.draw(figure);
}

}  // namespace
}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("bounded-updates", "DeepNorm and Fixup bound what one step of training changes",
                        "H. Wang et al., arXiv:2203.00555; H. Zhang et al., arXiv:1901.09321; "
                        "T. Bachlechner et al., arXiv:2003.04887");
  plots::Options options;
  lab.add_option("--layers", options.layers, "Depths of the Transformer");
  lab.add_option("--blocks", options.blocks, "Depths of the residual networks without normalisation");
  lab.add_option("--d", options.d, "Width of the Transformer, four heads");
  lab.add_option("--width", options.width, "Width of the residual networks");
  lab.add_option("--sgd-rate", options.sgd_rate, "Learning rate of SGD");
  lab.add_option("--adam-rate", options.adam_rate, "Learning rate of Adam");
  return lab.run(argc, argv, [&] { plots::Experiment(lab, options).run(); });
}
