#pragma once
// The networks that take one step of training, with what they read and what they should answer.

#include <functional>
#include <string>
#include <vector>

#include "xgrad/nn/layers.hpp"

namespace plots {

/// A network from x to an output of the same shape, and a loss of that output.
struct Problem {
  xgrad::Sequential<double> network;
  xgrad::Array<double> x, target;
  std::function<xgrad::Variable<double>(const xgrad::Variable<double>& output)> loss;
  bool vectors = true;  ///< whether biases and the gains of LayerNorm are trained too, or matrices only

  xgrad::Parameters<double> trained();
};

/// "Post-LN", "Pre-LN", "DeepNorm": matrices only; "DeepNorm, all parameters": all parameters.
extern const std::vector<std::string> transformer_wirings;
/// A Transformer encoder of `layers` layers, width d and 4 heads, on 4 random sequences of 8 vectors; the
/// loss is the cross-entropy of random labels at each token, read from the output by a fixed random matrix.
/// Xavier, times DeepNorm's β where DeepNorm says so.
Problem transformer(const std::string& wiring, std::size_t layers, std::size_t d, std::uint64_t seed);

/// "residual": x + W₂ relu(W₁x), He on W₁ and variance 1/n on W₂; "residual/√L": the same divided by √L;
/// "Fixup"; "ReZero".
extern const std::vector<std::string> perceptron_wirings;
/// `blocks` residual blocks of two matrices on 32 random vectors x of `width` entries; the loss is ½‖F - y‖²
/// per sample for random y.
Problem perceptron(const std::string& wiring, std::size_t blocks, std::size_t width, std::uint64_t seed);

/// What infinitely wide blocks predict for the problem `perceptron` under plain SGD, as log₁₀ of the relative
/// change; the page derives both.
double predicted_fixup(const Problem& problem, double rate);
double predicted_rezero(const Problem& problem, double rate, std::size_t blocks);

}  // namespace plots
