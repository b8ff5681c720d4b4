#include "xgrad/data/spiral.hpp"

#include <cmath>

#include "xgrad/core/random.hpp"
#include "xgrad/core/scalars.hpp"

namespace xgrad {

template <class T>
Labelled<T> spiral(std::size_t n, double noise, std::uint64_t seed, std::size_t arms) {
  if (!(noise >= 0)) fail("spiral", "noise is ", noise, ": a standard deviation is 0 or more");
  if (arms == 0) fail("spiral", "there are 0 arms: there must be one at least");
  const double pi = 3.14159265358979323846;
  Rng rng(seed);
  Labelled<T> data{empty<T>({n, 2}), Indices::from_shape({n})};
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t label = i % arms;
    const bool opposite = 2 * label == arms;  // half a turn is a change of sign, exactly
    const double root = std::sqrt(rng.uniform()), radius = opposite ? -root : root;
    const double angle = 3 * pi * root + (opposite ? 0 : 2 * pi * double(label) / double(arms));
    data.x.data()[2 * i] = static_cast<T>(radius * std::cos(angle) + noise * rng.normal());
    data.x.data()[2 * i + 1] = static_cast<T>(radius * std::sin(angle) + noise * rng.normal());
    data.labels.data()[i] = std::int64_t(label);
  }
  return data;
}

#define XGRAD_INSTANTIATE(T) template Labelled<T> spiral(std::size_t, double, std::uint64_t, std::size_t);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
