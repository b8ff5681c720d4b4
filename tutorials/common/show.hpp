#pragma once
// What the chapters print with: sections, values, and a computed value beside the one it should be. A chapter
// that disagrees with its own expectations ends with exit code 1.

#include <cmath>
#include <cstdio>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "xgrad/xgrad.hpp"

namespace show {

inline int failures = 0;

/// A headline; `tutorials/refresh` cuts the output into sections at these lines.
inline void section(const std::string& title) { std::cout << "\n== " << title << " ==\n"; }

inline std::string text(double x, int digits = 10) {
  if (std::isnan(x)) return "nan";  // its sign is nobody's
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, "%.*g", digits, x == 0 ? 0 : x);  // no "-0"
  return buffer;
}

/// Row-major entries in one line: "[1, 2, 3]".
inline std::string text(const std::vector<double>& entries, int digits = 10) {
  std::string result = "[";
  for (std::size_t i = 0; i < entries.size(); ++i) result += (i ? ", " : "") + text(entries[i], digits);
  return result + "]";
}

template <class T>
std::vector<double> entries(const xgrad::Array<T>& a) {
  return {a.data(), a.data() + a.size()};
}

template <class T>
void value(const std::string& label, const xgrad::Array<T>& a, int digits = 10) {
  const auto shape = xgrad::shape_of(a);
  std::cout << label << " = "
            << (shape.size() < 2 ? (shape.empty() ? text(a.data()[0], digits) : text(entries(a), digits))
                                 : "\n" + xgrad::to_string(a, digits))
            << '\n';
}

/// Prints `computed`, and compares it with `expected`: relative to the largest expected entry (at least 1).
/// NaN is expected to be NaN.
inline void expect(const std::string& label, const std::vector<double>& computed,
                   const std::vector<double>& expected, double tolerance = 1e-9, int digits = 10) {
  double scale = 1;
  for (double e : expected)
    if (std::isfinite(e)) scale = std::max(scale, std::abs(e));
  bool good = computed.size() == expected.size();
  for (std::size_t i = 0; good && i < expected.size(); ++i)
    good = std::isnan(expected[i]) ? std::isnan(computed[i])
                                   : std::abs(computed[i] - expected[i]) <= tolerance * scale;
  std::cout << label << " = " << (computed.size() == 1 ? text(computed[0], digits) : text(computed, digits));
  if (good) {
    std::cout << "   ✓\n";
  } else {
    ++failures;
    std::cout << "   ✗ should be " << text(expected, digits) << '\n';
  }
}

inline void expect(const std::string& label, double computed, double expected, double tolerance = 1e-9,
                   int digits = 10) {
  expect(label, std::vector<double>{computed}, std::vector<double>{expected}, tolerance, digits);
}

template <class T>
void expect(const std::string& label, const xgrad::Array<T>& computed, const std::vector<double>& expected,
            double tolerance = 1e-9, int digits = 10) {
  expect(label, entries(computed), expected, tolerance, digits);
}

/// A statement that must hold.
inline void expect_true(const std::string& label, bool holds) {
  std::cout << label << (holds ? "   ✓\n" : "   ✗\n");
  failures += !holds;
}

/// f must end with an Error: prints its message after the label. False, and a failure, when it does not.
inline bool refused(const std::string& label, const std::function<void()>& f) {
  try {
    f();
  } catch (const xgrad::Error& error) {
    std::cout << label << ": " << error.what() << '\n';
    return true;
  }
  expect_true(label + " is refused", false);
  return false;
}

/// The last line of main: return show::finish();
inline int finish() {
  if (failures) std::cout << "\n" << failures << " expectation(s) not met\n";
  return failures ? 1 : 0;
}

}  // namespace show
