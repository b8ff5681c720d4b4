#pragma once
// D1's two layers, the models that are made of them, and their training.

#include "show.hpp"
#include "systems.hpp"

using namespace xgrad;
using Model = Sequential<float>;
using Make = std::function<Model(Rng&)>;

inline const Init glorot = Init::xavier_uniform();  // Keras' default for Dense, with biases 0

// [layers]
/// D1's NormalizationLayer: a mean and a deviation that are stored, and that nothing changes.
struct Stored : Module<float> {
  Variable<float> forward(const Variable<float>& x) override {
    return (x - Variable<float>(mean)) / Variable<float>(deviation);
  }
  std::vector<Part<float>> parts() override { return {{"mean", mean}, {"deviation", deviation}}; }
  std::string describe() const override { return "Stored"; }
  Array<float> mean = zeros<float>({784}), deviation = full<float>({784}, 1);
};

/// The two Dense layers of D1's ResidualLayer(units).
inline Model dense_pair(std::size_t in, std::size_t units, Rng& rng) {
  return Model{Linear<float>(in, units, glorot, rng), activation<float>("relu"),
               Linear<float>(units, units, glorot, rng)};
}
// [/layers]

// [models]
/// (a) A layer in front brings 784 columns to 128.
inline Model stem(Rng& rng) {
  return Model{LayerNorm<float>(784), Linear<float>(784, 128, glorot, rng),
               Residual<float>(dense_pair(128, 128, rng)), Linear<float>(128, 10, glorot, rng)};
}

/// (b) A projection on the skip path does.
inline Model projection(Rng& rng) {
  auto branch = dense_pair(784, 128, rng);
  Linear<float> shortcut(784, 128, glorot, rng, Bias::no);
  return Model{LayerNorm<float>(784), Residual<float>(std::move(branch), std::move(shortcut)),
               Linear<float>(128, 10, glorot, rng)};
}
// [/models]

inline Labelled<float> flattened(Labelled<float> data) {
  const std::size_t n = data.size();
  return {reshaped(std::move(data.x), {n, 784}), std::move(data.labels)};
}

// [train]
/// Ten epochs of Adam, batches of 32, as D1 has it; the learning rate falls from 1e-3 to 0.
inline void train(Module<float>& model, const Labelled<float>& data, Rng& rng) {
  Adam<float> optimizer(model.parameters(), 1e-3);
  const std::size_t epochs = show::quick ? 1 : 10, steps = epochs * Batches<float>(data, 32).size();
  const Schedule rate = schedule::linear(1e-3, steps);
  std::size_t step = 0;
  for (std::size_t epoch = 0; epoch < epochs; ++epoch)
    for (const auto& batch : Batches<float>(data, 32, rng)) {
      Tape<float> tape;
      optimizer.zero_grad();
      cross_entropy(model(batch.x), batch.labels).backward();
      optimizer.learning_rate = rate(step++);
      optimizer.step();
    }
}
// [/train]

inline double accuracy(Module<float>& model, const Array<float>& x, const Indices& labels) {
  return double(count_correct(model(x).value(), labels)) / double(labels.size());
}

inline std::vector<double> accuracies(const Make& make, const TrainTest<float>& data) {
  return show::over_seeds([&](std::uint64_t seed) {
    Rng rng(seed);
    auto model = make(rng);
    train(model, data.train, rng);
    return accuracy(model, data.test.x, data.test.labels);
  });
}
