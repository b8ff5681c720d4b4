#include "axis.hpp"

#include <algorithm>
#include <cmath>

namespace plots {
namespace {

void include(Range& range, const std::vector<double>& numbers) {
  for (double number : numbers)
    if (std::isfinite(number)) {
      range.low = std::min(range.low, number);
      range.high = std::max(range.high, number);
    }
}

}  // namespace

double tick_step(const Range& range, int ticks, double smallest) {
  const double least = std::max((range.high - range.low) / ticks, smallest);
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (double factor : {1., 2., 5.})
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

Range x_range(const Panel& panel) {
  Range range{INFINITY, -INFINITY};
  for (const auto& series : panel.series) include(range, series.x);
  return range.low <= range.high ? range : Range{0, 1};
}

Range y_range(const Figure& figure, std::size_t index) {
  Range range{INFINITY, -INFINITY};
  for (std::size_t i = 0; i < figure.panels.size(); ++i) {
    if (!figure.same_y && i != index) continue;
    for (const auto& series : figure.panels[i].series)
      for (const auto* numbers : {&series.y, &series.low, &series.high}) include(range, *numbers);
  }
  if (range.low > range.high) return {0, 1};
  // A curve that is flat to three digits must look flat: a log axis spans at least a factor of 100.
  const double span = range.high - range.low;
  const double least =
      figure.panels[index].log_base ? 2 * std::log(10) / std::log(figure.panels[index].log_base) : 1e-9;
  const double air = std::max(.04 * span, (least - span) / 2);
  return {range.low - air, range.high + air};
}

}  // namespace plots
