#pragma once
// Normalisations of one sample of (N, C, …) with a gain and a shift for each channel. They differ in the axes
// over which mean and variance are taken. All over the same axes but 1, and over the samples: batch_norm.hpp.

#include "xgrad/core/tape.hpp"
#include "xgrad/ops/reduce.hpp"

namespace xgrad {

struct ChannelNormOptions {
  double eps = 1e-5;                      ///< inside the root
  Divisor divisor = Divisor::population;  ///< sample: n - 1; NaN where a single value is normalised
};

/// y = γ (x - μ)/√(σ² + ε) + β, μ and σ² over the channels (axis 1) at each position of each sample: layer
/// normalisation of images, where each pixel is a vector of C features. x (N, C, …), γ and β (C,) or empty.
template <class T>
Variable<T> channel_layer_norm(const Variable<T>& x, const Variable<T>& gamma = {},
                               const Variable<T>& beta = {}, const ChannelNormOptions& options = {});

/// The same with μ and σ² over `groups` equal groups of neighbouring channels and all their positions
/// (Wu & He, arXiv:1803.08494). As many groups as channels: instance normalisation (Ulyanov, Vedaldi &
/// Lempitsky, arXiv:1607.08022); one group: layer normalisation of the whole sample.
template <class T>
Variable<T> group_norm(const Variable<T>& x, std::size_t groups, const Variable<T>& gamma = {},
                       const Variable<T>& beta = {}, const ChannelNormOptions& options = {});

}  // namespace xgrad
