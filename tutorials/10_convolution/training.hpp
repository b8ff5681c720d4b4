#pragma once
// Data, model and training of chapter 10.

#include <chrono>
#include <iostream>

#include "show.hpp"
#include "systems.hpp"

namespace chapter {

using namespace xgrad;
using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// [data]
/// The library's images are (n, 28, 28); a convolution wants their one channel named.
inline Labelled<float> with_channel(Labelled<float> data) {
  const Shape s = shape_of(data.x);
  return {reshaped(std::move(data.x), {s[0], 1, s[1], s[2]}), std::move(data.labels)};
}
// [/data]

/// The first n images to learn from (all when there are fewer), and all to test with.
inline TrainTest<float> first_images(const TrainTest<float>& data, std::size_t n) {
  return {with_channel(samples(data.train, 0, std::min(n, data.train.size()))), with_channel(data.test)};
}

inline ResNetOptions small_resnet(BlockOrder order) {
  ResNetOptions options;
  options.widths = {8, 16, 32};
  options.block.order = order;
  return options;
}

struct Trained {
  double loss, accuracy, seconds;  // loss: of the last epoch; accuracy: of the test images
};

// [train]
inline Trained train(const ResNetOptions& options, const TrainTest<float>& data, std::size_t epochs,
                     double rate, std::uint64_t seed) {
  const auto start = Clock::now();
  Rng rng(seed);
  ResNet<float> model(options, Init::he_normal(), rng);
  Adam<float> optimizer(model.parameters(), rate);
  TrainerOptions how;
  how.epochs = epochs;
  how.seed = seed;
  how.schedule = schedule::linear(rate, epochs * Batches<float>(data.train, how.batch).size());
  Trainer<float> trainer(model, optimizer, how);
  const History history = trainer.fit(data.train.size(), [&](const Batch& batch) {
    const auto some = samples(data.train, batch);
    return cross_entropy(model(some.x), some.labels);
  });
  const double accuracy = evaluate(model, data.test).accuracy();  // with the running statistics
  return {history.epoch_loss.back(), accuracy, seconds_since(start)};
}
// [/train]

struct Seeds {
  std::vector<double> losses, accuracies;
};

inline Seeds train_seeds(const std::string& name, const ResNetOptions& options, const TrainTest<float>& data,
                         std::size_t epochs, double rate) {
  Seeds result;
  double seconds = 0;
  result.accuracies = show::over_seeds([&](std::uint64_t seed) {
    const Trained trained = train(options, data, epochs, rate, seed);
    result.losses.push_back(trained.loss);
    seconds += trained.seconds;
    return trained.accuracy;
  });
  std::cout << name << ": training loss " << show::text(result.losses, 3) << ", test accuracy "
            << show::text(result.accuracies, 4) << ", " << show::text(seconds, 3) << " s\n";
  return result;
}

}  // namespace chapter
