#include "xgrad/data/markers.hpp"

#include <algorithm>

#include "xgrad/core/random.hpp"

namespace xgrad {

namespace {
constexpr std::int64_t fillers = 4;

/// n rows of `length` tokens first, …, first + 3.
LabelledTokens filled(std::size_t n, std::size_t length, std::int64_t first, Rng& rng) {
  LabelledTokens data{empty<std::int64_t>({n, length}), empty<std::int64_t>({n})};
  std::generate_n(data.x.data(), data.x.size(),
                  [&] { return first + static_cast<std::int64_t>(rng.below(fillers)); });
  return data;
}
}  // namespace

LabelledTokens which_comes_first(std::size_t n, std::size_t length, std::uint64_t seed) {
  if (length < 2) fail("which_comes_first", "length is ", length, ": two markers need at least 2 places");
  Rng rng(seed);
  auto data = filled(n, length, 2, rng);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t a = rng.below(length), b = (a + 1 + rng.below(length - 1)) % length;
    data.x(i, a) = 0;
    data.x(i, b) = 1;
    data.labels(i) = b < a;
  }
  return data;
}

LabelledTokens recall_first(std::size_t n, std::size_t steps, std::uint64_t seed) {
  Rng rng(seed);
  auto data = filled(n, 1 + steps, 4, rng);
  for (std::size_t i = 0; i < n; ++i) data.labels(i) = data.x(i, 0) = static_cast<std::int64_t>(rng.below(4));
  return data;
}

}  // namespace xgrad
