#pragma once
// The network of D0 §5.2, and one epoch of training.

#include "xgrad/xgrad.hpp"

using namespace xgrad;

// [model]
inline const double norm_eps = 1e-3;  // Keras' default for LayerNormalization, which D0 uses
inline const AdamOptions adam_options = {.9, .999, 1e-7};  // Keras' default ε again

inline Residual<float> residual_block(std::size_t units, const Init& init, Rng& rng) {
  return Residual<float>(Sequential<float>{
      LayerNorm<float>(units, norm_eps), Linear<float>(units, units, init, rng), activation<float>("relu"),
      LayerNorm<float>(units, norm_eps), Linear<float>(units, units, init, rng)});
}

inline Sequential<float> network(std::size_t inputs, std::size_t outputs, Rng& rng) {
  const Init glorot = Init::xavier_uniform();  // Keras' default for Dense, with biases 0
  const auto flatten = [inputs](const Variable<float>& x) {
    return reshape(x, {-1, std::ptrdiff_t(inputs)});
  };
  return Sequential<float>{
      // Braces, because they are evaluated from left to right: the layers draw from rng in their order.
      Function<float>("flatten", flatten),
      Linear<float>(inputs, 64, glorot, rng),
      activation<float>("relu"),
      LayerNorm<float>(64, norm_eps),
      residual_block(64, glorot, rng),
      residual_block(64, glorot, rng),
      Linear<float>(64, outputs, glorot, rng)};
}
// [/model]

/// What an epoch, or a part of it, came to.
struct Tally {
  std::size_t samples = 0, correct = 0;
  double loss_sum = 0;
  double loss() const { return loss_sum / double(samples); }
  double accuracy() const { return double(correct) / double(samples); }

  void add(const Variable<float>& logits, const Variable<float>& mean_loss, const Indices& labels) {
    samples += labels.size();
    loss_sum += double(mean_loss.item()) * double(labels.size());
    correct += count_correct(logits.value(), labels);
  }
};

using Loss = std::function<Variable<float>(const Variable<float>& logits, const Indices& labels)>;
using AfterStep = std::function<void(const Tally&)>;  // called after every step

// [epoch]
inline Tally train_epoch(
    Module<float>& model, Optimizer<float>& optimizer, const Labelled<float>& data, std::size_t batch_size,
    const Loss& loss_of, Rng& rng, const AfterStep& after_step = [](const Tally&) {}) {
  Tally tally;
  for (const auto& batch : Batches<float>(data, batch_size, rng)) {
    Tape<float> tape;
    const auto logits = model(batch.x);
    const auto loss = loss_of(logits, batch.labels);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    tally.add(logits, loss, batch.labels);
    after_step(tally);
  }
  return tally;
}
// [/epoch]
