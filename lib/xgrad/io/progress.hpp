#pragma once
// A progress bar for long work, on stderr, so that it never mixes with what a program prints.

#include <chrono>
#include <iosfwd>
#include <string>

namespace xgrad {

/// On a terminal: one line, redrawn a few times a second,
///
///   training [=========>          ]  940/1880  epoch 5/10  loss 0.0312  0:04 left
///
/// elsewhere (a log file): a plain line at each tenth of the work, and at least one a minute.
class Progress {
 public:
  Progress(std::string label, std::size_t total);
  /// To any stream, as if it were a terminal or not.
  Progress(std::string label, std::size_t total, std::ostream& out, bool terminal);
  /// Ends the line; when the work was left early, the last state stays.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` of `total` are finished; `text` says what else there is to know. Costs next to nothing when it is
  /// not time to draw.
  void update(std::size_t done, const std::string& text = {});

  double seconds() const;  ///< since the beginning

 private:
  using Clock = std::chrono::steady_clock;
  bool due(Clock::time_point now) const;
  std::string counts() const;
  std::string time_left() const;
  void draw();

  std::string label_, text_;
  std::size_t total_, done_ = 0, drawn_done_ = 0;
  std::ostream& out_;
  bool terminal_, drawn_ = false;
  Clock::time_point begin_, drawn_at_;
};

/// "0:07", "12:40", "3:05:00".
std::string clock_text(double seconds);

}  // namespace xgrad
