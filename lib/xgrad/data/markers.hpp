#pragma once
// Two tasks about where a token stands in a row: which of two comes first, and which was the first of all.

#include <cstdint>

#include "xgrad/core/array.hpp"

namespace xgrad {

/// Rows of tokens x (n, T) with one label each, (n,).
struct LabelledTokens {
  Indices x, labels;
  std::size_t size() const { return labels.size(); }
};

/// Rows of `length` fillers (tokens 2 to 5), with one token 0 and one token 1 at two different places,
/// equally likely. The label is the marker that comes first. Without positions nothing can tell: every row
/// has the same two markers. Throws Error unless length ≥ 2.
LabelledTokens which_comes_first(std::size_t n, std::size_t length, std::uint64_t seed);

/// Rows of 1 + steps tokens: first one of 0 to 3, which is the label, then fillers (tokens 4 to 7). A model
/// that reads from left to right has to keep the first token for `steps` steps; guessing is right once in
/// four.
LabelledTokens recall_first(std::size_t n, std::size_t steps, std::uint64_t seed);

}  // namespace xgrad
