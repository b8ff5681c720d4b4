#include "xgrad/data/windows.hpp"

#include <algorithm>
#include <cmath>

namespace xgrad {

namespace {
void check(const Ids& text, std::size_t n, std::size_t length) {
  if (n == 0 || length == 0) fail("windows", n, " windows of ", length, " tokens: both must be at least 1");
  if (text.size() <= length)
    fail("windows", "the text has ", text.size(), " tokens: windows of ", length, " need at least ",
         length + 1);
}
}  // namespace

Windows windows_at(const Ids& text, const std::vector<std::size_t>& places, std::size_t length) {
  check(text, places.size(), length);
  Windows windows{empty<std::int64_t>({places.size(), length}), empty<std::int64_t>({places.size(), length})};
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i] >= text.size() - length)
      fail("windows", "a window of ", length, " begins at ", places[i], ": the last one in a text of ",
           text.size(), " begins at ", text.size() - length - 1);
    std::copy_n(text.data() + places[i], length, windows.x.data() + i * length);
    std::copy_n(text.data() + places[i] + 1, length, windows.next.data() + i * length);
  }
  return windows;
}

TextSplit split_text(const Ids& text, double fraction) {
  if (!(fraction > 0 && fraction < 1))
    fail("split_text", "the fraction for validation is ", fraction, ": it must lie between 0 and 1");
  const auto rest = static_cast<std::size_t>(std::lround(fraction * double(text.size())));
  if (rest < 2 || text.size() < rest + 2)
    fail("split_text", "of ", text.size(), " tokens ", rest,
         " would be for validation: both parts need at least 2");
  const auto cut = text.end() - static_cast<std::ptrdiff_t>(rest);
  return {Ids(text.begin(), cut), Ids(cut, text.end())};
}

Windows random_windows(const Ids& text, std::size_t n, std::size_t length, Rng& rng) {
  check(text, n, length);
  std::vector<std::size_t> places(n);
  for (auto& place : places) place = rng.below(text.size() - length);
  return windows_at(text, places, length);
}

std::vector<Windows> consecutive_windows(const Ids& text, std::size_t n, std::size_t length) {
  check(text, n, length);
  std::vector<Windows> batches;
  std::vector<std::size_t> places;
  const std::size_t count = (text.size() - 1) / length;
  for (std::size_t i = 0; i < count; ++i) {
    places.push_back(i * length);
    if (places.size() < n && i + 1 < count) continue;
    batches.push_back(windows_at(text, places, length));
    places.clear();
  }
  return batches;
}

double bigram_entropy(const Ids& text) {
  if (text.size() < 2) fail("bigram_entropy", "the text has ", text.size(), " tokens: at least 2 are needed");
  std::map<std::int64_t, double> firsts;
  std::map<std::pair<std::int64_t, std::int64_t>, double> pairs;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    ++firsts[text[i]];
    ++pairs[{text[i], text[i + 1]}];
  }
  double sum = 0;
  for (const auto& [pair, times] : pairs) sum -= times * std::log(times / firsts[pair.first]);
  return sum / double(text.size() - 1);
}

}  // namespace xgrad
