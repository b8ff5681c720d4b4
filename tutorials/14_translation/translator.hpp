#pragma once
// What the files of this chapter share: the translator, its training, and the runs over several seeds.

#include "show.hpp"
#include "systems.hpp"

using namespace xgrad;
using V = Variable<float>;

TransformerOptions model_options(const ParallelCorpus& corpus, std::size_t layers, const Wiring& wiring);

float train(Transformer<float>& model, const ParallelCorpus& corpus, std::size_t steps, Rng& rng);

std::vector<Tokens> translations(Transformer<float>& model, const ParallelCorpus& corpus,
                                 const std::vector<SentencePair>& pairs);
double exact_match(Transformer<float>& model, const ParallelCorpus& corpus,
                   const std::vector<SentencePair>& pairs);
std::string say(Transformer<float>& model, const ParallelCorpus& corpus, const std::string& sentence);

/// A model for each of the seeds 1, 2, 3 (in a quick run 1 alone), trained for 200 steps.
struct Runs {
  std::size_t parameters = 0;
  std::vector<double> loss, learned, unseen;  // last loss; exact match on train, on held-out
};
Runs runs(std::size_t layers, const Wiring& wiring, std::size_t heads = 4);

void number_of_heads();        // heads.cpp
void order_needs_positions();  // order.cpp
