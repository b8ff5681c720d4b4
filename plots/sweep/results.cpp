#include "results.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "xgrad/io/file.hpp"

namespace plots::sweep {
namespace {

constexpr const char* version = "# xgrad sweep, version 1";

std::string exact(double x) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.17g", std::isnan(x) ? std::abs(x) : x);
  return buffer;
}

std::string list(const std::vector<double>& numbers) {
  std::string result;
  for (double number : numbers) result += (result.empty() ? "" : " ") + exact(number);
  return result;
}

std::string head() {
  std::string names;
  for (const auto& setting : settings_of({})) names += setting.first + ',';
  return std::string(version) + '\n' + names + "seed,step,loss,values,gradients\n";
}

std::string key(const Cell& cell, std::uint64_t seed) {
  std::string result;
  for (const auto& setting : settings_of(cell)) result += setting.second + ',';
  return result + std::to_string(seed);
}

std::string lines(const std::string& key, const std::vector<Snapshot>& snapshots) {
  std::string result;
  for (const auto& s : snapshots)
    result += key + ',' + std::to_string(s.step) + ',' + exact(s.loss) + ',' + list(s.values) + ',' +
              list(s.gradients) + '\n';
  return result;
}

double number(const std::string& text) {
  char* end = nullptr;
  const double x = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') throw std::runtime_error("is no number: " + xgrad::printable(text));
  return x;
}

std::vector<double> numbers(const std::string& text) {
  std::vector<double> result;
  std::istringstream in(text);
  for (std::string word; in >> word;) result.push_back(number(word));
  return result;
}

std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> result{""};
  for (char c : line) {
    if (c == ',') {
      result.emplace_back();
    } else {
      result.back() += c;
    }
  }
  return result;
}

std::string setting(const std::vector<std::string>& row, const std::string& name) {
  const auto settings = settings_of({});
  for (std::size_t i = 0; i < settings.size(); ++i)
    if (settings[i].first == name) return row[i];
  throw std::logic_error("no setting " + name);
}

}  // namespace

Results::Results(const std::string& path, bool fresh) : path_(path) {
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder);
  std::string text;
  if (!fresh && std::filesystem::exists(path)) text = xgrad::read_file("sweep", path);
  const bool begun = head().rfind(text, 0) == 0;  // nothing yet, or cut off in the first two lines
  if (!begun && text.rfind(head(), 0) != 0)
    throw std::runtime_error(path + " begins with '" + xgrad::printable(text.substr(0, text.find('\n'))) +
                             "', not with '" + version +
                             "' and its columns: choose another file with --results, or delete it");
  if (!begun) read(text.substr(head().size()));
  std::string kept = head();
  for (const auto& [key, snapshots] : found_) kept += lines(key, snapshots);
  if (begun || kept.size() != text.size()) xgrad::write_file("sweep", path, kept);
  file_.open(path, std::ios::app);
  if (!file_) throw std::runtime_error("cannot write " + path);
}

void Results::read(const std::string& text) {
  const std::size_t columns = settings_of({}).size() + 5;
  std::size_t at = 0, number_of_line = 3;
  for (std::size_t end; (end = text.find('\n', at)) != std::string::npos; at = end + 1, ++number_of_line) {
    const auto row = fields(text.substr(at, end - at));
    const std::string where = path_ + ", line " + std::to_string(number_of_line) + ": ";
    if (row.size() != columns)
      throw std::runtime_error(where + "there are " + std::to_string(row.size()) + " fields, not " +
                               std::to_string(columns));
    try {
      std::string key;
      for (std::size_t i = 0; i + 4 < columns; ++i) key += (i ? "," : "") + row[i];
      Snapshot snapshot{std::size_t(number(row[columns - 4])), number(row[columns - 3]),
                        numbers(row[columns - 2]), numbers(row[columns - 1])};
      const auto states = std::size_t(number(setting(row, "depth"))) + 1;
      if (snapshot.values.size() != states || snapshot.gradients.size() != states)
        throw std::runtime_error("the lists must have depth + 1 = " + std::to_string(states) +
                                 " numbers each");
      auto& snapshots = found_[key];
      if (snapshots.size() == snapshot.step) snapshots.push_back(std::move(snapshot));
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(where + error.what());
    }
  }
  drop_incomplete();
}

void Results::drop_incomplete() {
  for (auto entry = found_.begin(); entry != found_.end();) {
    const auto steps = std::size_t(number(setting(fields(entry->first), "steps")));
    entry = entry->second.size() == steps + 1 ? std::next(entry) : found_.erase(entry);
  }
}

bool Results::has(const Cell& cell, std::uint64_t seed) const { return found_.count(key(cell, seed)) > 0; }

const std::vector<Snapshot>& Results::of(const Cell& cell, std::uint64_t seed) const {
  return found_.at(key(cell, seed));
}

void Results::add(const Cell& cell, std::uint64_t seed, const std::vector<Snapshot>& snapshots) {
  const std::lock_guard<std::mutex> guard(lock_);
  const std::string name = key(cell, seed);
  file_ << lines(name, snapshots) << std::flush;
  if (!file_) throw std::runtime_error("cannot write " + path_);
  found_[name] = snapshots;
}

}  // namespace plots::sweep
