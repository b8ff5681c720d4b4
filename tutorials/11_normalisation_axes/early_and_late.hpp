#pragma once
// The network of small_batches.hpp with layer or batch normalisation: the loss early and the accuracy late.

#include "small_batches.hpp"
#include "systems.hpp"

namespace early_and_late {

using namespace xgrad;

struct Course {
  double early, late;  // training loss after three epochs; test accuracy at the end
};

// [course]
// The loss is that of all training images, computed anew in evaluation mode: a mean over the third epoch
// would mix the losses of many networks.
inline Course course(const std::string& norm, std::size_t batch, std::uint64_t seed, int epochs) {
  const auto train = small_batches::rows(1000, seed), test = small_batches::rows(1000, 1000 + seed);
  Rng rng(seed);
  small_batches::Network model(norm, rng);
  Adam<float> optimizer(model.parameters(), 1e-3);
  Course result{};
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    small_batches::train_epoch(model, optimizer, train, batch, rng);
    if (epoch != 3) continue;
    model.train(false);
    result.early = cross_entropy(model(train.x), train.labels).item();
    model.train(true);
  }
  model.train(false);
  result.late = double(count_correct(model(test.x).value(), test.labels)) / double(test.size());
  return result;
}
// [/course]

inline std::string spread(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  std::ostringstream out;
  out << std::fixed << std::setprecision(3) << small_batches::mean(values) << " (" << *low << " to " << *high
      << ")";
  return out.str();
}

inline void measure() {
  show::section("Early and late");
  const int epochs = show::quick ? 4 : 20;
  const std::uint64_t seeds = show::quick ? 1 : 5;
  std::vector<show::Result> results;
  std::cout << "batch            loss after epoch 3    test accuracy, epoch " << epochs << '\n';
  for (std::size_t batch : {32, 128}) {
    const auto size = std::to_string(batch);
    // The seeds with layer normalisation, then those with batch normalisation.
    std::vector<double> early, late;
    for (const std::string norm : {"layer", "batch"}) {
      std::vector<double> losses, accuracies;
      for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        const Course found = course(norm, batch, seed, epochs);
        losses.push_back(found.early);
        accuracies.push_back(found.late);
      }
      const std::string name = norm == "layer" ? "LN" : "BN";
      std::cout << std::setw(5) << batch << "  " << name << std::setw(26) << spread(losses) << std::setw(26)
                << spread(accuracies) << '\n';
      results.push_back(show::reported(name + ", batches of " + size + ", loss after epoch 3", losses));
      results.push_back(show::reported(name + ", batches of " + size + ", test accuracy", accuracies));
      early.insert(early.end(), losses.begin(), losses.end());
      late.insert(late.end(), accuracies.begin(), accuracies.end());
    }
    const auto gain = [&](const std::vector<double>& values) {  // of BN over LN, seed by seed
      std::vector<double> result;
      for (std::size_t i = 0; i < seeds; ++i) result.push_back(values[seeds + i] - values[i]);
      return result;
    };
    std::cout << "  BN - LN" << std::setw(26) << spread(gain(early)) << std::setw(26) << spread(gain(late))
              << '\n';
    results.push_back(show::reported("BN - LN, batches of " + size + ", loss", gain(early)));
    results.push_back(show::reported("BN - LN, batches of " + size + ", accuracy", gain(late)));
  }
  show::experiment({"E22", "reported: is BN ahead after three epochs, and LN at the end?", results});
}

}  // namespace early_and_late
