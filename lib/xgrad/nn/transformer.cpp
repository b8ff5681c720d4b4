#include "xgrad/nn/transformer.hpp"

#include <cmath>
#include <iomanip>
#include <map>

#include "xgrad/core/scalars.hpp"

namespace xgrad {

template <class T>
MultiHeadAttention<T>::MultiHeadAttention(std::size_t d, std::size_t heads, const Init& init, Rng& rng,
                                          Bias bias)
    : query(d, d, init, rng, bias),
      key(d, d, init, rng, bias),
      value(d, d, init, rng, bias),
      output(d, d, init, rng, bias),
      heads_(heads) {
  if (heads == 0 || d % heads != 0)
    fail("attention", "the width is ", d, ", the heads are ", heads, ": the heads must divide the width");
}

template <class T>
Variable<T> MultiHeadAttention<T>::operator()(const Variable<T>& x, const Variable<T>& memory,
                                              const AttentionOptions& options) {
  return this->observed(x, attend(x, memory, options));
}

template <class T>
Variable<T> MultiHeadAttention<T>::attend(const Variable<T>& x, const Variable<T>& memory,
                                          AttentionOptions options) {
  if (x.rank() < 2 || memory.rank() != x.rank())
    fail("attention", "x is ", to_string(x.shape()), ", the memory is ", to_string(memory.shape()),
         ": both need the same rank, at least 2: (…, T, d)");
  options.heads = heads_;
  if (heads_ == 1 && options.mask.dimension() == x.rank() + 1) {  // one head has no axis of heads
    Shape shape = shape_of(options.mask);
    shape.erase(shape.end() - 3);
    options.mask = reshaped(options.mask, shape);
  }
  return output(xgrad::attention(query(x), key(memory), value(memory), options, weights));
}

template <class T>
std::string MultiHeadAttention<T>::describe() const {
  std::ostringstream text;
  text << "MultiHeadAttention(" << query.weight.extent(0) << ", " << heads_
       << (heads_ == 1 ? " head)" : " heads)");
  return text.str();
}

Wiring Wiring::deepnorm(std::size_t layers) {
  return {NormPlacement::post, std::pow(2 * double(layers), .25), 1, std::pow(8 * double(layers), -.25)};
}

Wiring Wiring::scaled_residual(std::size_t layers) {
  return {NormPlacement::residual_only, 1, 1 / std::sqrt(2 * double(layers))};
}

std::string Wiring::describe() const {
  static const std::map<NormPlacement, const char*> names{
      {NormPlacement::post, "Post-LN"},
      {NormPlacement::pre, "Pre-LN"},
      {NormPlacement::residual_only, "residual only"},
      {NormPlacement::norm_only, "LN only"},
      {NormPlacement::neither, "neither residual nor LN"}};
  std::ostringstream text;
  text << names.at(placement);
  if (skip != 1) text << ", α = " << std::setprecision(3) << skip;
  if (branch != 1) text << ", λ = " << std::setprecision(3) << branch;
  return text.str();
}

namespace {

/// factor · x, and x itself for the factor 1.
template <class T>
Variable<T> times(double factor, const Variable<T>& x) {
  return factor == 1 ? x : Variable<T>(T(factor)) * x;
}

/// One sub-layer: f with residual add and LN, as NormPlacement lists them.
template <class T, class Branch>
Variable<T> sub_layer(const Wiring& wiring, LayerNorm<T>& norm, const Variable<T>& x, Branch f) {
  const auto add = [&](const Variable<T>& y) { return times(wiring.skip, x) + times(wiring.branch, y); };
  switch (wiring.placement) {
    case NormPlacement::post:
      return norm(add(f(x)));
    case NormPlacement::pre:
      return add(f(norm(x)));
    case NormPlacement::residual_only:
      return add(f(x));
    case NormPlacement::norm_only:
      return norm(f(x));
    case NormPlacement::neither:
      break;
  }
  return f(x);
}

/// β on the weights that DeepNorm scales: values, outputs, feed-forward; queries and keys stay.
template <class T>
void scale_weights(double gain, std::initializer_list<Linear<T>*> layers) {
  if (gain == 1) return;
  for (Linear<T>* layer : layers)
    for (T& entry : layer->weight.mutable_value()) entry *= T(gain);
}

}  // namespace

template <class T>
TransformerEncoderLayer<T>::TransformerEncoderLayer(std::size_t d, std::size_t heads, std::size_t hidden,
                                                    const Wiring& wiring, const Init& init, Rng& rng,
                                                    double dropout_p, const std::string& activation,
                                                    double eps)
    : attention(d, heads, init, rng),
      feed_forward(d, hidden, init, rng, activation),
      norm1(d, eps, wiring.has_norm()),
      norm2(d, eps, wiring.has_norm()),
      dropout(dropout_p, rng),
      wiring_(wiring) {
  scale_weights(wiring.gain,
                {&attention.value, &attention.output, &feed_forward.first, &feed_forward.second});
}

// h = x with attention to itself,   y = h with feed-forward
template <class T>
Variable<T> TransformerEncoderLayer<T>::run(const Variable<T>& x, const Mask& mask) {
  AttentionOptions options = attention.options;
  options.mask = mask;
  const auto h =
      sub_layer(wiring_, norm1, x, [&](const auto& x) { return dropout(attention(x, x, options)); });
  return sub_layer(wiring_, norm2, h, [&](const auto& h) { return dropout(feed_forward(h)); });
}

template <class T>
std::vector<Part<T>> TransformerEncoderLayer<T>::parts() {
  return {{"attention", attention},
          {"norm1", norm1},
          {"feed_forward", feed_forward},
          {"norm2", norm2},
          {"dropout", dropout}};
}

template <class T>
TransformerDecoderLayer<T>::TransformerDecoderLayer(std::size_t d, std::size_t heads, std::size_t hidden,
                                                    const Wiring& wiring, const Init& init, Rng& rng,
                                                    double dropout_p, const std::string& activation,
                                                    double eps)
    : attention(d, heads, init, rng),
      cross_attention(d, heads, init, rng),
      feed_forward(d, hidden, init, rng, activation),
      norm1(d, eps, wiring.has_norm()),
      norm2(d, eps, wiring.has_norm()),
      norm3(d, eps, wiring.has_norm()),
      dropout(dropout_p, rng),
      wiring_(wiring) {
  attention.options.causal = true;
  scale_weights(wiring.gain, {&attention.value, &attention.output, &cross_attention.value,
                              &cross_attention.output, &feed_forward.first, &feed_forward.second});
}

template <class T>
Variable<T> TransformerDecoderLayer<T>::operator()(const Variable<T>& y, const Variable<T>& memory,
                                                   const Mask& own, const Mask& others) {
  return this->observed(y, run(y, memory, own, others));
}

// h = y with attention to itself,   g = h with attention to the memory,   g with feed-forward
template <class T>
Variable<T> TransformerDecoderLayer<T>::run(const Variable<T>& y, const Variable<T>& memory, const Mask& own,
                                            const Mask& others) {
  AttentionOptions to_itself = attention.options, to_memory = cross_attention.options;
  to_itself.mask = own;
  to_memory.mask = others;
  const auto h =
      sub_layer(wiring_, norm1, y, [&](const auto& y) { return dropout(attention(y, y, to_itself)); });
  const auto g = sub_layer(wiring_, norm2, h,
                           [&](const auto& h) { return dropout(cross_attention(h, memory, to_memory)); });
  return sub_layer(wiring_, norm3, g, [&](const auto& g) { return dropout(feed_forward(g)); });
}

template <class T>
std::vector<Part<T>> TransformerDecoderLayer<T>::parts() {
  return {{"attention", attention},
          {"norm1", norm1},
          {"cross_attention", cross_attention},
          {"norm2", norm2},
          {"feed_forward", feed_forward},
          {"norm3", norm3},
          {"dropout", dropout}};
}

template <class T>
Array<T> sinusoidal_encoding(std::size_t positions, std::size_t d) {
  auto pe = empty<T>({positions, d});
  for (std::size_t p = 0; p < positions; ++p)
    for (std::size_t j = 0; j < d; ++j) {
      const double angle = double(p) / std::pow(10000.0, double(j - j % 2) / double(d));
      pe.data()[p * d + j] = T(j % 2 ? std::cos(angle) : std::sin(angle));
    }
  return pe;
}

template <class T>
Variable<T> PositionalEncoding<T>::forward(const Variable<T>& x) {
  if (x.rank() < 2 || x.extent(-1) != d_)
    fail("positional_encoding", "x is ", to_string(x.shape()), ": it must be (…, T, ", d_, ")");
  return x + Variable<T>(sinusoidal_encoding<T>(x.extent(-2), d_));
}

template <class T>
std::string PositionalEncoding<T>::describe() const {
  return "PositionalEncoding(" + std::to_string(d_) + ")";
}

template <class T>
LearnedPositions<T>::LearnedPositions(std::size_t longest, std::size_t d, Rng& rng, double deviation)
    : weight(parameter(rng.normal<T>({longest, d}, 0, deviation), "weight")) {}

template <class T>
Variable<T> LearnedPositions<T>::forward(const Variable<T>& x) {
  if (x.rank() < 2 || x.extent(-1) != weight.extent(1) || x.extent(-2) > weight.extent(0))
    fail("learned_positions", "x is ", to_string(x.shape()), ", the table ", to_string(weight.shape()),
         ": x must be (…, T, d) with T at most the table's rows");
  return x + slice(weight, 0, 0, static_cast<std::ptrdiff_t>(x.extent(-2)));
}

template <class T>
std::string LearnedPositions<T>::describe() const {
  std::ostringstream text;
  text << "LearnedPositions(" << weight.extent(0) << " × " << weight.extent(1) << ")";
  return text.str();
}

#define XGRAD_INSTANTIATE(T)                 \
  template class MultiHeadAttention<T>;      \
  template class TransformerEncoderLayer<T>; \
  template class TransformerDecoderLayer<T>; \
  template class PositionalEncoding<T>;      \
  template class LearnedPositions<T>;        \
  template Array<T> sinusoidal_encoding(std::size_t, std::size_t);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
