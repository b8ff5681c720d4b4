#pragma once
// Measured against predicted: every number that a figure claims is judged in one line.

#include <iosfwd>
#include <string>
#include <vector>

namespace plots {

/// Prints verdicts and remembers whether any was OUTSIDE.
class Verdicts {
 public:
  explicit Verdicts(std::ostream& out) : out_(out) {}

  /// PASS when low ≤ measured ≤ high, OUTSIDE otherwise; a measurement that is not finite is always OUTSIDE.
  void between(const std::string& what, double measured, double predicted, double low, double high,
               const std::string& source);
  /// |measured - predicted| ≤ tolerance
  void within(const std::string& what, double measured, double predicted, double tolerance,
              const std::string& source);
  /// |measured / predicted - 1| ≤ tolerance
  void ratio(const std::string& what, double measured, double predicted, double tolerance,
             const std::string& source);

  /// measured < limit
  void below(const std::string& what, double measured, double predicted, double limit,
             const std::string& source);
  /// measured > limit
  void above(const std::string& what, double measured, double predicted, double limit,
             const std::string& source);

  struct Judged {
    std::string what;
    double measured, predicted;
    bool pass;
    std::string tolerance, source;
  };
  const std::vector<Judged>& judged() const { return judged_; }
  int passed() const { return int(judged_.size()) - outside(); }
  int outside() const;
  /// Prints the tally; 0 when nothing was OUTSIDE, 1 otherwise.
  int finish() const;
  /// One line for all: the first verdict, or the first that is OUTSIDE, and how many there were.
  std::string summary(const std::string& experiment) const;

 private:
  void print(const std::string& what, double measured, double predicted, bool pass,
             const std::string& tolerance, const std::string& source);
  std::ostream& out_;
  std::vector<Judged> judged_;
};

}  // namespace plots
