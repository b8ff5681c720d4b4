#pragma once
// A cell as a network of the library's modules, and what is measured on it.

#include <cstdint>
#include <memory>
#include <vector>

#include "cells.hpp"
#include "xgrad/nn/layers.hpp"

namespace plots::sweep {

/// A stack of `depth` layers that keeps every state. Layers are made of a branch f, a wiring and a norm N:
///
///   plain x ← f(x)    residual x + f(x)    scaled x + f(x)/√L    rezero x + αf(x), α = 0 at first
///   highway t⊙f(x) + (1-t)⊙x, t = σ(Wx - 2)                      deepnorm N(αx + f(x)), weights times β
///
///   pre, batch, rms: f(N(x)) for f(x)    post: N of the layer's output    sandwich: N(f(N(x))) for f(x)
///
/// N is layer normalisation except in `batch` and `rms`. The branches:
///
///   mlp φ(Wx)    ffn W₂φ(W₁x)    attention: multi-head self-attention    transformer: attention, then
///   W₂φ(W₁x) with 4 × width inside, as two branches of one layer, each wired    rnn φ(Wuₜ + Ux + b), the
///   same in each of `depth` steps of time, uₜ normal
///
/// L counts branches. There are no biases but the gate's and the recurrent cell's.
class Network {
 public:
  Network(const Cell& cell, xgrad::Rng& rng);
  /// (batch, width), with tokens (batch, tokens, width).
  xgrad::Shape input_shape() const;
  /// x₀ = x, x₁, …, x_L.
  std::vector<xgrad::Variable<double>> states(const xgrad::Variable<double>& x);
  xgrad::Parameters<double> parameters() { return stack_.parameters(); }

 private:
  Cell cell_;
  xgrad::Sequential<double> stack_;
};

/// log₁₀ RMS of the states and of ∂L/∂x at them, bottom to top, at one step of training.
struct Snapshot {
  std::size_t step;
  double loss;  ///< NaN without training
  std::vector<double> values, gradients;
};

/// Draws weights, a standard normal x₀, and a standard normal ∂L/∂x_L from `seed`. With training: a linear
/// classifier stands on top (on the mean of the tokens), trained with cross-entropy to tell ten Gaussian
/// clouds apart; a snapshot at each step, taken before the update. Training that ends in NaN keeps its
/// length.
std::vector<Snapshot> measure(const Cell& cell, std::uint64_t seed);

}  // namespace plots::sweep
