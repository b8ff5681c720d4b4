#include "verdict.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ostream>

namespace plots {
namespace {

std::string text(double x) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.4g", x);
  return buffer;
}

// Columns line up by characters, not bytes: "‖δ‖" is three characters.
std::string padded(const std::string& text, std::size_t width) {
  std::size_t characters = 0;
  for (unsigned char c : text) characters += (c & 0xC0) != 0x80;
  return text + std::string(characters < width ? width - characters : 2, ' ');
}

std::string line(const Verdicts::Judged& judged, const std::string& what) {
  return padded(judged.pass ? "PASS" : "OUTSIDE", 9) + what +
         padded("measured " + text(judged.measured), 20) + padded("predicted " + text(judged.predicted), 21) +
         padded("tolerance " + judged.tolerance, 34) + "source " + judged.source;
}

}  // namespace

void Verdicts::between(const std::string& what, double measured, double predicted, double low, double high,
                       const std::string& source) {
  print(what, measured, predicted, low <= measured && measured <= high, text(low) + "…" + text(high), source);
}

void Verdicts::within(const std::string& what, double measured, double predicted, double tolerance,
                      const std::string& source) {
  print(what, measured, predicted, std::abs(measured - predicted) <= tolerance, "±" + text(tolerance),
        source);
}

void Verdicts::ratio(const std::string& what, double measured, double predicted, double tolerance,
                     const std::string& source) {
  print(what, measured, predicted, std::abs(measured / predicted - 1) <= tolerance,
        "±" + text(100 * tolerance) + " %, ratio " + text(measured / predicted), source);
}

void Verdicts::below(const std::string& what, double measured, double predicted, double limit,
                     const std::string& source) {
  print(what, measured, predicted, measured < limit, "< " + text(limit), source);
}

void Verdicts::above(const std::string& what, double measured, double predicted, double limit,
                     const std::string& source) {
  print(what, measured, predicted, measured > limit, "> " + text(limit), source);
}

void Verdicts::print(const std::string& what, double measured, double predicted, bool pass,
                     const std::string& tolerance, const std::string& source) {
  judged_.push_back({what, measured, predicted, pass && std::isfinite(measured), tolerance, source});
  out_ << line(judged_.back(), padded(what, 54)) << '\n';
}

int Verdicts::outside() const {
  return int(std::count_if(judged_.begin(), judged_.end(), [](const Judged& each) { return !each.pass; }));
}

int Verdicts::finish() const {
  out_ << passed() << " passed, " << outside() << " outside their tolerance\n";
  return outside() ? 1 : 0;
}

std::string Verdicts::summary(const std::string& experiment) const {
  if (judged_.empty()) return "OUTSIDE  " + experiment + ": nothing was judged\n";
  auto shown = std::find_if(judged_.begin(), judged_.end(), [](const Judged& each) { return !each.pass; });
  if (shown == judged_.end()) shown = judged_.begin();
  return line(*shown, padded(experiment + " (" + std::to_string(passed()) + " of " +
                                 std::to_string(judged_.size()) + "): " + shown->what,
                             74)) +
         '\n';
}

}  // namespace plots
