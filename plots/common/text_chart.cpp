// The chart in plain text: no colours and no cursor movement, so that it can be piped, logged and compared.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ostream>

#include "axis.hpp"
#include "heat_map.hpp"

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
  const auto row_of = [&](double value) {
    return std::lround((y.high - value) / (y.high - y.low) * (rows - 1));
  };
  const auto draw = [&](const Series& series, char mark, auto takes) {
    for (std::size_t column = 0; column < width; ++column) {
      const double value =
          interpolated(series, x.low + (x.high - x.low) * double(column) / double(width - 1));
      if (!std::isfinite(value)) continue;
      const auto row = row_of(value);
      if (row < 0 || row >= long(rows)) continue;
      char& cell = grid[std::size_t(row)][column];
      if (takes(cell, column)) cell = mark;
    }
  };
  std::vector<const Series*> measured;
  for (const auto& series : panel.series) {
    if (series.kind == Kind::measured) measured.push_back(&series);
    if (series.kind == Kind::predicted) draw(series, '.', [](char, std::size_t) { return true; });
  }
  std::vector<std::string> legend;
  for (std::size_t s = 0; s < measured.size(); ++s) {
    const char mark = char('a' + s % 26);
    // Where curves coincide they take turns, so that none is hidden.
    draw(*measured[s], mark, [&](char cell, std::size_t column) {
      return cell == ' ' || cell == '.' || column % measured.size() == s;
    });
    legend.push_back(std::string(1, mark) + ' ' + measured[s]->name);
  }
  if (measured.size() < panel.series.size()) legend.push_back(". " + figure.prediction);

  // A tick stands in the row nearest to its round number.
  std::vector<std::string> labels(rows);
  const double step = tick_step(y, 6, panel.log_base ? 1 : 0);
  for (double tick = std::ceil(y.low / step) * step; tick <= y.high; tick += step)
    labels[std::size_t(row_of(tick))] = label(panel, std::abs(tick) < step / 2 ? 0 : tick);
  if (!panel.title.empty()) out << std::string(margin + 2, ' ') << panel.title << '\n';
  out << std::string(margin + 2, ' ') << panel.y_label << '\n';
  for (std::size_t row = 0; row < rows; ++row) {
    out << right_aligned(labels[row], margin) << (labels[row].empty() ? " |" : " +")
        << grid[row].substr(0, grid[row].find_last_not_of(' ') + 1) << '\n';
  }
  char left[32], right[32];
  std::snprintf(left, sizeof left, "%g", x.low);
  std::snprintf(right, sizeof right, "%g", x.high);
  out << std::string(margin + 1, ' ') << '+' << std::string(width, '-') << '\n'
      << std::string(margin + 2, ' ') << left << "  " << panel.x_label
      << right_aligned(right, width - std::min(width, std::string(left).size() + 2 + panel.x_label.size()))
      << '\n';
  for (std::size_t i = 0, used = 0; i < legend.size(); ++i) {
    const bool fits = i > 0 && used + 3 + legend[i].size() <= width;
    out << (fits ? "   " : (i ? "\n" : "") + std::string(margin + 2, ' ')) << legend[i];
    used = legend[i].size() + (fits ? used + 3 : 0);
  }
  out << "\n\n";
}

}  // namespace

void write_text(std::ostream& out, const Figure& figure, std::size_t columns) {
  out << '\n' << figure.title << '\n' << figure.subtitle << "\n\n";
  for (std::size_t i = 0; i < figure.panels.size(); ++i) {
    if (figure.panels[i].map) {
      write_map(out, figure.panels[i], columns);
    } else {
      write_panel(out, figure, i, std::max<std::size_t>(columns, margin + 22) - margin - 2);
    }
  }
}

}  // namespace plots
