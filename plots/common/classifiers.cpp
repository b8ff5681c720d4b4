#include "classifiers.hpp"

#include <memory>

#include "xgrad/data/batches.hpp"
#include "xgrad/data/spiral.hpp"
#include "xgrad/nn/norms.hpp"
#include "xgrad/optim/optim.hpp"

namespace plots {

using xgrad::Init;
using xgrad::Linear;
using xgrad::Sequential;

template <class T>
Sequential<T> paired_network(std::size_t layers, std::size_t width, bool residual, xgrad::Rng& rng) {
  const auto matrix = [&] { return Linear<T>(width, width, Init::he_normal(), rng, xgrad::Bias::no); };
  const auto relu = [] { return xgrad::activation<T>("relu"); };
  Sequential<T> network{Linear<T>(2, width, Init::uniform_fan_in(), rng), relu()};
  for (std::size_t pair = 0; pair < layers / 2; ++pair) {
    Sequential<T> branch{matrix(), xgrad::BatchNorm<T>(width), relu(), matrix(), xgrad::BatchNorm<T>(width)};
    if (residual) {
      network.add(Sequential<T>{xgrad::Residual<T>(std::move(branch)), relu()});
    } else {
      network.add(Sequential<T>{std::move(branch), relu()});
    }
  }
  network.add(Linear<T>(width, 3, Init::uniform_fan_in(), rng));
  return network;
}

Sequential<float> perceptron(std::size_t in, std::size_t layers, std::size_t width, std::size_t classes,
                             const std::string& activation, const std::string& init, xgrad::Rng& rng) {
  Sequential<float> network;
  for (std::size_t l = 0; l < layers; ++l) {
    network.add(Linear<float>(l == 0 ? in : width, width, Init::named(init), rng));
    network.add(xgrad::activation<float>(activation));
  }
  network.add(Linear<float>(width, classes, Init::named(init), rng));
  return network;
}

template <class T>
xgrad::Labelled<T> three_arms(std::size_t n, std::uint64_t seed) {
  auto data = xgrad::spiral<T>(n, .02, seed, 3);
  for (T& coordinate : data.x) coordinate *= 2;
  return data;
}

std::vector<double> train(xgrad::Module<float>& network, const xgrad::Labelled<float>& data,
                          const Training& training, xgrad::Rng& rng) {
  xgrad::SgdOptions options;
  options.momentum = training.momentum;
  xgrad::SGD<float> optimizer(network.parameters(), training.rate, options);
  std::vector<double> losses;
  while (losses.size() < training.steps)
    for (const auto& batch : xgrad::Batches<float>(data, training.batch, rng)) {
      if (losses.size() == training.steps) break;
      optimizer.zero_grad();
      xgrad::Tape<float> tape;
      const auto loss = cross_entropy(network(batch.x), batch.labels);
      losses.push_back(double(loss.item()));
      loss.backward();
      optimizer.step();
    }
  return losses;
}

std::vector<double> window_means(const std::vector<double>& values, std::size_t window) {
  std::vector<double> means;
  for (std::size_t i = 0; i + window <= values.size(); i += window) {
    double sum = 0;
    for (std::size_t k = i; k < i + window; ++k) sum += values[k];
    means.push_back(sum / double(window));
  }
  return means;
}

#define PLOTS_INSTANTIATE(T)                                             \
  template xgrad::Labelled<T> three_arms<T>(std::size_t, std::uint64_t); \
  template Sequential<T> paired_network<T>(std::size_t, std::size_t, bool, xgrad::Rng&);
PLOTS_INSTANTIATE(float)
PLOTS_INSTANTIATE(double)

}  // namespace plots
