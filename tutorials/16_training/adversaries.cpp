#include <cstdio>

#include "toolbox.hpp"

using namespace toolbox;

namespace {

// [attack]
/// The same images, each pixel moved by at most epsilon in the direction that raises the loss.
Data attacked(const Data& data, Module<float>& model, double epsilon) {
  const auto loss = [&](const V& logits) { return cross_entropy(logits, data.labels); };
  return {fast_gradient_sign<float>(model, data.x, epsilon, loss), data.labels};
}

Indices twice(const Indices& labels) {
  auto result = Indices::from_shape({2 * labels.size()});
  for (std::size_t i = 0; i < result.size(); ++i) result(i) = labels(i % labels.size());
  return result;
}

/// A batch and its attacked copy, one after the other: half of what the model learns from is hostile.
Data with_attacked(const Data& some, Module<float>& model, Rng&) {
  const Data hostile = attacked(some, model, .15);
  return {concatenate<float>({some.x, hostile.x}).value(), twice(some.labels)};
}
// [/attack]

}  // namespace

void adversaries() {
  show::section("Adversarial images: ε = 0.1, pixels with noise 0.3");
  std::printf("%-22s%16s%16s%16s%16s\n", "", "clean", "attacked", "trained: clean", "attacked");
  std::vector<double> ratios, residual_alone;
  for (const Switches switches : {Switches{false, false}, Switches{true, false}, Switches{true, true}}) {
    std::vector<double> results[4];
    for (std::uint64_t seed = 1; seed <= (show::quick ? 1 : 3); ++seed) {
      const Data test = test_images(seed);
      for (const bool hardened : {false, true}) {
        Recipe recipe;
        recipe.epochs = show::quick ? 3 : 20;
        recipe.network.switches = switches;
        if (hardened) recipe.change = with_attacked;
        auto model = network(recipe.network, seed);
        results[2 * hardened].push_back(run(recipe, seed, model).test_accuracy);
        model.train(false);
        results[2 * hardened + 1].push_back(evaluate(model, attacked(test, model, .1)).accuracy());
      }
    }
    std::printf("%-22s%16s%16s%16s%16s\n", switches.describe().c_str(), spread(results[0]).c_str(),
                spread(results[1]).c_str(), spread(results[2]).c_str(), spread(results[3]).c_str());
    ratios.push_back(mean(results[3]) / mean(results[1]));
    if (switches.residual && !switches.norm) residual_alone = differences(results[1], residual_alone);
    if (!switches.residual) residual_alone = results[1];
  }
  show::experiment(
      {"E15",
       "adversarial training at least triples the accuracy on attacked images; a residual add "
       "alone gives none",
       {show::at_least("attacked accuracy, trained with attacks over without: neither", {ratios[0]}, 3),
        show::at_least("residual", {ratios[1]}, 3), show::at_least("residual + LN", {ratios[2]}, 3),
        show::below("mean attacked accuracy: residual minus plain", {mean(residual_alone)}, .05)}});
}
