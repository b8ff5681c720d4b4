#pragma once
// What the files of this chapter share: the example with two heads, and the sections that have a file of
// their own.

#include <algorithm>

#include "show.hpp"

using namespace xgrad;
using A = Array<double>;
using V = Variable<double>;

inline double largest_difference(const A& a, const A& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a.data()[i] - b.data()[i]));
  return largest;
}

inline const A x0{{1, 0, 1, 0}, {0, 2, 0, 2}, {1, 1, 1, 1}};  // three tokens, d = 4

/// W_Q, W_K, W_V and W_O, (d, d) each.
std::vector<V> example_weights();

/// Multi-head attention of x (tokens, d) with four such weights.
V multi_head(const V& x, const std::vector<V>& w, std::size_t heads, const AttentionOptions& options = {});

void heads();      // heads.cpp
void positions();  // positions.cpp
void look_up();    // look_up.cpp
