#pragma once
// What the experiments of this chapter share: the data, the network, one training run, and how results are
// printed.

#include <functional>
#include <memory>

#include "show.hpp"
#include "systems.hpp"

namespace toolbox {

using namespace xgrad;
using V = Variable<float>;
using Data = Labelled<float>;

constexpr std::size_t width = 64;

// [network]
/// 100 → 64, then blocks x + relu(A LN(x)) (or without the x, or without the LN), → 10.
struct NetworkOptions {
  std::size_t blocks = 3;
  Switches switches = {true, true};  // residual add, LN
  double input_dropout = 0;
  bool half = false;    // round what goes into and comes out of each linear layer to IEEE half
  bool shared = false;  // one block, used again and again
};
Sequential<float> network(const NetworkOptions& options, std::uint64_t seed);
// [/network]

// [recipe]
/// A training run on small digits: what an experiment does not mention is as it stands here.
struct Recipe {
  NetworkOptions network = {};
  std::size_t images = 500, epochs = 15;
  double label_noise = 0;  // this share of the labels of training is drawn at random
  double label_smoothing = 0;
  std::function<std::unique_ptr<Optimizer<float>>(const Parameters<float>&)> optimizer = adam(1e-3);
  Schedule schedule = {};
  std::function<Data(const Data& batch, Module<float>& model, Rng& rng)> change = nullptr;  // augmentation
  TrainerOptions trainer = {};

  static std::function<std::unique_ptr<Optimizer<float>>(const Parameters<float>&)> adam(double rate);
};
// [/recipe]

struct Outcome {
  double train_accuracy, test_accuracy, test_loss;
  History history;
};

Outcome run(const Recipe& recipe, std::uint64_t seed);
/// The same, and the model.
Outcome run(const Recipe& recipe, std::uint64_t seed, Sequential<float>& model);

Data training_images(std::size_t n, std::uint64_t seed);
Data test_images(std::uint64_t seed);

/// Outcomes of seeds 1, 2, 3; of seed 1 in a quick run.
std::vector<Outcome> over_seeds(const Recipe& recipe);
std::vector<double> column(const std::vector<Outcome>& outcomes, double Outcome::*what);

double mean(const std::vector<double>& values);
/// "0.812 ± 0.011": mean and standard deviation over the seeds.
std::string spread(const std::vector<double>& values, int decimals = 3);
/// Each entry of a minus that of b.
std::vector<double> differences(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace toolbox

// The sections of the chapter, one file each.
void the_loop();        // loop.cpp
void optimisers();      // optimisers.cpp
void regularisation();  // regularisation.cpp
void adversaries();     // adversaries.cpp
void half_precision();  // half_precision.cpp
void sharing();         // sharing.cpp
