#pragma once
// How a chapter adds to the table of systems and experiments, tutorials/SYSTEMS.md.
//
// A chapter that rebuilds one of the documents' systems (S1 to S26) or carries out one of the experiments (E1
// to E32) calls `system` or `experiment` with what it measured:
//
//   const auto accuracies = show::over_seeds([](std::uint64_t seed) { return …; });
//   show::system({"S5", "784 + 128 columns are refused", "a layer 784 → 128 in front",
//                 {show::at_least("accuracy with a stem", accuracies, .95),
//                  show::equals("parameters", double(model.parameter_count()), 136362)}});
//
// A result that misses its threshold is printed and counts as a failure of the chapter, like show::expect;
// one that meets it prints nothing. When the environment variable XGRAD_SYSTEMS names a file, each call also
// appends one line of JSON to it. The command tutorials/systems runs the chapters that include this header
// with that variable set and puts the lines together: several calls and several chapters may contribute to
// one id. It prints the table, says which rows are missing or failed, and writes or checks the page. A quick
// run (quick.hpp) measures too little: it reports nothing.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "quick.hpp"

namespace show {

/// One measured quantity, a value for each seed (or one, where nothing is random), and what is required of
/// it.
struct Result {
  std::string what;
  std::vector<double> values;
  std::string rule;  // "at least 0.95"; empty when the result is reported only
  bool met = true;
  std::string needs = {};  // the environment variable without which there is no such result

  /// For a result that there is only with the user's data: needing("XGRAD_MNIST").
  Result needing(const std::string& variable) && {
    needs = variable;
    return std::move(*this);
  }
};

// Every value, not only the mean, has to meet the threshold. NaN meets none.
Result at_least(const std::string& what, const std::vector<double>& values, double threshold);
Result at_most(const std::string& what, const std::vector<double>& values, double threshold);
Result above(const std::string& what, const std::vector<double>& values, double threshold);
Result below(const std::string& what, const std::vector<double>& values, double threshold);
Result equals(const std::string& what, double value, double expected);
Result reported(const std::string& what, const std::vector<double>& values);
/// A statement without a number: "changing a later token changes no earlier output".
Result holds(const std::string& what, bool holds);

struct SystemRow {
  std::string id;        ///< "S5"
  std::string literal;   ///< what the document has, and how this chapter showed it to break
  std::string repaired;  ///< what works in its place
  std::vector<Result> results;
};

struct ExperimentRow {
  std::string id;         ///< "E12"
  std::string criterion;  ///< what has to come out, in words
  std::vector<Result> results;
  std::string prototype = {};  ///< what the first measurement (PyTorch) found where ours differs, and why
};

void system(const SystemRow& row);
void experiment(const ExperimentRow& row);

/// f(1), f(2), … f(seeds); in a quick run f(1) alone.
std::vector<double> over_seeds(const std::function<double(std::uint64_t seed)>& f, std::size_t seeds = 3);

}  // namespace show
