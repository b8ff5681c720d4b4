#pragma once
// The Transformer as published: encoder, decoder, and a head over the target vocabulary (Vaswani et al.,
// arXiv:1706.03762).

#include "xgrad/nn/token_embedding.hpp"

namespace xgrad {

struct TransformerOptions {
  std::size_t source_vocabulary = 0, target_vocabulary = 0;
  std::size_t d = 512, heads = 8, encoder_layers = 6, decoder_layers = 6;
  std::size_t hidden = 0;  ///< width inside the feed-forward layers; 0 means 4d
  Wiring wiring = NormPlacement::post;
  bool final_norm = false;  ///< LN after each stack; Pre-LN always has it
  Positions positions = Positions::sinusoidal;
  std::size_t longest = 512;      ///< rows of the tables of learned positions
  bool scale_embeddings = true;   ///< token vectors times √d, tables N(0, 1/d); else as they are, N(0, 1)
  bool shared_embedding = false;  ///< one table for both languages, which must have equal vocabularies
  std::int64_t padding = -1;      ///< this token is hidden from attention; -1: there is none
  double dropout = 0;
  std::string activation = "relu";
  double eps = 1e-5;
  Init init = Init::xavier_uniform();
};

/// Logits of the next target token: source (batch, S) and target (batch, T) give (batch, T, target
/// vocabulary), and place t depends on the whole source and on target tokens 0…t. With N + M layers, hidden =
/// 4d and Post-LN N(12d² + 13d) + M(16d² + 19d) parameters besides embeddings and head.
template <class T>
class Transformer : public Module<T> {
 public:
  Transformer(const TransformerOptions& options, Rng& rng);

  Variable<T> operator()(const Indices& source, const Indices& target);
  using Module<T>::operator();
  /// x holds token numbers and is source and target at once: for summaries.
  Variable<T> forward(const Variable<T>& x) override;
  std::vector<Part<T>> parts() override;
  std::string describe() const override;

  /// The memory of a source: (batch, S, d).
  Variable<T> encode(const Indices& source);
  /// Logits for the target, given the source and its memory.
  Variable<T> decode(const Indices& target, const Variable<T>& memory, const Indices& source);
  /// Greedy decoding in evaluation mode: from `begin` on always the likeliest next token, until `end` or
  /// `limit` tokens. One sentence for each row of the source, without begin and end.
  std::vector<std::vector<std::int64_t>> translate(const Indices& source, std::int64_t begin,
                                                   std::int64_t end, std::size_t limit);

  const TransformerOptions& options() const { return options_; }

  TokenEmbedding<T> source_embedding, target_embedding;
  std::vector<TransformerEncoderLayer<T>> encoder;
  std::vector<TransformerDecoderLayer<T>> decoder;
  LayerNorm<T> encoder_norm, decoder_norm;
  Linear<T> head;

 private:
  Mask padding_of(const Indices& tokens) const;
  TransformerOptions options_;
};

}  // namespace xgrad
