#pragma once
// The table of everything that has golden numbers: each op, module and optimiser as one function of its
// inputs and a case. What is checked about them, and how errors are measured, is here too, so that the tests
// and the printed table (op_table) say the same.

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "xgrad/xgrad.hpp"

namespace xgrad::testing {

/// The gradients of some inputs; nothing for an input that was a constant.
using Gradients = std::vector<std::optional<Array<double>>>;

/// One set of golden numbers, from golden/generate.py.
struct Case {
  std::string op, name;
  nlohmann::json attributes;
  std::vector<std::string> names;     ///< of the inputs
  std::vector<Array<double>> inputs;  ///< with gradients
  std::map<std::string, Array<double>> constants;
  std::optional<Array<double>> output;  ///< absent where PyTorch cannot know it (dropout)
  Gradients gradients;                  ///< of the inputs; none when there is no output
  Array<double> cotangent;              ///< of the output
  bool smooth = true;                   ///< false: central differences are no judge here (a kink, a tie, NaN)

  template <class V>
  V attribute(const std::string& name) const {
    return attributes.at(name).get<V>();
  }
  /// The place of an input among `inputs`. Throws Error when there is none of that name.
  std::size_t index(const std::string& name) const;
  template <class T>
  Array<T> constant(const std::string& name) const {
    return cast<T>(constants.at(name));
  }
};

template <class T>
using Inputs = std::vector<Variable<T>>;
template <class T>
using Function = std::function<Variable<T>(const Inputs<T>&, const Case&)>;

/// A row of the table.
struct Op {
  std::string name;
  testing::Function<double> in_double;
  testing::Function<float> in_float;
  /// The same from smaller ops (composed.hpp). Returns an empty Variable for a case that it does not cover;
  /// the function itself is empty when there is no composed form.
  testing::Function<double> composed;
};

const std::vector<Op>& op_table();

/// The golden cases of one op.
const std::vector<Case>& cases_of(const std::string& op);
/// Names of all ops that have golden cases.
std::vector<std::string> golden_ops();

/// The outcome of one comparison on one case.
struct Finding {
  const char* what;  ///< one of the names below
  double error, tolerance;
  std::string detail;  ///< op, case, shapes, and the two numbers that differ most
  bool passed() const { return error <= tolerance; }  // false for NaN
};

// What is compared. Errors are relative to the largest entry of the expected array (of at least 0.01).
constexpr const char* pytorch_double = "PyTorch, double";            // output and gradients, 1e-10
constexpr const char* pytorch_float = "PyTorch, float";              // output and gradients, 1e-5
constexpr const char* differences = "central differences";           // gradients, random cotangent, 1e-7
constexpr const char* float_is_double = "float agrees with double";  // 1e-5
constexpr const char* fused_is_composed = "fused = composed";        // 1e-10
constexpr const char* used_twice = "value used twice";        // f(x) + f(x), and one value for two inputs
constexpr const char* constant_inputs = "constant inputs";    // gradients go where they are asked for only
constexpr const char* no_tape = "evaluation without a tape";  // same value, nothing recorded

std::vector<Finding> judge(const Op& op, const Case& c);

}  // namespace xgrad::testing
