#include "xgrad/train/augment.hpp"

#include <algorithm>
#include <map>

#include "xgrad/core/scalars.hpp"

namespace xgrad {

namespace {
void check_probability(const char* where, double p) {
  if (!(p >= 0 && p <= 1)) fail(where, "the probability is ", p, ": it must lie in [0, 1]");
}
}  // namespace

template <class T>
Array<T> with_noise(const Array<T>& x, double deviation, Rng& rng) {
  auto y = x;
  for (T& entry : y) entry += T(deviation * rng.normal());
  return y;
}

template <class T>
Array<T> shifted(const Array<T>& images, std::size_t most, Rng& rng) {
  if (images.dimension() < 2)
    fail("shifted", "images are ", to_string(shape_of(images)), ": they must be (…, rows, columns)");
  const Shape shape = shape_of(images);
  const auto rows = static_cast<std::ptrdiff_t>(shape[shape.size() - 2]);
  const auto columns = static_cast<std::ptrdiff_t>(shape.back());
  const auto offset = [&] {
    return static_cast<std::ptrdiff_t>(rng.below(2 * most + 1)) - static_cast<std::ptrdiff_t>(most);
  };
  auto moved = zeros<T>(shape);
  for (std::ptrdiff_t at = 0; at < static_cast<std::ptrdiff_t>(images.size()); at += rows * columns) {
    const std::ptrdiff_t down = offset(), right = offset();
    for (std::ptrdiff_t r = std::max<std::ptrdiff_t>(0, down); r < std::min(rows, rows + down); ++r)
      for (std::ptrdiff_t c = std::max<std::ptrdiff_t>(0, right); c < std::min(columns, columns + right); ++c)
        moved.data()[at + r * columns + c] = images.data()[at + (r - down) * columns + c - right];
  }
  return moved;
}

Indices with_random_tokens(const Indices& tokens, double p, std::int64_t vocabulary, Rng& rng,
                           std::int64_t first) {
  check_probability("with_random_tokens", p);
  if (first < 0 || first >= vocabulary)
    fail("with_random_tokens", "first is ", first, ", the vocabulary ", vocabulary,
         ": first must be one of its tokens");
  auto result = tokens;
  for (auto& token : result)
    if (token >= first && rng.uniform() < p)
      token = first + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(vocabulary - first)));
  return result;
}

Indices with_synonyms(const Indices& tokens, double p, const std::vector<std::vector<std::int64_t>>& groups,
                      Rng& rng) {
  check_probability("with_synonyms", p);
  std::map<std::int64_t, std::pair<std::size_t, std::size_t>> place;  // token: its group, its place there
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (std::size_t i = 0; i < groups[g].size(); ++i)
      if (!place.emplace(groups[g][i], std::pair(g, i)).second)
        fail("with_synonyms", "token ", groups[g][i], " is listed twice: a token has one group");
  auto result = tokens;
  for (auto& token : result) {
    const auto found = place.find(token);
    if (found == place.end() || !(rng.uniform() < p)) continue;
    const auto [g, i] = found->second;
    if (groups[g].size() > 1) token = groups[g][(i + 1 + rng.below(groups[g].size() - 1)) % groups[g].size()];
  }
  return result;
}

#define XGRAD_INSTANTIATE(T)                                   \
  template Array<T> with_noise(const Array<T>&, double, Rng&); \
  template Array<T> shifted(const Array<T>&, std::size_t, Rng&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
