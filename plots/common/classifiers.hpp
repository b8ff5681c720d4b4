#pragma once
// Networks of fully connected layers that learn a class from a few numbers, and plain training for them.

#include <string>
#include <vector>

#include "xgrad/data/labelled.hpp"
#include "xgrad/nn/layers.hpp"

namespace plots {

/// A multilayer cousin of He et al.'s networks (arXiv:1512.03385): `layers` weight layers in pairs, each
/// followed by batch normalisation, x ← relu(x + BN W₂ relu(BN W₁x)), or plain, without the `x +`; before
/// them relu(W x + b) from 2 numbers to `width`, after them a linear layer to 3 classes. He on all but these
/// two, which are U(±1/√n).
template <class T>
xgrad::Sequential<T> paired_network(std::size_t layers, std::size_t width, bool residual, xgrad::Rng& rng);

/// `layers` times φ(Wx + b) of `width`, and a linear layer to `classes`, all with one initialisation.
xgrad::Sequential<float> perceptron(std::size_t in, std::size_t layers, std::size_t width,
                                    std::size_t classes, const std::string& activation,
                                    const std::string& init, xgrad::Rng& rng);

/// xgrad::spiral with three arms and a little noise, twice as large: coordinates up to 2.
template <class T>
xgrad::Labelled<T> three_arms(std::size_t n, std::uint64_t seed);

struct Training {
  std::size_t steps = 600, batch = 128;
  double rate = .05, momentum = .9;
};

/// SGD on the cross-entropy; the loss of each step.
std::vector<double> train(xgrad::Module<float>& network, const xgrad::Labelled<float>& data,
                          const Training& training, xgrad::Rng& rng);

/// Means over windows of `window` values.
std::vector<double> window_means(const std::vector<double>& values, std::size_t window);

}  // namespace plots
