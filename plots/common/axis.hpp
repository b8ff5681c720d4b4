#pragma once
// What the picture and the text chart share: the range of a panel and the steps of its axes.

#include "figure.hpp"

namespace plots {

struct Range {
  double low, high;
};

/// Distance between ticks, 1, 2 or 5 times a power of ten, that gives at most `ticks` of them. Never below
/// `smallest`: exponents are labelled with whole numbers.
double tick_step(const Range& range, int ticks, double smallest = 0);

/// From the smallest to the largest finite x.
Range x_range(const Panel& panel);

/// The y range of panel `index`, bands included and 4 % of air around, or that of all panels if they share
/// it.
Range y_range(const Figure& figure, std::size_t index);

}  // namespace plots
