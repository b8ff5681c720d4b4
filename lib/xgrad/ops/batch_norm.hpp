#pragma once
// Normalisations of (N, C, …): samples, channels, and whatever follows. They differ in the axes over which
// mean and variance are taken; gain and shift are always one number for each channel.

#include "xgrad/core/tape.hpp"

namespace xgrad {

/// Mean and variance (divisor: the number of values) of each channel, both (C,).
template <class T>
struct ChannelStatistics {
  Array<T> mean, variance;
};

template <class T>
struct BatchNormalised {
  Variable<T> y;
  ChannelStatistics<T> batch;  ///< the statistics that were used: for running averages
};

/// y = γ (x - μ)/√(σ² + ε) + β, μ and σ² of each channel over all samples and positions, that is over all
/// axes but 1 (Ioffe & Szegedy, arXiv:1502.03167). x (N, C, …), γ and β (C,) or empty. Gradients pass through
/// μ and σ². Throws Error when a channel has a single value: its variance says nothing.
template <class T>
BatchNormalised<T> batch_norm(const Variable<T>& x, const Variable<T>& gamma = {},
                              const Variable<T>& beta = {}, double eps = 1e-5);

/// The same with given statistics, which are constants: what batch normalisation does in evaluation mode.
template <class T>
Variable<T> frozen_batch_norm(const Variable<T>& x, const ChannelStatistics<T>& given,
                              const Variable<T>& gamma = {}, const Variable<T>& beta = {}, double eps = 1e-5);

}  // namespace xgrad
