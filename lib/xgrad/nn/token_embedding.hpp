#pragma once
// What a Transformer reads: token vectors plus positions.

#include "xgrad/nn/transformer.hpp"

namespace xgrad {

enum class Positions { sinusoidal, learned, none };

struct TokenEmbeddingOptions {
  std::size_t vocabulary = 0, d = 0;
  Positions positions = Positions::sinusoidal;
  std::size_t longest = 512;  ///< rows of the table of learned positions
  bool scale = false;    ///< multiply the vectors, not the positions, by √d (Vaswani et al., section 3.4)
  double deviation = 1;  ///< of the table, N(0, deviation²), and of learned positions
  double dropout = 0;
};

/// y = dropout(E[token] + position), with √d E[token] when `scale` is set: tokens (…, T) give (…, T, d).
template <class T>
class TokenEmbedding : public Module<T> {
 public:
  TokenEmbedding(const TokenEmbeddingOptions& options, Rng& rng);
  Variable<T> operator()(const Indices& tokens) { return this->observed({}, run(tokens)); }
  using Module<T>::operator();
  /// x holds token numbers.
  Variable<T> forward(const Variable<T>& x) override { return run(whole_numbers(x.value())); }
  std::vector<Part<T>> parts() override;
  std::string describe() const override;

  Embedding<T> tokens;

 private:
  Variable<T> run(const Indices& tokens);
  std::unique_ptr<Module<T>> positions_;  // null: none
  Dropout<T> dropout_;
  T factor_;
};

}  // namespace xgrad
