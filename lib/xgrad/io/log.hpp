#pragma once
// Logs of a training run: numbers with names, step by step, for a spreadsheet (CSV), a script (JSON lines),
// or TensorBoard (io/tensorboard.hpp).

#include <cstddef>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace xgrad {

/// {{"loss", 0.31}, {"accuracy", 0.92}}
using Scalars = std::vector<std::pair<std::string, double>>;

class Log {
 public:
  virtual ~Log() = default;
  /// Adds the numbers of one step. They are in the file when this returns.
  virtual void write(std::size_t step, const Scalars& scalars) = 0;
};

/// A text file with a line for each step.
class LineLog : public Log {
 protected:
  /// From step 0: a new file, which replaces an old one. Else a training goes on from a checkpoint: lines of
  /// `first_step` and later are taken away, as is half a last line. `step_of` reads the step of a line, or
  /// returns false. Throws Error when the file cannot be written, or has lines that are not of its kind.
  LineLog(const std::string& path, std::size_t first_step, std::size_t lines_before,
          bool (*step_of)(const std::string& line, std::size_t& step));
  void append(const std::string& line);

  std::string path_, first_line_;  // first_line_: empty when there is none yet

 private:
  std::ofstream out_;
};

/// "step,loss,accuracy", then a line of numbers a step (RFC 4180).
class CsvLog : public LineLog {
 public:
  explicit CsvLog(const std::string& path, std::size_t first_step = 0);
  /// Throws Error when the names are not those of the first line.
  void write(std::size_t step, const Scalars& scalars) override;
};

/// {"step":1,"loss":0.31,"accuracy":0.92}, one object a line. NaN and infinity, which JSON does not have,
/// become null.
class JsonLinesLog : public LineLog {
 public:
  explicit JsonLinesLog(const std::string& path, std::size_t first_step = 0);
  void write(std::size_t step, const Scalars& scalars) override;
};

}  // namespace xgrad
