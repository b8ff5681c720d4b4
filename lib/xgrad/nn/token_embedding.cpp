#include "xgrad/nn/token_embedding.hpp"

#include <cmath>

#include "xgrad/core/scalars.hpp"

namespace xgrad {

namespace {

template <class T>
std::unique_ptr<Module<T>> make_positions(const TokenEmbeddingOptions& options, Rng& rng) {
  switch (options.positions) {
    case Positions::sinusoidal:
      return std::make_unique<PositionalEncoding<T>>(options.d);
    case Positions::learned:
      return std::make_unique<LearnedPositions<T>>(options.longest, options.d, rng, options.deviation);
    case Positions::none:
      break;
  }
  return nullptr;
}

}  // namespace

template <class T>
TokenEmbedding<T>::TokenEmbedding(const TokenEmbeddingOptions& options, Rng& rng)
    : tokens(options.vocabulary, options.d, rng, options.deviation),
      positions_(make_positions<T>(options, rng)),
      dropout_(options.dropout, rng),
      factor_(T(options.scale ? std::sqrt(double(options.d)) : 1)) {
  if (options.vocabulary == 0 || options.d == 0)
    fail("token_embedding", "the vocabulary is ", options.vocabulary, ", the width ", options.d,
         ": both must be at least 1");
}

template <class T>
Variable<T> TokenEmbedding<T>::run(const Indices& indices) {
  if (indices.dimension() == 0) fail("token_embedding", "the tokens are (): they must be (…, T)");
  auto y = tokens(indices);
  if (factor_ != T(1)) y = Variable<T>(factor_) * y;
  return dropout_(positions_ ? (*positions_)(y) : y);
}

template <class T>
std::vector<Part<T>> TokenEmbedding<T>::parts() {
  std::vector<Part<T>> result{{"tokens", tokens}};
  if (positions_) result.emplace_back("positions", *positions_);
  result.emplace_back("dropout", dropout_);
  return result;
}

template <class T>
std::string TokenEmbedding<T>::describe() const {
  return factor_ == T(1) ? "TokenEmbedding" : "TokenEmbedding(times √d)";
}

#define XGRAD_INSTANTIATE(T) template class TokenEmbedding<T>;
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
