#pragma once
// Multi-head attention, the layers of encoder and decoder, and positions (Vaswani et al., arXiv:1706.03762).

#include "xgrad/nn/layers.hpp"

namespace xgrad {

/// Concat(head₁ … head_h) W_Oᵀ, headᵢ = attention(Q, K, V restricted to columns i·d/h …): x (…, T, d).
template <class T>
class MultiHeadAttention : public Module<T> {
 public:
  /// Throws Error unless heads divides d.
  MultiHeadAttention(std::size_t d, std::size_t heads, const Init& init, Rng& rng, Bias bias = Bias::yes);

  /// Attention of `x` to `memory`; mask as in AttentionOptions, (Tq, Tk) or (batch, 1, Tq, Tk), whatever
  /// the number of heads.
  Variable<T> operator()(const Variable<T>& x, const Variable<T>& memory,
                         const AttentionOptions& options = {});
  using Module<T>::operator();
  /// Self-attention with `options`.
  Variable<T> forward(const Variable<T>& x) override { return attend(x, x, options); }
  std::vector<Part<T>> parts() override {
    return {{"query", query}, {"key", key}, {"value", value}, {"output", output}};
  }
  std::string describe() const override;

  Linear<T> query, key, value, output;
  AttentionOptions options;  ///< what self-attention uses: causal, mask
  Array<T>* weights =
      nullptr;  ///< where to leave the attention weights (…, h, Tq, Tk), without h for one head

 private:
  Variable<T> attend(const Variable<T>& x, const Variable<T>& memory, AttentionOptions options);
  std::size_t heads_;
};

/// Where layer normalisation stands in a residual block. The last three leave something out: they show what
/// it is for.
enum class NormPlacement {
  post,           ///< LN(x + f(x)), as published in 2017
  pre,            ///< x + f(LN(x)) (Xiong et al., arXiv:2002.04745)
  residual_only,  ///< x + f(x)
  norm_only,      ///< LN(f(x))
  neither         ///< f(x)
};

/// How a branch f, the residual add and layer normalisation make one sub-layer: a NormPlacement, in which x
/// stands for αx and f for λf.
struct Wiring {
  Wiring(NormPlacement placement, double skip = 1, double branch = 1, double gain = 1)
      : placement(placement), skip(skip), branch(branch), gain(gain) {}
  /// LN(αx + f(x)) with α = (2N)^¼, β = (8N)^-¼, for N layers of two branches each (DeepNorm, Wang et al.,
  /// arXiv:2203.00555).
  static Wiring deepnorm(std::size_t layers);
  /// x + f(x)/√(2N): all branches together weigh as much as one. No LN.
  static Wiring scaled_residual(std::size_t layers);

  bool has_norm() const {
    return placement != NormPlacement::residual_only && placement != NormPlacement::neither;
  }
  std::string describe() const;  ///< "Pre-LN", "Post-LN, α = 1.68", "residual only", …

  NormPlacement placement;
  double skip;    ///< α
  double branch;  ///< λ
  double gain;    ///< β, by which the first weights of values, outputs and feed-forward are multiplied
};

/// Self-attention and feed-forward, each with residual add and LayerNorm; x (…, T, d). 12d² + 13d parameters
/// when hidden = 4d. With attention.options.causal it is the layer of a decoder-only model.
template <class T>
class TransformerEncoderLayer : public Module<T> {
 public:
  TransformerEncoderLayer(std::size_t d, std::size_t heads, std::size_t hidden, const Wiring& wiring,
                          const Init& init, Rng& rng, double dropout = 0,
                          const std::string& activation = "relu", double eps = 1e-5);
  /// `mask` as in AttentionOptions; attention.options.causal holds too.
  Variable<T> operator()(const Variable<T>& x, const Mask& mask) { return this->observed(x, run(x, mask)); }
  using Module<T>::operator();
  Variable<T> forward(const Variable<T>& x) override { return run(x, attention.options.mask); }
  std::vector<Part<T>> parts() override;
  std::string describe() const override { return "TransformerEncoderLayer(" + wiring_.describe() + ")"; }

  MultiHeadAttention<T> attention;
  FeedForward<T> feed_forward;
  LayerNorm<T> norm1, norm2;
  Dropout<T> dropout;

 private:
  Variable<T> run(const Variable<T>& x, const Mask& mask);
  Wiring wiring_;
};

/// Causal self-attention, attention to the memory (the encoder's output), and feed-forward, each with
/// residual add and LayerNorm; y (…, T, d), memory (…, S, d). 16d² + 19d parameters when hidden = 4d.
template <class T>
class TransformerDecoderLayer : public Module<T> {
 public:
  TransformerDecoderLayer(std::size_t d, std::size_t heads, std::size_t hidden, const Wiring& wiring,
                          const Init& init, Rng& rng, double dropout = 0,
                          const std::string& activation = "relu", double eps = 1e-5);
  /// Masks as in AttentionOptions: `own` over y's tokens, `others` over the memory's. The future is hidden
  /// besides, as long as attention.options.causal says so.
  Variable<T> operator()(const Variable<T>& y, const Variable<T>& memory, const Mask& own = no_mask(),
                         const Mask& others = no_mask());
  using Module<T>::operator();
  /// x is its own memory.
  Variable<T> forward(const Variable<T>& x) override { return run(x, x, no_mask(), no_mask()); }
  std::vector<Part<T>> parts() override;
  std::string describe() const override { return "TransformerDecoderLayer(" + wiring_.describe() + ")"; }

  MultiHeadAttention<T> attention, cross_attention;
  FeedForward<T> feed_forward;
  LayerNorm<T> norm1, norm2, norm3;
  Dropout<T> dropout;

 private:
  Variable<T> run(const Variable<T>& y, const Variable<T>& memory, const Mask& own, const Mask& others);
  Wiring wiring_;
};

/// PE[p, 2i] = sin(p/10000^(2i/d)), PE[p, 2i+1] = cos(p/10000^(2i/d)): (positions, d), d even or odd.
template <class T>
Array<T> sinusoidal_encoding(std::size_t positions, std::size_t d);

/// x + PE for x (…, T, d): sinusoidal positions.
template <class T>
class PositionalEncoding : public Module<T> {
 public:
  explicit PositionalEncoding(std::size_t d) : d_(d) {}
  Variable<T> forward(const Variable<T>& x) override;
  std::string describe() const override;

 private:
  std::size_t d_;
};

/// x + P[0…T-1] for x (…, T, d): positions as a learned table (longest, d), N(0, deviation²). Throws Error
/// when T is more than `longest`.
template <class T>
class LearnedPositions : public Module<T> {
 public:
  LearnedPositions(std::size_t longest, std::size_t d, Rng& rng, double deviation = .02);
  Variable<T> forward(const Variable<T>& x) override;
  std::vector<Part<T>> parts() override { return {{"weight", weight}}; }
  std::string describe() const override;

  Variable<T> weight;
};

}  // namespace xgrad
