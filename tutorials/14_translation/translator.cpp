#include "translator.hpp"

#include <future>

// [model]
TransformerOptions model_options(const ParallelCorpus& corpus, std::size_t layers, const Wiring& wiring) {
  TransformerOptions options;
  options.source_vocabulary = corpus.source.size();
  options.target_vocabulary = corpus.target.size();
  options.d = 32;
  options.heads = 4;
  options.encoder_layers = options.decoder_layers = layers;
  options.wiring = wiring;
  options.padding = Vocabulary::pad;
  options.scale_embeddings = false;       // N(0, 1), as PyTorch's Embedding starts,
  options.init = Init::uniform_fan_in();  // and as its Linear does
  return options;
}
// [/model]

// [train]
// Teacher forcing: the decoder reads the true sentence behind <bos> and is asked, at each place, for the next
// word; the causal mask hides that word. Returns the last loss.
float train(Transformer<float>& model, const ParallelCorpus& corpus, std::size_t steps, Rng& rng) {
  Adam<float> adam(model.parameters(), 3e-3);
  CrossEntropyOptions not_padding;
  not_padding.ignore_index = Vocabulary::pad;
  float last = 0;
  for (std::size_t step = 0; step < steps; ++step) {
    std::vector<SentencePair> pairs;
    const auto order = rng.permutation(corpus.train.size());
    for (std::size_t i = 0; i < 64; ++i) pairs.push_back(corpus.train[order[i]]);
    const auto batch = encode(pairs, corpus.source, corpus.target);
    Tape<float> tape;
    const V loss = cross_entropy(model(batch.source, batch.target), batch.expected, not_padding);
    last = loss.item();
    loss.backward();
    adam.step();
    adam.zero_grad();
  }
  return last;
}
// [/train]

std::vector<Tokens> translations(Transformer<float>& model, const ParallelCorpus& corpus,
                                 const std::vector<SentencePair>& pairs) {
  const auto batch = encode(pairs, corpus.source, corpus.target);
  std::vector<Tokens> result;
  for (const Ids& ids : model.translate(batch.source, Vocabulary::bos, Vocabulary::eos, 8))
    result.push_back(corpus.target.decode(ids));
  return result;
}

// [exact]
// The share of sentences whose greedy translation is right to the last word.
double exact_match(Transformer<float>& model, const ParallelCorpus& corpus,
                   const std::vector<SentencePair>& pairs) {
  const auto found = translations(model, corpus, pairs);
  std::size_t right = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) right += found[i] == pairs[i].target;
  return double(right) / double(pairs.size());
}
// [/exact]

std::string say(Transformer<float>& model, const ParallelCorpus& corpus, const std::string& sentence) {
  return join_words(translations(model, corpus, {{split_words(sentence), {"je"}}})[0]);
}

namespace {

Runs run(std::size_t layers, const Wiring& wiring, std::size_t heads, std::uint64_t seed) {
  const auto corpus = english_french(Grammar::pronouns, 30, seed);
  auto options = model_options(corpus, layers, wiring);
  options.heads = heads;
  Rng rng(seed);
  Transformer<float> model(options, rng);
  const double loss = train(model, corpus, 200, rng);
  return {model.parameter_count(),
          {loss},
          {exact_match(model, corpus, corpus.train)},
          {exact_match(model, corpus, corpus.held_out)}};
}

}  // namespace

// Each seed on a thread of its own: they have nothing in common, so the numbers are those of one after the
// other.
Runs runs(std::size_t layers, const Wiring& wiring, std::size_t heads) {
  set_threads(1);
  std::vector<std::future<Runs>> running;
  for (std::uint64_t seed = 1; seed <= (show::quick ? 1 : 3); ++seed)
    running.push_back(std::async(std::launch::async, run, layers, wiring, heads, seed));
  Runs all;
  for (auto& future : running) {
    const Runs one = future.get();
    all.parameters = one.parameters;
    all.loss.push_back(one.loss[0]);
    all.learned.push_back(one.learned[0]);
    all.unseen.push_back(one.unseen[0]);
  }
  return all;
}
