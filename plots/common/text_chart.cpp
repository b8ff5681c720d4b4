// The chart in plain text: no colours and no cursor movement, so that it can be piped, logged and compared.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ostream>

#include "axis.hpp"

namespace plots {
namespace {

constexpr std::size_t rows = 17, margin = 9;

std::string label(const Panel& panel, double y) {
  char buffer[32];
  if (panel.log_base) {
    std::snprintf(buffer, sizeof buffer, "%g^%.3g", panel.log_base, y);
  } else {
    std::snprintf(buffer, sizeof buffer, "%.3g", y);
  }
  return buffer;
}

std::string right_aligned(const std::string& text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

// y at x by straight lines between the points; NaN outside.
double interpolated(const Series& series, double x) {
  for (std::size_t i = 0; i + 1 < series.x.size(); ++i) {
    const double a = series.x[i], b = series.x[i + 1];
    if ((a <= x && x <= b) || (b <= x && x <= a))
      return a == b ? series.y[i] : series.y[i] + (series.y[i + 1] - series.y[i]) * (x - a) / (b - a);
  }
  return series.x.size() == 1 && series.x[0] == x ? series.y[0] : NAN;
}

void write_panel(std::ostream& out, const Figure& figure, std::size_t index, std::size_t width) {
  const Panel& panel = figure.panels[index];
  const Range x = x_range(panel), y = y_range(figure, index);
  std::vector<std::string> grid(rows, std::string(width, ' '));
  const auto draw = [&](const Series& series, char mark) {
    for (std::size_t column = 0; column < width; ++column) {
      const double value =
          interpolated(series, x.low + (x.high - x.low) * double(column) / double(width - 1));
      if (!std::isfinite(value)) continue;
      const auto row = std::size_t(std::lround((y.high - value) / (y.high - y.low) * (rows - 1)));
      if (row >= rows) continue;
      // Where curves coincide they take turns, so that none is hidden.
      char& cell = grid[row][column];
      if (cell == ' ' || cell == '.' || column % 2 == 0) cell = mark;
    }
  };
  for (const auto& series : panel.series)
    if (series.kind == Kind::predicted) draw(series, '.');
  char mark = 'a';
  std::string legend;
  for (const auto& series : panel.series) {
    if (series.kind == Kind::predicted) continue;
    draw(series, mark);
    legend += std::string(legend.empty() ? "" : "   ") + mark + ' ' + series.name;
    ++mark;
  }
  const bool predicted = std::any_of(panel.series.begin(), panel.series.end(),
                                     [](const Series& series) { return series.kind == Kind::predicted; });
  if (predicted) legend += "   . " + figure.prediction;

  if (!panel.title.empty()) out << std::string(margin + 2, ' ') << panel.title << '\n';
  out << std::string(margin + 2, ' ') << panel.y_label << '\n';
  for (std::size_t row = 0; row < rows; ++row) {
    const bool labelled = row % 4 == 0;
    out << right_aligned(labelled ? label(panel, y.high - (y.high - y.low) * double(row) / (rows - 1)) : "",
                         margin)
        << (labelled ? " +" : " |") << grid[row].substr(0, grid[row].find_last_not_of(' ') + 1) << '\n';
  }
  char left[32], right[32];
  std::snprintf(left, sizeof left, "%g", x.low);
  std::snprintf(right, sizeof right, "%g", x.high);
  out << std::string(margin + 1, ' ') << '+' << std::string(width, '-') << '\n'
      << std::string(margin + 2, ' ') << left << "  " << panel.x_label
      << right_aligned(right, width - std::min(width, std::string(left).size() + 2 + panel.x_label.size()))
      << '\n'
      << std::string(margin + 2, ' ') << legend << "\n\n";
}

}  // namespace

void write_text(std::ostream& out, const Figure& figure, std::size_t columns) {
  out << '\n' << figure.title << '\n' << figure.subtitle << "\n\n";
  for (std::size_t i = 0; i < figure.panels.size(); ++i)
    write_panel(out, figure, i, std::max<std::size_t>(columns, margin + 22) - margin - 2);
}

}  // namespace plots
