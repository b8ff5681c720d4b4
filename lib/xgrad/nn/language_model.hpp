#pragma once
// The decoder-only Transformer: a model of the next token (Radford et al., 2018 and 2019: GPT, GPT-2).

#include "xgrad/nn/token_embedding.hpp"

namespace xgrad {

struct LanguageModelOptions {
  std::size_t vocabulary = 0;
  std::size_t d = 128, heads = 4, layers = 4;
  std::size_t hidden = 0;    ///< width inside the feed-forward layers; 0 means 4d
  std::size_t context = 64;  ///< most tokens read at once
  Wiring wiring = NormPlacement::pre;
  bool final_norm = false;  ///< LN before the head; Pre-LN always has it
  Positions positions = Positions::sinusoidal;
  bool tied =
      false;  ///< the head uses the table of the tokens (Press & Wolf, arXiv:1608.05859), without bias
  double dropout = 0;
  std::string activation = "relu";
  double eps = 1e-5;
  Init init = Init::xavier_uniform();
  double embedding_deviation = 1;  ///< the tables start as N(0, deviation²)
  double output_gain = 1;          ///< factor on the first weights that write into the residual stream

  /// GPT-2's: Pre-LN, GELU, learned positions, tied head; weights and tables N(0, 0.02²), those that write
  /// into the residual stream divided by √(2 layers).
  static LanguageModelOptions gpt2(std::size_t vocabulary, std::size_t d, std::size_t heads,
                                   std::size_t layers, std::size_t context);
};

/// How a token is drawn from softmax(logits / temperature).
struct Sampling {
  double temperature = 1;  ///< 0: always the likeliest, the first of equals
  std::size_t top_k = 0;   ///< only the k likeliest; 0: all
};

/// One draw from a row of logits. Throws Error when there is none, one is NaN, or the temperature is
/// negative.
template <class T>
std::int64_t sample(const T* logits, std::size_t n, const Sampling& sampling, Rng& rng);

/// Logits of the next token at each place: tokens (…, T) give (…, T, vocabulary), and place t depends on
/// tokens 0…t only.
template <class T>
class LanguageModel : public Module<T> {
 public:
  /// Throws Error when there is no vocabulary, no context, or the heads do not divide d.
  LanguageModel(const LanguageModelOptions& options, Rng& rng);

  Variable<T> operator()(const Indices& tokens);
  using Module<T>::operator();
  /// x holds token numbers.
  Variable<T> forward(const Variable<T>& x) override { return (*this)(whole_numbers(x.value())); }
  std::vector<Part<T>> parts() override;
  std::string describe() const override;

  /// The tokens that follow the prompt, one drawn after the other, in evaluation mode. The model sees the
  /// last `context` tokens. Throws Error on an empty prompt.
  std::vector<std::int64_t> generate(const std::vector<std::int64_t>& prompt, std::size_t length,
                                     const Sampling& sampling, Rng& rng);
  /// The same, always the likeliest.
  std::vector<std::int64_t> generate(const std::vector<std::int64_t>& prompt, std::size_t length);

  const LanguageModelOptions& options() const { return options_; }

  TokenEmbedding<T> embedding;
  std::vector<TransformerEncoderLayer<T>> layers;  ///< with causal attention
  LayerNorm<T> norm;
  Linear<T> head;

 private:
  LanguageModelOptions options_;
};

}  // namespace xgrad
