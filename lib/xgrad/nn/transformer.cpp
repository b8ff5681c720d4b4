#include "xgrad/nn/transformer.hpp"

#include <cmath>

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
  if (x.rank() < 2 || memory.rank() != x.rank())
    fail("attention", "x is ", to_string(x.shape()), ", the memory is ", to_string(memory.shape()),
         ": both need the same rank, at least 2: (…, T, d)");
  AttentionOptions all_heads = options;
  all_heads.heads = heads_;
  return output(xgrad::attention(query(x), key(memory), value(memory), all_heads, weights));
}

template <class T>
std::string MultiHeadAttention<T>::describe() const {
  std::ostringstream text;
  text << "MultiHeadAttention(" << query.weight.extent(0) << ", " << heads_
       << (heads_ == 1 ? " head)" : " heads)");
  return text.str();
}

template <class T>
TransformerEncoderLayer<T>::TransformerEncoderLayer(std::size_t d, std::size_t heads, std::size_t hidden,
                                                    NormPlacement placement, const Init& init, Rng& rng,
                                                    double dropout_p, const std::string& activation,
                                                    double eps)
    : attention(d, heads, init, rng),
      feed_forward(d, hidden, init, rng, activation),
      norm1(d, eps),
      norm2(d, eps),
      dropout(dropout_p, rng),
      placement_(placement) {}

// post: h = LN(x + MHA(x)),  y = LN(h + FF(h));      pre: h = x + MHA(LN(x)),  y = h + FF(LN(h))
template <class T>
Variable<T> TransformerEncoderLayer<T>::forward(const Variable<T>& x) {
  if (placement_ == NormPlacement::post) {
    const auto h = norm1(x + dropout(attention(x)));
    return norm2(h + dropout(feed_forward(h)));
  }
  const auto h = x + dropout(attention(norm1(x)));
  return h + dropout(feed_forward(norm2(h)));
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
std::string TransformerEncoderLayer<T>::describe() const {
  return placement_ == NormPlacement::post ? "TransformerEncoderLayer(Post-LN)"
                                           : "TransformerEncoderLayer(Pre-LN)";
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

#define XGRAD_INSTANTIATE(T)                 \
  template class MultiHeadAttention<T>;      \
  template class TransformerEncoderLayer<T>; \
  template class PositionalEncoding<T>;      \
  template Array<T> sinusoidal_encoding(std::size_t, std::size_t);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
