#pragma once
// Multi-head attention and the Transformer encoder layer (Vaswani et al., arXiv:1706.03762).

#include "xgrad/nn/layers.hpp"

namespace xgrad {

/// Concat(head₁ … head_h) W_Oᵀ, headᵢ = attention(Q, K, V restricted to columns i·d/h …): x (…, T, d).
template <class T>
class MultiHeadAttention : public Module<T> {
 public:
  /// Throws Error unless heads divides d.
  MultiHeadAttention(std::size_t d, std::size_t heads, const Init& init, Rng& rng, Bias bias = Bias::yes);

  /// Attention of `x` to `memory`; mask as in AttentionOptions, (Tq, Tk) or (batch, 1, Tq, Tk).
  Variable<T> operator()(const Variable<T>& x, const Variable<T>& memory,
                         const AttentionOptions& options = {});
  using Module<T>::operator();
  /// Self-attention with options().
  Variable<T> forward(const Variable<T>& x) override { return (*this)(x, x, options); }
  std::vector<Part<T>> parts() override {
    return {{"query", query}, {"key", key}, {"value", value}, {"output", output}};
  }
  std::string describe() const override;

  Linear<T> query, key, value, output;
  AttentionOptions options;  ///< what self-attention uses: causal, mask
  Array<T>* weights =
      nullptr;  ///< where to leave the attention weights (…, h, Tq, Tk), without h for one head

 private:
  std::size_t heads_;
};

/// Where layer normalisation stands in a residual block.
enum class NormPlacement {
  post,  ///< LN(x + f(x)), as published in 2017
  pre    ///< x + f(LN(x)) (Xiong et al., arXiv:2002.04745)
};

/// Self-attention and feed-forward, each with residual add and LayerNorm; x (…, T, d). 12d² + 13d parameters
/// when hidden = 4d.
template <class T>
class TransformerEncoderLayer : public Module<T> {
 public:
  TransformerEncoderLayer(std::size_t d, std::size_t heads, std::size_t hidden, NormPlacement placement,
                          const Init& init, Rng& rng, double dropout = 0,
                          const std::string& activation = "relu", double eps = 1e-5);
  Variable<T> forward(const Variable<T>& x) override;
  std::vector<Part<T>> parts() override;
  std::string describe() const override;

  MultiHeadAttention<T> attention;
  FeedForward<T> feed_forward;
  LayerNorm<T> norm1, norm2;
  Dropout<T> dropout;

 private:
  NormPlacement placement_;
};

/// PE[p, 2i] = sin(p/10000^(2i/d)), PE[p, 2i+1] = cos(p/10000^(2i/d)): (positions, d), d even or odd.
template <class T>
Array<T> sinusoidal_encoding(std::size_t positions, std::size_t d);

/// x + PE for x (…, T, d).
template <class T>
class PositionalEncoding : public Module<T> {
 public:
  explicit PositionalEncoding(std::size_t d) : d_(d) {}
  Variable<T> forward(const Variable<T>& x) override;
  std::string describe() const override;

 private:
  std::size_t d_;
};

}  // namespace xgrad
