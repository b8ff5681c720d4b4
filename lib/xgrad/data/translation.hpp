#pragma once
// Generated sentence pairs, English to French: data for a first translator.

#include <cstdint>

#include "xgrad/data/vocabulary.hpp"

namespace xgrad {

struct SentencePair {
  Tokens source, target;
};

struct ParallelCorpus {
  std::vector<SentencePair> train, held_out;  ///< no sentence is in both
  Vocabulary source, target;
};

enum class Grammar {
  /// Subject, verb, pronoun: "i love you", "je t' aime". 6 subjects × 7 regular verbs in -er × 6 objects
  /// without the five in which subject and object are the same person (i me, i us, we me, we us, you you):
  /// 217
  /// pairs, all of one length, English and French vocabularies of 28 and 45 with three special tokens. Each
  /// English word has one counterpart, so "listen" stands without its "to".
  pronouns,
  /// The same with 16 verbs, with nouns beside the pronouns, and negated: "he does not watch the moon .", "il
  /// ne regarde pas la lune .". French puts a pronoun before its verb and a noun behind it, elides je, ne, le
  /// and la before a vowel, and gives each noun its gender: 2,912 pairs of different lengths.
  sentences
};

/// All sentence pairs of a grammar, in the order of subjects, verbs, objects.
std::vector<SentencePair> english_french(Grammar grammar);

/// The pairs in an order that depends on the seed; `held_out` of them are kept from training to judge by,
/// never "i love you", and none whose words training would then lack. Throws Error when fewer pairs can be
/// held out.
///
/// What this can show: that a network translates sentences it has never seen, built from words it has. What
/// it cannot: how well it would do on text that people wrote; a grammar has no ambiguity, no idiom, no
/// surprise.
ParallelCorpus english_french(Grammar grammar, std::size_t held_out, std::uint64_t seed);

/// Sentences as numbers for an encoder and a decoder, filled up to one length.
struct TranslationBatch {
  Indices source;    ///< (n, Ts): sentence, eos, pad …
  Indices target;    ///< (n, Tt): bos, sentence, pad …: what the decoder reads
  Indices expected;  ///< (n, Tt): sentence, eos, pad …: what it should answer, one place ahead
};

/// Throws Error when there is no pair, or a vocabulary lacks a word.
TranslationBatch encode(const std::vector<SentencePair>& pairs, const Vocabulary& source,
                        const Vocabulary& target);

}  // namespace xgrad
