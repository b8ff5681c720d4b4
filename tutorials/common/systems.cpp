#include "systems.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "show.hpp"

namespace show {

namespace {

template <class Meets>
Result compared(const std::string& what, const std::vector<double>& values, const std::string& words,
                double threshold, Meets meets) {
  const bool met = !values.empty() &&
                   std::all_of(values.begin(), values.end(), [=](double v) { return meets(v, threshold); });
  return {what, values, words + ' ' + text(threshold, 6), met};
}

nlohmann::json as_json(const Result& result) {
  nlohmann::json json{
      {"what", result.what}, {"rule", result.rule}, {"met", result.met}, {"needs", result.needs}};
  if (result.values.empty()) return json;
  const auto [least, most] = std::minmax_element(result.values.begin(), result.values.end());
  const double total = std::accumulate(result.values.begin(), result.values.end(), 0.);
  json["seeds"] = result.values.size();
  const bool whole = result.rule.rfind("exactly", 0) == 0;  // counts are written out
  for (const auto& [name, value] : {std::pair("mean", total / double(result.values.size())),
                                    std::pair("min", *least), std::pair("max", *most)})
    json[name] = text(value, whole ? 17 : 4);
  return json;
}

void append(nlohmann::json row, const std::vector<Result>& results) {
  for (const Result& result : results)
    if (!result.met) {
      std::string measured;
      if (!result.values.empty()) measured = ": " + text(result.values, 4) + ", required " + result.rule;
      expect_true(row["id"].get<std::string>() + ", " + result.what + measured, false);
    }
  const char* path = std::getenv("XGRAD_SYSTEMS");
  if (!path || !*path) return;
  row["results"] = nlohmann::json::array();
  for (const Result& result : results) row["results"].push_back(as_json(result));
  std::ofstream file(path, std::ios::app);
  file << row.dump() << '\n' << std::flush;
  if (!file) xgrad::fail("systems", "XGRAD_SYSTEMS is ", path, ": it cannot be written");
}

}  // namespace

Result at_least(const std::string& what, const std::vector<double>& values, double threshold) {
  return compared(what, values, "at least", threshold, [](double v, double t) { return v >= t; });
}

Result at_most(const std::string& what, const std::vector<double>& values, double threshold) {
  return compared(what, values, "at most", threshold, [](double v, double t) { return v <= t; });
}

Result above(const std::string& what, const std::vector<double>& values, double threshold) {
  return compared(what, values, "above", threshold, [](double v, double t) { return v > t; });
}

Result below(const std::string& what, const std::vector<double>& values, double threshold) {
  return compared(what, values, "below", threshold, [](double v, double t) { return v < t; });
}

Result equals(const std::string& what, double value, double expected) {
  return {what, {value}, "exactly " + text(expected, 17), value == expected};
}

Result reported(const std::string& what, const std::vector<double>& values) {
  return {what, values, "", true};
}

Result holds(const std::string& what, bool holds) { return {what, {}, "", holds}; }

void system(const SystemRow& row) {
  if (quick) return;
  append({{"id", row.id}, {"literal", row.literal}, {"repaired", row.repaired}}, row.results);
}

void experiment(const ExperimentRow& row) {
  if (quick) return;
  append({{"id", row.id}, {"criterion", row.criterion}, {"prototype", row.prototype}}, row.results);
}

std::vector<double> over_seeds(const std::function<double(std::uint64_t)>& f, std::size_t seeds) {
  std::vector<double> values;
  for (std::uint64_t seed = 1; seed <= (quick ? 1 : seeds); ++seed) values.push_back(f(seed));
  return values;
}

}  // namespace show
