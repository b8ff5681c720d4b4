#pragma once
// How heat maps are drawn: by gnuplot, and in plain text.

#include <iosfwd>
#include <string>

#include "figure.hpp"

namespace plots {

/// Where a panel lies in the drawing, in pixels from the upper left corner, and how large the drawing is.
struct Place {
  double left, right, upper, lower, width, height;
};

/// The gnuplot commands that draw `panel.map` there: cells, labels, and a scale of colours at the right. Maps
/// of a few cells show their numbers as well.
std::string map_commands(const Panel& panel, const Place& place);

/// A table of numbers, or of characters from light to dark when there are too many cells.
void write_map(std::ostream& out, const Panel& panel, std::size_t columns);

}  // namespace plots
