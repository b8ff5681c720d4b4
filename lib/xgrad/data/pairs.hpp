#pragma once
// Sentence pairs of the user's: a text file with a sentence, a tab, and its translation in each line.

#include "xgrad/data/translation.hpp"

namespace xgrad {

/// The pairs of a UTF-8 file, as words (split_words); empty lines are passed over, as is what follows a
/// second tab, where the Tatoeba project's files name their authors. Throws Error, naming file and line, on a
/// line without a tab, an empty sentence, text that is not UTF-8, and when there is no pair.
std::vector<SentencePair> read_sentence_pairs(const std::string& path);

}  // namespace xgrad
