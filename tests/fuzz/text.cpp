// Text that is accepted comes back from its characters to the byte; words never hold spaces; a vocabulary
// gives back what it was given. And sentence pairs, separated by tabs.
#include "fuzz.hpp"
#include "xgrad/data/pairs.hpp"
#include "xgrad/data/vocabulary.hpp"

using namespace xgrad;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  fuzz::accept_or_refuse([&] {
    const Tokens characters = split_characters(text);
    fuzz::expect(join_characters(characters) == text, "the characters make up the text");
    if (characters.empty()) return;
    const Vocabulary vocabulary(characters, Vocabulary::Specials::none);
    fuzz::expect(vocabulary.decode(vocabulary.encode(characters)) == characters,
                 "numbers stand for characters");
  });
  fuzz::accept_or_refuse([&] {
    const Tokens words = split_words(text);
    for (const std::string& word : words)
      fuzz::expect(!word.empty() && word.find_first_of(" \t\n") == std::string::npos, "words hold no spaces");
    fuzz::expect(split_words(join_words(words)) == words, "joined words are split into the same");
  });
  const fuzz::File file(data, size);
  fuzz::accept_or_refuse([&] {
    for (const SentencePair& pair : read_sentence_pairs(file.path()))
      fuzz::expect(!pair.source.empty() && !pair.target.empty(), "no sentence is empty");
  });
  return 0;
}
