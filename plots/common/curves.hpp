#pragma once
// Statistics of what several seeds measured.

#include <cstddef>
#include <string>
#include <vector>

#include "figure.hpp"

namespace plots {

/// Mean, smallest and largest at each place over the seeds, each a curve of the same length.
struct Curve {
  std::vector<double> mean, low, high;
};
Curve curve(const std::vector<std::vector<double>>& seeds);

/// A measured series of a curve over x.
Series measured(const std::string& name, std::size_t look, const std::vector<double>& x, const Curve& curve);
/// A predicted one.
Series predicted(const std::string& name, const std::vector<double>& x, const std::vector<double>& y);

/// Slope and intercept of the least-squares line through the points; NaN if one of them is not finite.
struct Line {
  double slope, intercept;
};
Line fit_line(const std::vector<double>& x, const std::vector<double>& y);

double mean(const std::vector<double>& values);
double median(std::vector<double> values);
/// 0, 1, …, n-1 as numbers for an axis, beginning at `first`.
std::vector<double> counting(std::size_t n, double first = 0);

}  // namespace plots
