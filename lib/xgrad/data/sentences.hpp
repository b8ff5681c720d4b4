#pragma once
// Sentences from small grammars, with what there is to learn about them: a verdict, the names in them, the
// answer to a question. Each list has different sentences only and depends on the seed alone.
//
// What they can show: that a network and its training work, and what it needs for the task (order, context,
// attention), since each grammar is made so that counting words is not enough. What they cannot: how well it
// would read what people write; there are few words, no spelling mistakes, and no doubt.

#include <cstdint>

#include "xgrad/data/vocabulary.hpp"

namespace xgrad {

/// A sentence and its class.
struct Review {
  Tokens words;
  std::int64_t positive;  ///< 1 or 0
};

/// n verdicts such as "the film was not dull ." (positive). Half of them have a second clause (more than half
/// of a long list: there are 1,024 single clauses), and then the last one decides: "the music was fine , but
/// the film was not good ." Each adjective comes with and without "not", so that no word decides alone; both
/// classes are equally likely. Throws Error when n > 100,000.
std::vector<Review> reviews(std::size_t n, std::uint64_t seed);

/// A sentence and one tag for each of its words: "O", or "B-" and "I-" (first and further words of a name)
/// with PER, LOC or ORG.
struct TaggedSentence {
  Tokens words, tags;
};

/// n sentences such as "victoria stone works for oslo bank in victoria .", B-PER I-PER O O B-ORG I-ORG O
/// B-LOC O. Many names are of two kinds, and the words around them tell which. Throws Error when n > 10,000.
std::vector<TaggedSentence> tagged_sentences(std::size_t n, std::uint64_t seed);

/// Facts followed by a question about one of them, in one row of words, and the answer, one word.
struct Question {
  Tokens words;
  std::string answer;
};

/// n questions such as "anna has the key . ben has the lamp . who has the lamp ?": ben; or "… what has anna
/// ?": key. Persons and things of a row are all different and come together at random, so nothing can be
/// learned about who has what: the answer is in the row or nowhere. Throws Error unless 1 ≤ facts ≤ 8 and n ≤
/// 100,000 (with one fact: n ≤ 64, as there are no more).
std::vector<Question> questions(std::size_t n, std::size_t facts, std::uint64_t seed);

}  // namespace xgrad
