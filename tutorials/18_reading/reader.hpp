#pragma once
// What the three tasks share: the encoder, the mean over a sentence, and the training.

#include <algorithm>
#include <map>
#include <numeric>

#include "quick.hpp"
#include "show.hpp"
#include "systems.hpp"

using namespace xgrad;
using V = Variable<float>;

// [encoder]
/// Tokens (n, T) to vectors (n, T, d). Padding is hidden from every query.
class Encoder : public Module<float> {
 public:
  Encoder(std::size_t vocabulary, std::size_t d, std::size_t depth, Rng& rng)
      : embedding({vocabulary, d}, rng), norm(d) {
    for (std::size_t i = 0; i < depth; ++i)
      layers.emplace_back(d, 4, 4 * d, NormPlacement::pre, Init::xavier_uniform(), rng);
  }
  V operator()(const Indices& tokens) {
    V x = embedding(tokens);
    for (auto& layer : layers) x = layer(x, padding_mask(tokens));
    return norm(x);
  }
  V forward(const V& x) override { return (*this)(whole_numbers(x.value())); }
  std::vector<Part<float>> parts() override {
    std::vector<Part<float>> all{{"embedding", embedding}};
    for (std::size_t i = 0; i < layers.size(); ++i)
      all.emplace_back("layers." + std::to_string(i), layers[i]);
    all.emplace_back("norm", norm);
    return all;
  }
  std::string describe() const override { return "Encoder"; }
  using Module<float>::operator();

  TokenEmbedding<float> embedding;
  std::vector<TransformerEncoderLayer<float>> layers;
  LayerNorm<float> norm;
};
// [/encoder]

/// An encoder with a linear layer on top of it.
class Reader : public Module<float> {
 public:
  Reader(std::size_t vocabulary, std::size_t answers, std::size_t d, std::size_t depth, Rng& rng)
      : encoder(vocabulary, d, depth, rng), head(d, answers, Init::xavier_uniform(), rng) {}
  V forward(const V& x) override { return head(encoder(x)); }
  std::vector<Part<float>> parts() override { return {{"encoder", encoder}, {"head", head}}; }
  std::string describe() const override { return "Reader"; }
  Encoder encoder;
  Linear<float> head;
};

// [pooling]
/// The mean of the vectors of each sentence, padding left out: (n, T, d) to (n, d).
inline V mean_of_words(const V& x, const Indices& tokens) {
  auto share = zeros<float>({tokens.shape(0), tokens.shape(1), 1});
  for (std::size_t i = 0; i < tokens.shape(0); ++i) {
    const Ids words = row(tokens, i);
    const auto length = words.size() - std::size_t(std::count(words.begin(), words.end(), Vocabulary::pad));
    for (std::size_t t = 0; t < length; ++t) share(i, t, 0) = 1 / float(length);
  }
  return sum(x * V(share), {1});
}
// [/pooling]

inline Indices pick(const std::vector<Ids>& sentences, const Batch& batch) {
  std::vector<Ids> some;
  for (std::size_t i : batch) some.push_back(sentences[i]);
  return padded(some);
}

inline Indices pick(const Ids& labels, const Batch& batch) {
  Indices some = empty<std::int64_t>({batch.size()});
  for (std::size_t i = 0; i < batch.size(); ++i) some(i) = labels[batch[i]];
  return some;
}

inline Batch range(std::size_t begin, std::size_t end) {
  Batch all(end - begin);
  std::iota(all.begin(), all.end(), begin);
  return all;
}

inline double share_right(const Indices& answers, const Indices& labels) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) right += answers.data()[i] == labels.data()[i];
  return double(right) / double(labels.size());
}

inline void train(Module<float>& model, std::size_t n, std::size_t epochs, double rate, std::uint64_t seed,
                  const Trainer<float>::Loss& loss) {
  Adam<float> adam(model.parameters(), rate);
  TrainerOptions options{show::quick ? 1 : epochs, 32};
  options.seed = seed;
  options.schedule = schedule::cosine(rate, options.epochs * ((n + 31) / 32));
  Trainer<float>(model, adam, options).fit(n, loss);
}

inline std::int64_t most_frequent(const Ids& labels) {
  std::map<std::int64_t, int> times;
  for (auto label : labels) ++times[label];
  return std::max_element(times.begin(), times.end(), [](auto& a, auto& b) { return a.second < b.second; })
      ->first;
}

void sentiment();  // sentiment.cpp
void tagging();    // tagging.cpp
void answering();  // answering.cpp
