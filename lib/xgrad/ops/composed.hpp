#pragma once
// The fused ops once more, written with smaller ops as the textbooks write them. They are the definitions:
// the tests hold every fused op against its namesake here, forward and backward. Read these first.

#include <algorithm>
#include <cmath>
#include <limits>

#include "xgrad/ops/ops.hpp"

namespace xgrad::composed {

template <class T>
Variable<T> variance(const Variable<T>& x, const Axes& axes = {}, bool keepdims = false,
                     Divisor divisor = Divisor::population) {
  const auto centred = x - xgrad::mean(x, axes, true);
  const auto total = xgrad::sum(centred * centred, axes, keepdims);
  const double n = double(x.size()) / double(std::max<std::size_t>(total.size(), 1));
  return total / Variable<T>(T(divisor == Divisor::sample ? std::max(n - 1, 0.) : n));
}

template <class T>
Variable<T> softmax(const Variable<T>& x, std::ptrdiff_t axis = -1) {
  const auto e = xgrad::exp(x - xgrad::max(x, {axis}, true).detach());  // the shift cancels: a constant
  return e / xgrad::sum(e, {axis}, true);
}

template <class T>
Variable<T> log_softmax(const Variable<T>& x, std::ptrdiff_t axis = -1) {
  const auto shifted = x - xgrad::max(x, {axis}, true).detach();
  return shifted - xgrad::log(xgrad::sum(xgrad::exp(shifted), {axis}, true));
}

template <class T>
Variable<T> logsumexp(const Variable<T>& x, const Axes& axes = {}, bool keepdims = false) {
  const auto m = xgrad::max(x, axes, true).detach();
  const auto y = m + xgrad::log(xgrad::sum(xgrad::exp(x - m), axes, true));
  return keepdims ? y : xgrad::sum(y, axes);  // drops the axes of length 1
}

template <class T>
Variable<T> layer_norm(const Variable<T>& x, const Variable<T>& gamma = {}, const Variable<T>& beta = {},
                       const LayerNormOptions& options = {}) {
  Axes axes;
  for (std::size_t i = 1; i <= options.axes; ++i) axes.push_back(-static_cast<std::ptrdiff_t>(i));
  const auto centred = x - xgrad::mean(x, axes, true);
  auto y =
      centred / xgrad::sqrt(composed::variance(x, axes, true, options.divisor) + Variable<T>(T(options.eps)));
  if (gamma) y = y * gamma;
  if (beta) y = y + beta;
  return y;
}

template <class T>
Variable<T> rms_norm(const Variable<T>& x, const Variable<T>& gamma = {}, double eps = 1e-5) {
  const auto y = x / xgrad::sqrt(xgrad::mean(x * x, {-1}, true) + Variable<T>(T(eps)));
  return gamma ? y * gamma : y;
}

/// (C,) as (C, 1, …): one number for each channel of x (N, C, …).
template <class T>
Variable<T> per_channel(const Variable<T>& numbers, const Variable<T>& x) {
  std::vector<std::ptrdiff_t> shape(x.rank() - 1, 1);
  shape[0] = -1;
  return xgrad::reshape(numbers, shape);
}

/// γ y + β, channel by channel.
template <class T>
Variable<T> channel_affine(Variable<T> y, const Variable<T>& gamma, const Variable<T>& beta) {
  if (gamma) y = y * per_channel(gamma, y);
  if (beta) y = y + per_channel(beta, y);
  return y;
}

template <class T>
Variable<T> channel_layer_norm(const Variable<T>& x, const Variable<T>& gamma = {},
                               const Variable<T>& beta = {}, const ChannelNormOptions& options = {}) {
  const auto centred = x - xgrad::mean(x, {1}, true);
  const auto variance = composed::variance(x, {1}, true, options.divisor);
  return channel_affine(centred / xgrad::sqrt(variance + Variable<T>(T(options.eps))), gamma, beta);
}

template <class T>
Variable<T> group_norm(const Variable<T>& x, std::size_t groups, const Variable<T>& gamma = {},
                       const Variable<T>& beta = {}, const ChannelNormOptions& options = {}) {
  const auto grouped =
      xgrad::reshape(x, {static_cast<std::ptrdiff_t>(x.extent(0)), static_cast<std::ptrdiff_t>(groups), -1});
  const auto y = composed::layer_norm<T>(grouped, {}, {}, {options.eps, options.divisor, 1});
  const Shape shape = x.shape();
  return channel_affine(xgrad::reshape(y, {shape.begin(), shape.end()}), gamma, beta);
}

template <class T>
Variable<T> batch_norm(const Variable<T>& x, const Variable<T>& gamma = {}, const Variable<T>& beta = {},
                       double eps = 1e-5) {
  Axes axes{0};
  for (std::size_t axis = 2; axis < x.rank(); ++axis) axes.push_back(static_cast<std::ptrdiff_t>(axis));
  const auto centred = x - xgrad::mean(x, axes, true);
  return channel_affine(centred / xgrad::sqrt(composed::variance(x, axes, true) + Variable<T>(T(eps))), gamma,
                        beta);
}

template <class T>
Variable<T> frozen_batch_norm(const Variable<T>& x, const ChannelStatistics<T>& given,
                              const Variable<T>& gamma = {}, const Variable<T>& beta = {},
                              double eps = 1e-5) {
  const auto deviation = xgrad::sqrt(Variable<T>(given.variance) + Variable<T>(T(eps)));
  const auto centred = x - per_channel(Variable<T>(given.mean), x);
  return channel_affine(centred / per_channel(deviation, x), gamma, beta);
}

template <class T>
Variable<T> linear(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias = {}) {
  const auto y = xgrad::matmul(x, xgrad::transpose(weight));
  return bias ? y + bias : y;
}

/// (…, T, h·d) → (…, h, T, d): head i is columns i·d to (i+1)·d of every token.
template <class T>
Variable<T> split_heads(const Variable<T>& x, std::size_t heads) {
  const Shape old = x.shape();
  std::vector<std::ptrdiff_t> shape(old.begin(), old.end());
  shape.back() = static_cast<std::ptrdiff_t>(heads);
  shape.push_back(static_cast<std::ptrdiff_t>(old.back() / heads));
  return xgrad::swap_axes(xgrad::reshape(x, shape), -2, -3);
}

/// (…, h, T, d) → (…, T, h·d).
template <class T>
Variable<T> join_heads(const Variable<T>& x) {
  const Shape old = x.shape();
  std::vector<std::ptrdiff_t> shape(old.begin(), old.end() - 3);
  shape.push_back(static_cast<std::ptrdiff_t>(old[old.size() - 2]));
  shape.push_back(static_cast<std::ptrdiff_t>(old[old.size() - 3] * old.back()));
  return xgrad::reshape(xgrad::swap_axes(x, -2, -3), shape);
}

template <class T>
Variable<T> attention(const Variable<T>& q, const Variable<T>& k, const Variable<T>& v,
                      const AttentionOptions& options = {}) {
  if (options.heads > 1) {
    AttentionOptions each = options;
    each.heads = 1;
    return join_heads(composed::attention(split_heads(q, options.heads), split_heads(k, options.heads),
                                          split_heads(v, options.heads), each));
  }
  const double scale = options.scale != 0 ? options.scale : 1 / std::sqrt(double(q.extent(-1)));
  const auto hidden = [&](Variable<T> x, double value) {  // x with `value` wherever a query may not see a key
    if (options.causal) x = xgrad::masked_fill(x, causal_mask(q.extent(-2)), value);
    return options.mask.size() ? xgrad::masked_fill(x, options.mask, value) : x;
  };
  const auto scores = xgrad::matmul(q, xgrad::swap_axes(k, -1, -2)) * Variable<T>(T(scale));
  const auto weights = composed::softmax(hidden(scores, -std::numeric_limits<double>::infinity()));
  return xgrad::matmul(hidden(weights, 0), v);  // 0 again for a query that sees nothing, whose softmax is NaN
}

/// x (N, C, H, W) with `padding` more pixels of that value on all four sides.
template <class T>
Variable<T> padded(const Variable<T>& x, std::size_t padding, double value = 0) {
  const auto along = [&](const Variable<T>& y, std::ptrdiff_t axis) {
    Shape shape = y.shape();
    shape[static_cast<std::size_t>(axis)] = padding;
    const Variable<T> edge(full<T>(shape, T(value)));
    return xgrad::concatenate<T>({edge, y, edge}, axis);
  };
  return along(along(x, 2), 3);
}

/// Entry (i, j) of every kh×kw window of x, `stride` apart: (N, C, H', W').
template <class T>
Variable<T> window_entry(const Variable<T>& x, std::size_t i, std::size_t j, std::size_t kh, std::size_t kw,
                         std::size_t stride) {
  const auto along = [&](const Variable<T>& y, std::ptrdiff_t axis, std::size_t entry, std::size_t size) {
    return xgrad::slice(y, axis, std::ptrdiff_t(entry), std::ptrdiff_t(y.extent(axis) - size + entry + 1),
                        std::ptrdiff_t(stride));
  };
  return along(along(x, 2, i, kh), 3, j, kw);
}

/// Σ_{i,j} w[:, :, i, j] times the entries (i, j) of all windows: a matrix product over the channels for
/// each.
template <class T>
Variable<T> conv2d(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias = {},
                   const Conv2dOptions& options = {}) {
  const auto image = composed::padded(x, options.padding);
  const std::ptrdiff_t out(weight.extent(0)), in(weight.extent(1)), kh(weight.extent(2)),
      kw(weight.extent(3));
  Variable<T> y;
  for (std::ptrdiff_t i = 0; i < kh; ++i)
    for (std::ptrdiff_t j = 0; j < kw; ++j) {
      const auto entry = composed::window_entry(image, i, j, kh, kw, options.stride);
      const std::ptrdiff_t images(entry.extent(0)), rows(entry.extent(2)), columns(entry.extent(3));
      const auto w = xgrad::reshape(xgrad::slice(xgrad::slice(weight, 2, i, i + 1), 3, j, j + 1), {out, in});
      const auto product =
          xgrad::reshape(xgrad::matmul(w, xgrad::reshape(entry, {images, in, rows * columns})),
                         {images, out, rows, columns});
      y = y ? y + product : product;
    }
  return bias ? y + xgrad::reshape(bias, {out, 1, 1}) : y;
}

template <class T>
Variable<T> max_pool2d(const Variable<T>& x, std::size_t size, const PoolOptions& options = {}) {
  const auto image = composed::padded(x, options.padding, -std::numeric_limits<double>::infinity());
  Variable<T> y;
  for (std::size_t i = 0; i < size; ++i)
    for (std::size_t j = 0; j < size; ++j) {
      const auto entry =
          composed::window_entry(image, i, j, size, size, options.stride ? options.stride : size);
      y = y ? xgrad::maximum(y, entry) : entry;
    }
  return y;
}

template <class T>
Variable<T> avg_pool2d(const Variable<T>& x, std::size_t size, const PoolOptions& options = {}) {
  const auto image = composed::padded(x, options.padding);
  Variable<T> y;
  for (std::size_t i = 0; i < size; ++i)
    for (std::size_t j = 0; j < size; ++j) {
      const auto entry =
          composed::window_entry(image, i, j, size, size, options.stride ? options.stride : size);
      y = y ? y + entry : entry;
    }
  return y / Variable<T>(T(double(size) * double(size)));
}

template <class T>
Variable<T> cross_entropy(const Variable<T>& logits, const Array<T>& probabilities) {
  const double samples = double(logits.size()) / double(logits.extent(-1));
  return -xgrad::sum(composed::log_softmax(logits) * Variable<T>(probabilities)) / Variable<T>(T(samples));
}

template <class T>
Variable<T> bce_with_logits(const Variable<T>& logits, const Array<T>& targets) {
  const auto p = xgrad::sigmoid(logits);
  const Variable<T> t(targets), one(T(1));
  return -xgrad::mean(t * xgrad::log(p) + (one - t) * xgrad::log(one - p));
}

template <class T>
Variable<T> gelu_tanh(const Variable<T>& x) {
  const Variable<T> half(T(.5)), one(T(1)), c(T(.044715)), root(T(std::sqrt(2 / std::acos(-1.0))));
  return half * x * (one + xgrad::tanh(root * (x + c * x * x * x)));
}

}  // namespace xgrad::composed
