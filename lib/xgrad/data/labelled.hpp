#pragma once
// Samples with class labels: what every data source of the library returns and what Batches deals out.

#include "xgrad/core/array.hpp"

namespace xgrad {

/// x (n, …) and one label per sample, (n,).
template <class T>
struct Labelled {
  Array<T> x;
  Indices labels;
  std::size_t size() const { return labels.size(); }
};

/// One part to learn from and one to judge by.
template <class T>
struct TrainTest {
  Labelled<T> train, test;
};

/// Samples begin … end-1, copied. Throws Error unless begin ≤ end ≤ size and
/// x has one row for each label.
template <class T>
Labelled<T> samples(const Labelled<T>& data, std::size_t begin, std::size_t end);

/// How many rows of `scores` (n, classes) are largest at their label; the first of equal scores counts, and a
/// row with a NaN is never right.
template <class T>
std::size_t count_correct(const Array<T>& scores, const Indices& labels);

}  // namespace xgrad
