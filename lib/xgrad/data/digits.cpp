// Compiled with -ffp-contract=off, as random.cpp is: a seed gives the same pixels everywhere.
#include "xgrad/data/digits.hpp"

#include <algorithm>

#include "xgrad/core/random.hpp"
#include "xgrad/core/scalars.hpp"

namespace xgrad {

namespace {
constexpr std::size_t canvas = 28, glyph_rows = 7, glyph_columns = 5, enlargement = 3;
constexpr std::size_t top = (canvas - glyph_rows * enlargement) / 2;
constexpr std::size_t left = (canvas - glyph_columns * enlargement) / 2;

const char* const font[10][glyph_rows] = {
    {".###.", "##.##", "#...#", "#...#", "#...#", "##.##", ".###."},  // 0
    {"..#..", ".##..", "#.#..", "..#..", "..#..", "..#..", ".###."},  // 1
    {"####.", "....#", "....#", "..##.", ".#...", "#....", "#####"},  // 2
    {"####.", "....#", "....#", ".###.", "....#", "....#", "####."},  // 3
    {"..##.", ".#.#.", ".#.#.", "#..#.", "#####", "...#.", "...#."},  // 4
    {"#####", "#....", "#....", "####.", "....#", "#...#", ".###."},  // 5
    {"..###", ".#...", "#....", "####.", "#...#", "#...#", ".###."},  // 6
    {"#####", "#...#", "...#.", "...#.", "..#..", "..#..", ".#..."},  // 7
    {".###.", "#...#", ".#.#.", "..#..", ".#.#.", "#...#", ".###."},  // 8
    {".###.", "#...#", "#...#", ".####", "....#", "...#.", "###.."},  // 9
};
}  // namespace

template <class T>
Labelled<T> digits(std::size_t n, std::uint64_t seed, const DigitsOptions& options) {
  if (!(options.noise >= 0))
    fail("digits", "noise is ", options.noise, ": a standard deviation is 0 or more");
  if (options.shift > std::min(top, left))
    fail("digits", "shift is ", options.shift, ": a glyph stays on its canvas up to ", std::min(top, left));
  Rng rng(seed);
  Labelled<T> data{empty<T>({n, canvas, canvas}), Indices::from_shape({n})};
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t label = rng.below(10);
    const std::size_t first_row = top - options.shift + rng.below(2 * options.shift + 1);
    const std::size_t first_column = left - options.shift + rng.below(2 * options.shift + 1);
    const double brightness = rng.uniform(.6, 1);
    T* pixel = data.x.data() + i * canvas * canvas;
    for (std::size_t row = 0; row < canvas; ++row)
      for (std::size_t column = 0; column < canvas; ++column) {
        // Above and left of the glyph the difference wraps round to a large number, which is outside too.
        const std::size_t r = (row - first_row) / enlargement, c = (column - first_column) / enlargement;
        const bool ink = r < glyph_rows && c < glyph_columns && font[label][r][c] == '#';
        const double value = (ink ? brightness : 0) + options.noise * rng.normal();
        *pixel++ = static_cast<T>(std::clamp(value, 0., 1.));
      }
    data.labels.data()[i] = static_cast<std::int64_t>(label);
  }
  return data;
}

template <class T>
Labelled<T> small_digits(std::size_t n, std::uint64_t seed, double noise) {
  if (!(noise >= 0)) fail("small_digits", "noise is ", noise, ": a standard deviation is 0 or more");
  constexpr std::size_t side = 10;
  Rng rng(seed);
  Labelled<T> data{empty<T>({n, side, side}), Indices::from_shape({n})};
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t label = rng.below(10), first_row = 1 + rng.below(2), first_column = 2 + rng.below(2);
    const double brightness = rng.uniform(.6, 1);
    T* pixel = data.x.data() + i * side * side;
    for (std::size_t row = 0; row < side; ++row)
      for (std::size_t column = 0; column < side; ++column) {
        const std::size_t r = row - first_row, c = column - first_column;  // wraps round above and left, too
        const bool ink = r < glyph_rows && c < glyph_columns && font[label][r][c] == '#';
        *pixel++ = static_cast<T>((ink ? brightness : 0) + noise * rng.normal());
      }
    data.labels.data()[i] = static_cast<std::int64_t>(label);
  }
  return data;
}

template <class T>
std::string picture(const Array<T>& images) {
  if (images.dimension() != 3)
    fail("picture", "got ", to_string(shape_of(images)), ": images are (n, rows, columns)");
  static const char* const shades[] = {" ", "░", "▒", "▓", "█"};
  const std::size_t rows = images.shape(1);
  std::string text;
  for (std::size_t row = 0; row < rows; row += 2) {
    std::string line;
    for (std::size_t i = 0; i < images.shape(0); ++i)
      for (std::size_t column = 0; column < images.shape(2); ++column) {
        const double upper = images(i, row, column), lower = row + 1 < rows ? images(i, row + 1, column) : 0;
        const double mean = (upper + lower) / 2;
        line += shades[mean > 0 ? static_cast<std::size_t>(std::min(mean, 1.) * 4 + .5) : 0];  // NaN: blank
      }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  }
  return text;
}

#define XGRAD_INSTANTIATE(T)                                                     \
  template Labelled<T> digits(std::size_t, std::uint64_t, const DigitsOptions&); \
  template Labelled<T> small_digits(std::size_t, std::uint64_t, double);         \
  template std::string picture(const Array<T>&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
