#include "xgrad/data/vocabulary.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "xgrad/io/file.hpp"

namespace xgrad {

namespace {
const char* const special_names[] = {"<pad>", "<bos>", "<eos>", "<unk>"};

/// Length in bytes of the character at `at`, 0 when there is none (RFC 3629, section 4): the first byte gives
/// the length, and the bounds on the second exclude overlong forms, surrogates and what lies above U+10FFFF.
std::size_t character_length(const std::string& text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const std::size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const unsigned low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
  return length;
}

/// Lower case for ASCII and for À…Þ without ×, the capitals of French: in UTF-8, the bytes c3 80 to c3 9e.
std::string lower(std::string character) {
  const auto last = static_cast<unsigned char>(character.back());
  const bool ascii = last >= 'A' && last <= 'Z';
  const bool accented = character.size() == 2 && character[0] == '\xc3' && last <= 0x9e && last != 0x97;
  if (ascii || accented) character.back() = static_cast<char>(last + 0x20);
  return character;
}

bool one_of(std::string_view set, const std::string& c) { return c.size() == 1 && set.find(c) != set.npos; }
const std::string_view spaces = " \t\r\n\v\f", punctuation = ".,;:!?\"()", no_space_before = ".,;:!?)";
}  // namespace

std::string read_text(const std::string& path) {
  std::string text = read_file("text", path);
  if (text.empty()) fail("text", path, " is empty (0 bytes)");
  return text;
}

Tokens split_characters(const std::string& text) {
  Tokens characters;
  for (std::size_t at = 0, length = 0; at < text.size(); at += length) {
    length = character_length(text, at);
    if (length == 0)
      fail("text", "byte ", at, " of ", text.size(), " begins no character: the text must be UTF-8");
    characters.push_back(text.substr(at, length));
  }
  return characters;
}

std::string join_characters(const Tokens& characters) {
  std::string text;
  for (const auto& character : characters) text += character;
  return text;
}

Tokens split_words(const std::string& text) {
  Tokens words;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) words.push_back(std::exchange(word, {}));
  };
  for (std::string character : split_characters(text)) {
    if (character == "’") character = "'";
    if (one_of(spaces, character)) {
      end_word();
    } else if (one_of(punctuation, character)) {
      end_word();
      words.push_back(character);
    } else {
      word += lower(character);
      if (character == "'") end_word();
    }
  }
  end_word();
  return words;
}

std::string join_words(const Tokens& words) {
  std::string text;
  for (const auto& word : words) {
    if (!text.empty() && text.back() != '\'' && !one_of(no_space_before, word)) text += ' ';
    text += word;
  }
  return text;
}

Vocabulary::Vocabulary(const Tokens& tokens, Specials specials) : specials_(specials) {
  tokens_.assign(special_names, special_names + this->specials());
  for (const auto& token : std::set<std::string>(tokens.begin(), tokens.end())) {
    if (token.empty()) fail("vocabulary", "a token is empty: each needs at least one character");
    if (std::count(tokens_.begin(), tokens_.begin() + static_cast<std::ptrdiff_t>(this->specials()), token))
      fail("vocabulary", token, " is a special token: the text cannot have it too");
    ids_[token] = static_cast<std::int64_t>(tokens_.size());
    tokens_.push_back(token);
  }
}

std::size_t Vocabulary::specials() const {
  return specials_ == Specials::none ? 0 : specials_ == Specials::sequence ? 3 : 4;
}

std::int64_t Vocabulary::id(const std::string& token) const {
  const auto found = ids_.find(token);
  if (found != ids_.end()) return found->second;
  if (specials_ == Specials::with_unknown) return unk;
  fail("vocabulary", "\"", token, "\" is not among the ", ids_.size(), " tokens of this vocabulary");
}

const std::string& Vocabulary::token(std::int64_t id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= size())
    fail("vocabulary", "there is no token ", id, ": they are numbered 0 to ", size() - 1);
  return tokens_[static_cast<std::size_t>(id)];
}

Ids Vocabulary::encode(const Tokens& tokens) const {
  Ids ids;
  for (const auto& token : tokens) ids.push_back(id(token));
  return ids;
}

Tokens Vocabulary::decode(const Ids& ids) const {
  Tokens tokens;
  for (const auto id : ids) {
    if (specials_ != Specials::none && id == eos) break;
    if (specials_ != Specials::none && (id == pad || id == bos)) continue;
    tokens.push_back(token(id));
  }
  return tokens;
}

Indices padded(const std::vector<Ids>& sequences, std::int64_t pad) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    if (sequences[i].empty()) fail("padded", "sequence ", i, " is empty: each must have at least one token");
    length = std::max(length, sequences[i].size());
  }
  if (sequences.empty()) fail("padded", "there are no sequences: a batch needs at least one");
  auto batch = full<std::int64_t>({sequences.size(), length}, pad);
  for (std::size_t i = 0; i < sequences.size(); ++i)
    std::copy(sequences[i].begin(), sequences[i].end(), batch.data() + i * length);
  return batch;
}

Ids row(const Indices& ids, std::size_t i) {
  if (ids.dimension() != 2 || i >= ids.shape(0))
    fail("row", "there is no row ", i, " in ", to_string(shape_of(ids)),
         ": the ids must be (n, T), and i < n");
  const auto* begin = ids.data() + i * ids.shape(1);
  return Ids(begin, begin + ids.shape(1));
}

Mask padding_mask(const Indices& ids, std::int64_t pad) {
  if (ids.dimension() != 2)
    fail("padding_mask", "ids are ", to_string(shape_of(ids)), ": they must be (n, T)");
  Mask mask = empty<bool>({ids.shape(0), 1, 1, ids.shape(1)});
  std::transform(ids.data(), ids.data() + ids.size(), mask.data(),
                 [=](std::int64_t id) { return id == pad; });
  return mask;
}

}  // namespace xgrad
