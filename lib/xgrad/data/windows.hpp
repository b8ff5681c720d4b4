#pragma once
// One long text in pieces, for language models: each piece with the token that follows each of its tokens.

#include "xgrad/core/random.hpp"
#include "xgrad/data/vocabulary.hpp"

namespace xgrad {

/// x (n, length), and next (n, length): next[i][t] is the token behind x[i][t] in the text.
struct Windows {
  Indices x, next;
  std::size_t size() const { return x.shape(0); }
};

/// The first part of a text to learn from, and the rest to judge by.
struct TextSplit {
  Ids train, validation;
};

/// The last `fraction` of the text, rounded, is for validation. Throws Error unless 0 < fraction < 1 and both
/// parts get at least two tokens.
TextSplit split_text(const Ids& text, double fraction = .1);

/// The windows that begin at these places. Throws Error unless the text goes on behind each of them.
Windows windows_at(const Ids& text, const std::vector<std::size_t>& places, std::size_t length);

/// n windows that begin at random places, equally likely; they may overlap. Throws Error unless the text has
/// more than `length` tokens, and n and length are positive.
Windows random_windows(const Ids& text, std::size_t n, std::size_t length, Rng& rng);

/// The text from its beginning in windows that follow one another, at most n in a batch: every token but the
/// first is predicted once, up to a remainder shorter than a window. For evaluation. Throws as
/// random_windows does.
std::vector<Windows> consecutive_windows(const Ids& text, std::size_t n, std::size_t length);

/// Entropy in nats of a token given the one before, H = -Σ p(a, b) ln p(b | a), counted in the text itself:
/// the least mean cross-entropy on this text of any model that sees only one token. Throws Error unless the
/// text has at least two tokens.
double bigram_entropy(const Ids& text);

}  // namespace xgrad
