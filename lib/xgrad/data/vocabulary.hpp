#pragma once
// Text as numbers: tokens (words or characters), the vocabulary that numbers them, and batches of numbers.

#include <map>
#include <string>
#include <vector>

#include "xgrad/core/array.hpp"

namespace xgrad {

using Tokens = std::vector<std::string>;
using Ids = std::vector<std::int64_t>;  ///< the numbers of tokens in a vocabulary

/// A whole file as it is. Throws Error when it cannot be read or is empty.
std::string read_text(const std::string& path);

/// The words of a text in lower case (ASCII letters and À…Þ). An apostrophe ends its word, as French elision
/// does, and a mark of punctuation is a word of its own: "Je t'aime." gives je, t', aime, and the full stop.
/// The typographic apostrophe ’ is read as '. Throws Error on text that is not UTF-8.
Tokens split_words(const std::string& text);

/// The inverse, up to the spaces: no space after an apostrophe, none before , . ; : ! ? and none inside a
/// word.
std::string join_words(const Tokens& words);

/// The characters (Unicode code points) of a UTF-8 text, each as a string: "爱a" gives 爱 and a. Throws Error
/// with the byte's offset on anything that is not UTF-8 (RFC 3629), such as a text in Latin-1 or GBK.
Tokens split_characters(const std::string& text);

/// The tokens one after the other: the inverse of split_characters.
std::string join_characters(const Tokens& characters);

/// Numbers for tokens, and back. The tokens are numbered in the order of their bytes, behind the special
/// ones.
class Vocabulary {
 public:
  static constexpr std::int64_t pad = 0;  ///< fills short sequences up
  static constexpr std::int64_t bos = 1;  ///< the beginning of a sequence
  static constexpr std::int64_t eos = 2;  ///< its end
  static constexpr std::int64_t unk = 3;  ///< any token that the vocabulary does not have, if it has this one

  enum class Specials {
    none,         ///< for text without beginning and end, such as a book in characters
    sequence,     ///< pad, bos, eos; an unknown token is an error
    with_unknown  ///< pad, bos, eos, unk
  };

  /// Of all tokens in `tokens`, repeated or not.
  explicit Vocabulary(const Tokens& tokens, Specials specials = Specials::sequence);

  std::size_t size() const { return tokens_.size(); }
  std::size_t specials() const;
  bool has(const std::string& token) const { return ids_.count(token) > 0; }
  /// Throws Error on a token that is not there, unless the vocabulary has unk.
  std::int64_t id(const std::string& token) const;
  /// Special tokens read "<pad>", "<bos>", "<eos>", "<unk>". Throws Error unless 0 ≤ id < size().
  const std::string& token(std::int64_t id) const;

  Ids encode(const Tokens& tokens) const;
  /// Up to the first eos, without pad and bos; unk reads "<unk>".
  Tokens decode(const Ids& ids) const;

 private:
  Specials specials_;
  Tokens tokens_;
  std::map<std::string, std::int64_t> ids_;
};

/// All sequences as rows (n, length of the longest), filled up with `pad` at the end. Throws Error when there
/// is none, or one is empty.
Indices padded(const std::vector<Ids>& sequences, std::int64_t pad = Vocabulary::pad);

/// Row i of ids (n, T), to decode.
Ids row(const Indices& ids, std::size_t i);

/// Where ids (n, T) are `pad`: (n, 1, 1, T), which as AttentionOptions::mask hides those keys from every
/// query of every head (for a single head, whose weights have no axis of heads: reshaped to (n, 1, T)).
Mask padding_mask(const Indices& ids, std::int64_t pad = Vocabulary::pad);

}  // namespace xgrad
