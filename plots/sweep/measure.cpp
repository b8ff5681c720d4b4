// What is measured on a network: at initialisation, and at each step of a short training.

#include <cmath>
#include <memory>

#include "network.hpp"
#include "xgrad/ops/ops.hpp"
#include "xgrad/optim/optim.hpp"
#include "xgrad/probe/gradient_norms.hpp"

namespace plots::sweep {

using xgrad::Rng;
using xgrad::Tape;
using xgrad::Variable;

namespace {

constexpr std::size_t classes = 10;

Snapshot snapshot(std::size_t step, double loss, const std::vector<Variable<double>>& states) {
  return {step, loss, xgrad::log10_values(states), xgrad::log10_gradients(states)};
}

Snapshot at_the_start(Network& network, Rng& rng) {
  const auto x = xgrad::parameter(rng.normal<double>(network.input_shape()));
  Tape<double> tape;
  const auto states = network.states(x);
  tape.backward(states.back(), rng.normal<double>(network.input_shape()));
  return snapshot(0, NAN, states);
}

/// A batch of ten Gaussian clouds: every sample (every token) is its class's centre plus noise, of variance 1
/// together.
struct Clouds {
  Clouds(std::size_t width, Rng& rng) : centres(rng.normal<double>({classes, width})) {}

  xgrad::Array<double> draw(const xgrad::Shape& shape, Rng& rng, xgrad::Indices& labels) const {
    const std::size_t batch = shape.front(), width = shape.back(), each = xgrad::count(shape) / batch;
    labels = xgrad::Indices::from_shape({batch});
    auto x = rng.normal<double>(shape);
    for (std::size_t b = 0; b < batch; ++b) {
      labels.data()[b] = std::int64_t(rng.below(classes));
      for (std::size_t i = 0; i < each; ++i) {
        double& entry = x.data()[b * each + i];
        entry = (entry + centres.data()[std::size_t(labels.data()[b]) * width + i % width]) / std::sqrt(2.);
      }
    }
    return x;
  }

  xgrad::Array<double> centres;
};

std::unique_ptr<xgrad::Optimizer<double>> optimiser(const Cell& cell,
                                                    const xgrad::Parameters<double>& parameters) {
  if (cell.optimiser == "sgd") return std::make_unique<xgrad::SGD<double>>(parameters, cell.rate);
  return std::make_unique<xgrad::Adam<double>>(parameters, cell.rate);
}

std::vector<Snapshot> in_training(const Cell& cell, Network& network, Rng& rng) {
  xgrad::Linear<double> classifier(cell.width, classes, xgrad::Init::xavier_uniform(), rng);
  auto parameters = network.parameters();
  for (const auto& parameter : classifier.parameters()) parameters.push_back(parameter);
  const auto descent = optimiser(cell, parameters);
  const Clouds clouds(cell.width, rng);
  std::vector<Snapshot> snapshots;
  for (std::size_t step = 0; step <= cell.steps; ++step) {
    xgrad::Indices labels;
    const auto x = xgrad::parameter(clouds.draw(network.input_shape(), rng, labels));
    Tape<double> tape;
    const auto states = network.states(x);
    const auto& top = states.back();
    const auto loss = xgrad::cross_entropy(classifier(top.rank() == 3 ? xgrad::mean(top, {1}) : top), labels);
    loss.backward();
    snapshots.push_back(snapshot(step, loss.item(), states));
    descent->step();
    descent->zero_grad();
  }
  return snapshots;
}

}  // namespace

std::vector<Snapshot> measure(const Cell& cell, std::uint64_t seed) {
  Rng rng(seed);
  Network network(cell, rng);
  if (cell.steps > 0) return in_training(cell, network, rng);
  for (auto& parameter : network.parameters()) parameter.variable.requires_grad(false);
  return {at_the_start(network, rng)};
}

}  // namespace plots::sweep
