// Compiled with -ffp-contract=off, as random.cpp is: a seed gives the same points everywhere.
#include "xgrad/data/moons.hpp"

#include <cmath>

#include "xgrad/core/random.hpp"
#include "xgrad/core/scalars.hpp"

namespace xgrad {

template <class T>
Labelled<T> moons(std::size_t n, double noise, std::uint64_t seed) {
  if (!(noise >= 0)) fail("moons", "noise is ", noise, ": a standard deviation is 0 or more");
  Rng rng(seed);
  Labelled<T> data{empty<T>({n, 2}), Indices::from_shape({n})};
  for (std::size_t i = 0; i < n; ++i) {
    // A random direction without sin and cos, whose last bit differs between C libraries: a point of the
    // upper half disc, moved to the circle.
    double u, v, squared;
    do {
      u = rng.uniform(-1, 1);
      v = rng.uniform();
      squared = u * u + v * v;
    } while (squared > 1 || squared == 0);
    const double cosine = u / std::sqrt(squared), sine = v / std::sqrt(squared);
    const bool lower = i % 2 == 1;
    const double x = lower ? 1 - cosine : cosine, y = lower ? .5 - sine : sine;
    data.x.data()[2 * i] = static_cast<T>(x + noise * rng.normal());
    data.x.data()[2 * i + 1] = static_cast<T>(y + noise * rng.normal());
    data.labels.data()[i] = lower;
  }
  return data;
}

#define XGRAD_INSTANTIATE(T) template Labelled<T> moons(std::size_t, double, std::uint64_t);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
