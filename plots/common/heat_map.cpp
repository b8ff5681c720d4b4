#include "heat_map.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ostream>
#include <sstream>

#include "axis.hpp"

namespace plots {
namespace {

// Cividis (Nuñez, Anderton & Renslow, PLOS ONE 13, 2018): even steps for every colour vision, and in grey.
constexpr const char* palette[] = {"#00224E", "#123570", "#3B496C", "#575D6D", "#707173",
                                   "#8A8678", "#A59C74", "#C3B369", "#E1CC55", "#FEE838"};

Range colours(const HeatMap& map) {
  if (map.low < map.high) return {map.low, map.high};
  Range range{INFINITY, -INFINITY};
  for (const auto& row : map.cells)
    for (double cell : row)
      if (std::isfinite(cell)) range = {std::min(range.low, cell), std::max(range.high, cell)};
  if (range.low > range.high) return {0, 1};
  return range.low < range.high ? range : Range{range.low - 1, range.high + 1};
}

std::size_t characters(const std::string& text) {
  return std::size_t(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::size_t longest(const std::vector<std::string>& labels) {
  std::size_t most = 0;
  for (const auto& label : labels) most = std::max(most, characters(label));
  return most;
}

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::string space(width - std::min(width, characters(text)), ' ');
  return right ? space + text : text + space;
}

std::string short_number(double x) {
  if (!std::isfinite(x)) return "–";
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, std::abs(x) < 9.95 ? "%.1f" : "%.0f", x);
  return buffer == std::string("-0.0") ? "0.0" : buffer;
}

std::string quoted(const std::string& words) {
  std::string result = "'";
  for (char c : words) result += c == '\'' ? "''" : std::string(1, c);
  return result + '\'';
}

// ('label' place, …), as many as there is room for: each takes `space` pixels of `length`.
std::string tics(const std::vector<std::string>& labels, double length, double space, bool upwards) {
  const std::size_t n = labels.size();
  const auto every = std::max<std::size_t>(1, std::size_t(std::ceil(double(n) * space / length)));
  std::ostringstream out;
  const char* separator = "(";
  for (std::size_t i = 0; i < n; i += every, separator = ", ")
    out << separator << quoted(labels[i]) << ' ' << (upwards ? n - 1 - i : i);
  out << ')';
  return out.str();
}

}  // namespace

std::string map_commands(const Panel& panel, const Place& place) {
  const HeatMap& map = *panel.map;
  const std::size_t rows = map.rows.size(), columns = map.columns.size();
  const Range range = colours(map);
  constexpr double letter = 7.4, scale = 92;
  const double left = place.left + (panel.y_label.empty() ? 26 : 62) + letter * double(longest(map.rows)),
               right = place.right - scale;
  std::ostringstream out;
  const auto label = [&](const std::string& words, double x, double y, const std::string& style) {
    out << "set label " << quoted(words) << " at screen " << x / place.width << ',' << 1 - y / place.height
        << ' ' << style << " noenhanced front\n";
  };
  out << "set lmargin at screen " << left / place.width << "\nset rmargin at screen " << right / place.width
      << "\nset tmargin at screen " << 1 - place.upper / place.height << "\nset bmargin at screen "
      << 1 - place.lower / place.height << '\n'
      << "set title " << quoted(panel.title) << " offset 0,-.4 font ',11.5' noenhanced\nset xlabel "
      << quoted(panel.x_label) << " offset 0,.3 font ',10.5' noenhanced\n"
      << "set xrange [-.5:" << double(columns) - .5 << "]\nset yrange [-.5:" << double(rows) - .5 << "]\n"
      << "set xtics " << tics(map.columns, right - left, 12 + letter * double(longest(map.columns)), false)
      << " font ',10' noenhanced\nset ytics " << tics(map.rows, place.lower - place.upper, 18, true)
      << " font ',10' noenhanced\nset palette defined (";
  for (std::size_t i = 0; i < std::size(palette); ++i)
    out << (i ? ", " : "") << i << " '" << palette[i] << "'";
  out << ")\nset cbrange [" << range.low << ':' << range.high << "]\nset colorbox vertical user origin "
      << (right + 12) / place.width << ',' << 1 - place.lower / place.height << " size " << 14 / place.width
      << ',' << (place.lower - place.upper) / place.height << "\nset cbtics font ',9.5'\nset format cb '%g'\n"
      << "set object 99 rectangle from graph 0,0 to graph 1,1 fillstyle solid noborder fillcolor rgb "
         "'#DDDDDD' behind\nunset grid\nset style fill solid noborder\n";
  label(panel.y_label, place.left + 20, (place.upper + place.lower) / 2, "center rotate by 90 font ',10.5'");
  label(map.unit, place.right - 18, (place.upper + place.lower) / 2, "center rotate by 90 font ',10'");
  const bool numbers = rows <= 16 && columns <= 12;
  for (std::size_t row = 0; numbers && row < rows; ++row)
    for (std::size_t column = 0; column < columns; ++column) {
      const double cell = map.cells[row][column];
      const bool light = !(cell < (range.low + range.high) / 2);
      out << "set label " << quoted(short_number(cell)) << " at first " << column << ',' << rows - 1 - row
          << " center font ',10' textcolor rgb '" << (light ? "black" : "white") << "' noenhanced front\n";
    }
  out << "$map << EOD\n";  // each cell reaches under the next: no seams
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t column = 0; column < columns; ++column)
      if (const double cell = map.cells[row][column]; std::isfinite(cell))
        out << column << ' ' << rows - 1 - row << ' ' << std::clamp(cell, range.low, range.high) << '\n';
  out << "EOD\nplot $map using 1:2:($1-.5):($1+.6):($2-.6):($2+.5):3 with boxxyerror fillstyle solid "
         "noborder linecolor palette\nunset label\nunset object 99\nunset colorbox\n"
      << "set grid ytics lc rgb '#E4E4E4' lw 1 lt 1\nset ytics enhanced\nset style fill transparent solid "
         ".22 noborder\n";
  return out.str();
}

void write_map(std::ostream& out, const Panel& panel, std::size_t width) {
  const HeatMap& map = *panel.map;
  const std::size_t names = std::max(longest(map.rows), std::size_t(6)),
                    cell = std::max(longest(map.columns), std::size_t(6)) + 2;
  if (!panel.title.empty()) out << panel.title << '\n';
  out << map.unit << ";  across: " << panel.x_label << '\n';
  if (names + cell * map.columns.size() <= 2 * width && map.rows.size() <= 40) {
    out << std::string(names, ' ');
    for (const auto& column : map.columns) out << padded(column, cell, true);
    out << '\n';
    for (std::size_t row = 0; row < map.rows.size(); ++row) {
      out << padded(map.rows[row], names, false);
      for (double number : map.cells[row]) out << padded(short_number(number), cell, true);
      out << '\n';
    }
    out << '\n';
    return;
  }
  static const std::string shades = ".:-=+*#%@";
  const Range range = colours(map);
  const std::size_t across = std::min(map.columns.size(), width - std::min(width - 10, names + 2)),
                    down = std::min(map.rows.size(), std::size_t(24));
  for (std::size_t i = 0; i < down; ++i) {
    const std::size_t row = i * map.rows.size() / down;
    out << padded(map.rows[row], names, true) << " |";
    for (std::size_t j = 0; j < across; ++j) {
      const double number = map.cells[row][j * map.columns.size() / across];
      const double place = (std::clamp(number, range.low, range.high) - range.low) / (range.high - range.low);
      out << (std::isfinite(number)
                  ? shades[std::min(shades.size() - 1, std::size_t(place * double(shades.size())))]
                  : ' ');
    }
    out << '\n';
  }
  out << std::string(names, ' ') << " +" << std::string(across, '-') << '\n'
      << std::string(names + 2, ' ') << map.columns.front()
      << padded(map.columns.back(), across - std::min(across, map.columns.front().size()), true) << "\n  "
      << shades << ": from " << short_number(range.low) << " to " << short_number(range.high)
      << ", empty: nothing measured\n\n";
}

}  // namespace plots
