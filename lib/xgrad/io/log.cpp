#include "xgrad/io/log.hpp"

#include <charconv>
#include <filesystem>
#include <sstream>

#include "xgrad/core/array.hpp"
#include "xgrad/io/file.hpp"
#include "xgrad/io/json.hpp"

namespace xgrad {

namespace {
/// The whole number at `begin`, which one of the characters `end` must follow.
bool number_at(const std::string& line, std::size_t begin, const std::string& end, std::size_t& number) {
  if (begin > line.size()) return false;
  const char* last = line.data() + line.size();
  const auto [here, error] = std::from_chars(line.data() + begin, last, number);
  return error == std::errc() && here != last && end.find(*here) != std::string::npos;
}

bool csv_step(const std::string& line, std::size_t& step) { return number_at(line, 0, ",", step); }

const std::string json_begin = "{\"step\":";

bool json_step(const std::string& line, std::size_t& step) {
  return line.compare(0, json_begin.size(), json_begin) == 0 &&
         number_at(line, json_begin.size(), ",}", step) && line.back() == '}';
}

/// The shortest text from which the same number is read.
std::string shortest(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

/// A field of a CSV file, in quotes when it must be.
std::string csv_field(const std::string& name) {
  if (name.find_first_of(",\"\r\n") == std::string::npos) return name;
  std::string field = "\"";
  for (char c : name) field += c == '"' ? "\"\"" : std::string(1, c);
  return field + '"';
}
}  // namespace

LineLog::LineLog(const std::string& path, std::size_t first_step, std::size_t lines_before,
                 bool (*step_of)(const std::string&, std::size_t&))
    : path_(path) {
  std::string kept;
  if (first_step > 0 && std::filesystem::exists(path)) {
    std::istringstream lines(read_file("log", path));
    std::string line;
    for (std::size_t number = 1; std::getline(lines, line) && !lines.eof(); ++number) {  // eof: half a line
      std::size_t step = 0;
      if (number > lines_before && !step_of(line, step))
        fail("log", path, " has a line ", number, " that is not of this kind of log: ", in_quotes(line));
      if (number > lines_before && step >= first_step) continue;
      if (first_line_.empty()) first_line_ = line;
      kept += line + '\n';
    }
  }
  write_file("log", path, kept);
  out_.open(path, std::ios::app);
}

void LineLog::append(const std::string& line) {
  if (first_line_.empty()) first_line_ = line;
  out_ << line + '\n' << std::flush;
  if (!out_) fail("log", path_, " cannot be written");
}

CsvLog::CsvLog(const std::string& path, std::size_t first_step) : LineLog(path, first_step, 1, csv_step) {}

void CsvLog::write(std::size_t step, const Scalars& scalars) {
  std::string names = "step", line = std::to_string(step);
  for (const auto& [name, value] : scalars) {
    names += ',' + csv_field(name);
    line += ',' + shortest(value);
  }
  if (first_line_.empty()) append(names);
  if (first_line_ != names)
    fail("log", path_, " has the columns ", in_quotes(first_line_), ", not ", in_quotes(names),
         ": they stay the same");
  append(line);
}

JsonLinesLog::JsonLinesLog(const std::string& path, std::size_t first_step)
    : LineLog(path, first_step, 0, json_step) {}

void JsonLinesLog::write(std::size_t step, const Scalars& scalars) {
  std::string line = json_begin + std::to_string(step);
  for (const auto& [name, value] : scalars)
    line += ',' + json_text("log", path_, name) + ':' + json_text("log", path_, value);
  append(line + '}');
}

}  // namespace xgrad
