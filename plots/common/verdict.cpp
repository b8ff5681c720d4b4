#include "verdict.hpp"

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

void Verdicts::print(const std::string& what, double measured, double predicted, bool pass,
                     const std::string& tolerance, const std::string& source) {
  pass = pass && std::isfinite(measured);
  ++(pass ? passed_ : outside_);
  out_ << padded(pass ? "PASS" : "OUTSIDE", 9) << padded(what, 54) << padded("measured " + text(measured), 20)
       << padded("predicted " + text(predicted), 21) << padded("tolerance " + tolerance, 34) << "source "
       << source << '\n';
}

int Verdicts::finish() const {
  out_ << passed_ << " passed, " << outside_ << " outside their tolerance\n";
  return outside_ ? 1 : 0;
}

}  // namespace plots
