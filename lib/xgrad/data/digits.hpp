#pragma once
// Generated digits: data for a first image classifier on a machine that has no data.

#include <string>

#include "xgrad/data/labelled.hpp"

namespace xgrad {

struct DigitsOptions {
  double noise = .3;      ///< standard deviation of the noise on each pixel
  std::size_t shift = 2;  ///< largest offset from the middle, in pixels, down and across; at most 3
};

/// n images (n, 28, 28) with pixels in [0, 1] and labels 0…9. Each is a glyph of a 5×7 bitmap font of our
/// own, enlarged three times, moved by up to `shift` pixels, drawn with brightness U(0.6, 1), given normal
/// noise and clipped to [0, 1]. The numbers depend on the seed only.
///
/// What this can show: that a network and its training work, how they compare, what a mistake in them does.
/// What it cannot: how well they would read handwriting. There is one shape per digit, never slanted, thin or
/// open, so a model that gets 99 % here may get far less on people's writing.
template <class T>
Labelled<T> digits(std::size_t n, std::uint64_t seed, const DigitsOptions& options = {});

/// n images (n, 10, 10) and labels 0…9 for quick experiments: the same font in its own size, one or two
/// pixels from the top and two or three from the left, drawn with brightness U(0.6, 1), plus normal noise.
/// Not clipped: pixels may leave [0, 1].
template <class T>
Labelled<T> small_digits(std::size_t n, std::uint64_t seed, double noise = .3);

/// Images (n, rows, columns) side by side in characters, two rows of pixels a line: to look at in a terminal.
template <class T>
std::string picture(const Array<T>& images);

}  // namespace xgrad
