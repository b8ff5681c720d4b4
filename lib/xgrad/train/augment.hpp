#pragma once
// Data augmentation: changes to a sample that leave its label as it is. Each call returns changed copies; the
// generator decides which.

#include <cstdint>

#include "xgrad/core/random.hpp"

namespace xgrad {

/// x plus normal noise of the given deviation on each entry. Nothing is clipped.
template <class T>
Array<T> with_noise(const Array<T>& x, double deviation, Rng& rng);

/// Images (…, rows, columns), each moved by up to `most` pixels down or up and right or left, each offset
/// equally likely; zeros come in at the edge. A leading axis counts images: channels of one image would move
/// apart. Throws Error for fewer than two axes.
template <class T>
Array<T> shifted(const Array<T>& images, std::size_t most, Rng& rng);

/// Each token is replaced with probability p by one of first…vocabulary-1, all equally likely; tokens below
/// `first` (padding, begin, end) stay. Throws Error unless 0 ≤ p ≤ 1 and first < vocabulary.
Indices with_random_tokens(const Indices& tokens, double p, std::int64_t vocabulary, Rng& rng,
                           std::int64_t first = 0);

/// Each token that stands in one of the groups is replaced with probability p by another of its group, all
/// equally likely. Throws Error unless 0 ≤ p ≤ 1, or when a token stands in two groups.
Indices with_synonyms(const Indices& tokens, double p, const std::vector<std::vector<std::int64_t>>& groups,
                      Rng& rng);

}  // namespace xgrad
