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

// [options]
/// All that has to be known to build the pipeline of D1 §2.3 again.
struct PipelineOptions {
  std::size_t units = 128, blocks = 2;
  bool residual = true, norm = true;
};

inline void fields(Fields& f, PipelineOptions& options) {
  f("units", options.units, 1, 10000);
  f("blocks", options.blocks, 0, 1000);
  f("residual", options.residual);
  f("norm", options.norm);
}

inline Model pipeline(const PipelineOptions& options, Rng& rng) {
  const std::size_t units = options.units;
  Model model{Linear<float>(784, units, glorot, rng)};
  for (std::size_t i = 0; i < options.blocks; ++i)
    model.add(SwitchedBlock<float>(dense_pair(units, units, rng), units, {options.residual, options.norm}));
  model.add(Linear<float>(units, 10, glorot, rng));
  return model;
}
// [/options]

inline Labelled<float> flattened(Labelled<float> data) {
  const std::size_t n = data.size();
  return {reshaped(std::move(data.x), {n, 784}), std::move(data.labels)};
}

// [train]
/// Ten epochs of Adam, batches of 32, as D1 has it; the learning rate falls from 1e-3 to 0.
inline History train(Module<float>& model, const Labelled<float>& data, std::uint64_t seed,
                     const std::function<Measures()>& validate = {}) {
  Adam<float> optimizer(model.parameters(), 1e-3);  // step 4: the optimiser, its schedule, and the loss below
  TrainerOptions options;
  options.epochs = show::quick ? 1 : 10;
  options.batch = 32;
  options.seed = seed;
  options.schedule = schedule::linear(1e-3, options.epochs * Batches<float>(data, options.batch).size());
  Trainer<float> trainer(model, optimizer, options);
  trainer.validate = validate;
  return trainer.fit(data.size(), [&](const Batch& batch) {  // step 5
    const auto some = samples(data, batch);
    return cross_entropy(model(some.x), some.labels);
  });
}
// [/train]

inline double accuracy(Module<float>& model, const Labelled<float>& data) {
  return evaluate(model, data).accuracy();
}

inline std::vector<double> accuracies(const Make& make, const TrainTest<float>& data) {
  return show::over_seeds([&](std::uint64_t seed) {
    Rng rng(seed);
    auto model = make(rng);
    train(model, data.train, seed);
    return accuracy(model, data.test);
  });
}
