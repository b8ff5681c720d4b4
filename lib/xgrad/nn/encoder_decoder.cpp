#include "xgrad/nn/encoder_decoder.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/core/scalars.hpp"
#include "xgrad/data/vocabulary.hpp"

namespace xgrad {

namespace {

TokenEmbeddingOptions embedding_options(const TransformerOptions& o, std::size_t vocabulary) {
  return {vocabulary,         o.d,
          o.positions,        o.longest,
          o.scale_embeddings, o.scale_embeddings ? 1 / std::sqrt(double(o.d)) : 1,
          o.dropout};
}

bool has_final_norm(const TransformerOptions& o) {
  return o.final_norm || o.wiring.placement == NormPlacement::pre;
}

}  // namespace

template <class T>
Transformer<T>::Transformer(const TransformerOptions& o, Rng& rng)
    : source_embedding(embedding_options(o, o.source_vocabulary), rng),
      target_embedding(embedding_options(o, o.target_vocabulary), rng),
      encoder_norm(o.d, o.eps, has_final_norm(o)),
      decoder_norm(o.d, o.eps, has_final_norm(o)),
      head(o.d, o.target_vocabulary, o.init, rng),
      options_(o) {
  if (o.shared_embedding && o.source_vocabulary != o.target_vocabulary)
    fail("transformer", "the vocabularies are ", o.source_vocabulary, " and ", o.target_vocabulary,
         ": a shared embedding needs equal ones");
  const std::size_t hidden = o.hidden ? o.hidden : 4 * o.d;
  for (std::size_t i = 0; i < o.encoder_layers; ++i)
    encoder.emplace_back(o.d, o.heads, hidden, o.wiring, o.init, rng, o.dropout, o.activation, o.eps);
  for (std::size_t i = 0; i < o.decoder_layers; ++i)
    decoder.emplace_back(o.d, o.heads, hidden, o.wiring, o.init, rng, o.dropout, o.activation, o.eps);
  if (o.shared_embedding) target_embedding.tokens.weight = source_embedding.tokens.weight;
}

template <class T>
Mask Transformer<T>::padding_of(const Indices& tokens) const {
  return options_.padding < 0 ? no_mask() : padding_mask(tokens, options_.padding);
}

template <class T>
Variable<T> Transformer<T>::encode(const Indices& source) {
  const Mask padding = padding_of(source);
  auto x = source_embedding(source);
  for (auto& layer : encoder) x = layer(x, padding);
  return encoder_norm.gamma ? encoder_norm(x) : x;
}

template <class T>
Variable<T> Transformer<T>::decode(const Indices& target, const Variable<T>& memory, const Indices& source) {
  const Mask own = padding_of(target), others = padding_of(source);
  auto y = target_embedding(target);
  for (auto& layer : decoder) y = layer(y, memory, own, others);
  return head(decoder_norm.gamma ? decoder_norm(y) : y);
}

template <class T>
Variable<T> Transformer<T>::operator()(const Indices& source, const Indices& target) {
  if (source.dimension() != 2 || target.dimension() != 2 || source.shape(0) != target.shape(0))
    fail("transformer", "the source is ", to_string(shape_of(source)), ", the target ",
         to_string(shape_of(target)), ": they must be (batch, S) and (batch, T)");
  return decode(target, encode(source), source);
}

template <class T>
Variable<T> Transformer<T>::forward(const Variable<T>& x) {
  const Indices tokens = whole_numbers(x.value());
  return (*this)(tokens, tokens);
}

template <class T>
std::vector<std::vector<std::int64_t>> Transformer<T>::translate(const Indices& source, std::int64_t begin,
                                                                 std::int64_t end, std::size_t limit) {
  const EvaluationMode<T> evaluation(*this);
  const NoGrad pause;
  const auto memory = encode(source);
  const std::size_t batch = source.shape(0), n = options_.target_vocabulary;
  std::vector<std::vector<std::int64_t>> sentences(batch);
  std::vector<bool> ended(batch, false);
  Indices target = full<std::int64_t>({batch, 1}, begin);
  for (std::size_t length = 1; length <= limit; ++length) {
    const Array<T> logits = decode(target, memory, source).value();
    Indices longer = empty<std::int64_t>({batch, length + 1});
    for (std::size_t r = 0; r < batch; ++r) {
      const T* last = logits.data() + (r * length + length - 1) * n;
      const std::int64_t next = std::max_element(last, last + n) - last;
      ended[r] = ended[r] || next == end;
      if (!ended[r]) sentences[r].push_back(next);
      std::copy_n(target.data() + r * length, length, longer.data() + r * (length + 1));
      longer.data()[r * (length + 1) + length] = next;
    }
    if (std::all_of(ended.begin(), ended.end(), [](bool e) { return e; })) break;
    target = std::move(longer);
  }
  return sentences;
}

template <class T>
std::vector<Part<T>> Transformer<T>::parts() {
  std::vector<Part<T>> result{{"source_embedding", source_embedding}};
  for (std::size_t i = 0; i < encoder.size(); ++i)
    result.emplace_back("encoder." + std::to_string(i), encoder[i]);
  if (encoder_norm.gamma) result.emplace_back("encoder_norm", encoder_norm);
  result.emplace_back("target_embedding", target_embedding);
  for (std::size_t i = 0; i < decoder.size(); ++i)
    result.emplace_back("decoder." + std::to_string(i), decoder[i]);
  if (decoder_norm.gamma) result.emplace_back("decoder_norm", decoder_norm);
  result.emplace_back("head", head);
  return result;
}

template <class T>
std::string Transformer<T>::describe() const {
  std::ostringstream text;
  text << "Transformer(" << encoder.size() << " + " << decoder.size() << " layers, "
       << options_.wiring.describe() << ")";
  return text.str();
}

#define XGRAD_INSTANTIATE(T) template class Transformer<T>;
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
