#include "curves.hpp"

#include <algorithm>
#include <cmath>

namespace plots {

Curve curve(const std::vector<std::vector<double>>& seeds) {
  Curve result;
  for (std::size_t i = 0; i < seeds.front().size(); ++i) {
    double sum = 0, low = INFINITY, high = -INFINITY;
    for (const auto& seed : seeds) {
      sum += seed[i];
      low = std::min(low, seed[i]);
      high = std::max(high, seed[i]);
    }
    result.mean.push_back(sum / double(seeds.size()));
    result.low.push_back(low);
    result.high.push_back(high);
  }
  return result;
}

Series measured(const std::string& name, std::size_t look, const std::vector<double>& x, const Curve& curve) {
  Series series{name, x, curve.mean, curve.low, curve.high};
  series.look = look;
  return series;
}

Series predicted(const std::string& name, const std::vector<double>& x, const std::vector<double>& y) {
  return {name, x, y, {}, {}, Kind::predicted};
}

Line fit_line(const std::vector<double>& x, const std::vector<double>& y) {
  const double middle_x = mean(x), middle_y = mean(y);
  double covariance = 0, variance = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    covariance += (x[i] - middle_x) * (y[i] - middle_y);
    variance += (x[i] - middle_x) * (x[i] - middle_x);
  }
  const double slope = std::isfinite(covariance) ? covariance / variance : NAN;
  return {slope, middle_y - slope * middle_x};
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return sum / double(values.size());
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

std::vector<double> counting(std::size_t n, double first) {
  std::vector<double> numbers(n);
  for (std::size_t i = 0; i < n; ++i) numbers[i] = first + double(i);
  return numbers;
}

}  // namespace plots
