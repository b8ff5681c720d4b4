// A figure as a gnuplot program. Positions are computed here in pixels of an 800 pixel wide drawing, the
// width of a README, so that titles, panels and legend cannot overlap; PNG is drawn larger, for fine screens.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sstream>

#include "axis.hpp"
#include "heat_map.hpp"

namespace plots {
namespace {

// Okabe & Ito's palette, distinguishable with every common colour blindness, in an order in which neighbours
// also differ in grey; yellow is left out, being invisible on white. Filled and open form of one marker each.
struct Look {
  const char* colour;
  int filled, open;
};
constexpr Look looks[] = {
    {"#D55E00", 7, 6},    // vermillion, circle
    {"#0072B2", 5, 4},    // blue, square
    {"#009E73", 9, 8},    // green, triangle
    {"#CC79A7", 13, 12},  // purple, diamond
    {"#E69F00", 11, 10},  // orange, triangle downwards
    {"#56B4E9", 15, 14},  // sky, pentagon
};

constexpr double width = 800, panel_height = 300, single_panel_height = 350;
constexpr double top = 66, panel_title = 24, left = 84, right = 24, below_axis = 52, row_gap = 12,
                 legend_row = 22, caption_line = 17, character = 7.2, zoom = 1.4;

std::string text(const std::string& words) {  // a gnuplot string; '' is a quote inside ''
  std::string result = "'";
  for (char c : words) result += c == '\'' ? "''" : std::string(1, c);
  return result + '\'';
}

std::string number(double x) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%g", x);
  return buffer;
}

std::string list(const std::vector<double>& numbers) {
  std::string result = "(";
  for (std::size_t i = 0; i < numbers.size(); ++i) result += (i ? ", " : "") + number(numbers[i]);
  return result + ')';
}

std::size_t characters(const std::string& words) {
  std::size_t n = 0;
  for (unsigned char c : words) n += (c & 0xC0) != 0x80;
  return n;
}

std::vector<std::string> wrapped(const std::string& words, std::size_t limit) {
  std::vector<std::string> lines;
  std::istringstream in(words);
  for (std::string word; in >> word;) {
    if (lines.empty() || characters(lines.back()) + 1 + characters(word) > limit) {
      lines.push_back(word);
    } else {
      lines.back() += ' ' + word;
    }
  }
  return lines;
}

struct LegendEntry {
  std::string words;
  std::size_t look = 0;
  bool hollow = false;
  Kind kind = Kind::measured;
  double size() const { return 48 + character * double(characters(words)); }
};

std::vector<LegendEntry> legend_of(const Figure& figure) {
  std::vector<LegendEntry> entries;
  bool predicted = false;
  for (const auto& panel : figure.panels)
    for (const auto& series : panel.series) {
      predicted = predicted || series.kind == Kind::predicted;
      const std::string& words = series.legend.empty() ? series.name : series.legend;
      const bool known = std::any_of(entries.begin(), entries.end(), [&](const auto& e) {
        return e.words == words && e.look == series.look;
      });
      if (series.kind == Kind::measured && !known) entries.push_back({words, series.look, series.hollow});
    }
  if (predicted) entries.push_back({figure.prediction, 0, false, Kind::predicted});
  return entries;
}

std::vector<std::vector<LegendEntry>> legend_rows(const Figure& figure) {
  std::vector<std::vector<LegendEntry>> rows;
  double used = 0;
  for (const auto& entry : legend_of(figure)) {
    if (rows.empty() || used + entry.size() > width - 20) {
      rows.emplace_back();
      used = 0;
    }
    rows.back().push_back(entry);
    used += entry.size();
  }
  return rows;
}

std::string line_style(const Series& series) {
  const Look& look = looks[series.look % std::size(looks)];
  std::ostringstream out;
  out << "lc rgb '" << look.colour << "' lw " << (series.hollow ? 1.4 : 2.4);
  return out.str();
}

std::string marker_style(const Series& series, double size) {
  const Look& look = looks[series.look % std::size(looks)];
  std::ostringstream out;
  out << "pt " << (series.hollow ? look.open : look.filled) << " ps " << size << " lw 1.4 lc rgb '"
      << look.colour << "'";
  return out.str();
}

constexpr const char* prediction_style = "lc rgb 'black' lw 1.3 dt (11,8)";

class Script {
 public:
  Script(const Figure& figure, Image image, const std::string& path)
      : figure_(figure), legend_(legend_rows(figure)), caption_(wrapped(figure.caption, 124)) {
    columns_ = std::max<std::size_t>(1, std::min(figure.columns, figure.panels.size()));
    rows_ = (figure.panels.size() + columns_ - 1) / columns_;
    panel_ = rows_ == 1 && columns_ == 1 ? single_panel_height : panel_height - (rows_ > 1 ? 40 : 0);
    row_height_ = panel_title + panel_ + below_axis;
    height_ = top + double(rows_) * row_height_ + double(rows_ - 1) * row_gap +
              legend_row * double(legend_.size()) + caption_line * double(caption_.size()) + 16;
    marker_ = image == Image::png ? .9 : .7;  // the two terminals mean different things by the same size
    begin(image, path);
    data();
    headline();
    legend();
    for (std::size_t i = 0; i < figure.panels.size(); ++i) panel(i);
    out_ << "unset multiplot\nunset output\n";
  }
  std::string str() const { return out_.str(); }

 private:
  double x(double pixels) const { return pixels / width; }
  double y(double pixels_from_top) const { return 1 - pixels_from_top / height_; }

  void begin(Image image, const std::string& path) {
    if (image == Image::png) {
      out_ << "set terminal pngcairo size " << zoom * width << ',' << std::round(zoom * height_)
           << " background rgb 'white' font 'DejaVu Sans,11' fontscale " << zoom << " linewidth " << zoom
           << " pointscale " << zoom << '\n';
    } else {  // a generic family: the reader's browser knows one
      out_ << "set terminal svg size " << width << ',' << height_
           << " dynamic background rgb 'white' font 'sans-serif,11' fontscale 1.3\n";
    }
    out_ << "set encoding utf8\nset output " << text(path) << "\nset multiplot\nunset key\n"
         << "set border 3 lc rgb '#606060'\nset tics nomirror out scale .6 textcolor rgb '#303030'\n"
         << "set grid ytics lc rgb '#E4E4E4' lw 1 lt 1\nset style fill transparent solid .22 noborder\n";
  }

  void data() {  // one block per series: x y low high
    for (std::size_t p = 0; p < figure_.panels.size(); ++p)
      for (std::size_t s = 0; s < figure_.panels[p].series.size(); ++s) {
        const Series& series = figure_.panels[p].series[s];
        out_ << block(p, s) << " << EOD\n";
        for (std::size_t i = 0; i < series.x.size(); ++i) {
          char line[128];
          const bool band = !series.low.empty();
          std::snprintf(line, sizeof line, "%.8g %.8g %.8g %.8g\n", series.x[i], series.y[i],
                        band ? series.low[i] : series.y[i], band ? series.high[i] : series.y[i]);
          out_ << (std::isfinite(series.y[i]) ? line : "\n");  // an empty line interrupts the curve
        }
        out_ << "EOD\n";
      }
  }

  static std::string block(std::size_t panel, std::size_t series) {
    return "$p" + std::to_string(panel) + "s" + std::to_string(series);
  }

  void put(double pixel_x, double pixel_y, const std::string& words, const std::string& style) {
    out_ << "set label " << text(words) << " at screen " << x(pixel_x) << ',' << y(pixel_y) << ' ' << style
         << " noenhanced front\n";
  }

  void headline() {
    put(14, 20, figure_.title, "left font ',14'");
    put(14, 43, figure_.subtitle, "left font ',10.5' textcolor rgb '#505050'");
  }

  // Legend and small print below all panels, where no curve can reach them.
  void legend() {
    double line = top + double(rows_) * row_height_ + double(rows_ - 1) * row_gap + 12;
    for (const auto& row : legend_) {
      double at = 0;
      for (const auto& entry : row) at += entry.size();
      at = std::max(10., (width - at) / 2);
      for (const auto& entry : row) {
        const Series series{entry.words, {}, {}, {}, {}, entry.kind, entry.look, entry.hollow};
        out_ << "set arrow from screen " << x(at) << ',' << y(line) << " to screen " << x(at + 28) << ','
             << y(line) << " nohead front "
             << (entry.kind == Kind::predicted ? prediction_style : line_style(series)) << '\n';
        if (entry.kind == Kind::measured)
          out_ << "set label '' at screen " << x(at + 14) << ',' << y(line) << " point "
               << marker_style(series, marker_) << " front\n";
        put(at + 34, line, entry.words, "left font ',10.5'");
        at += entry.size();
      }
      line += legend_row;
    }
    for (const auto& words : caption_) {
      put(14, line, words, "left font ',8.5' textcolor rgb '#606060'");
      line += caption_line;
    }
  }

  // One label serves a whole column of panels.
  bool repeated_below(std::size_t index) const {
    const auto& panels = figure_.panels;
    return index + columns_ < panels.size() && panels[index + columns_].x_label == panels[index].x_label;
  }

  void panel(std::size_t index) {
    const Panel& panel = figure_.panels[index];
    const std::size_t row = index / columns_, column = index % columns_;
    const double cell = width / double(columns_), from = double(column) * cell;
    const double upper = top + double(row) * (row_height_ + row_gap) + panel_title, lower = upper + panel_;
    if (panel.map) {
      out_ << map_commands(panel, {from, from + cell, upper, lower, width, height_});
      return;
    }
    const Range xs = x_range(panel), ys = y_range(figure_, index);
    out_ << "set lmargin at screen " << x(from + left) << "\nset rmargin at screen " << x(from + cell - right)
         << "\nset tmargin at screen " << y(upper) << "\nset bmargin at screen " << y(lower) << '\n'
         << "set title " << text(panel.title) << " offset 0,-.4 font ',11.5' noenhanced\n"
         << "set xlabel " << text(repeated_below(index) ? "" : panel.x_label)
         << " offset 0,.3 font ',10.5' noenhanced\n"
         << "set xrange [" << xs.low << ':' << xs.high << "]\nset yrange [" << ys.low << ':' << ys.high
         << "]\n"
         << "set xtics "
         << (panel.x_ticks.empty() ? number(tick_step(xs, columns_ > 1 ? 6 : 10)) : list(panel.x_ticks))
         << " font ',10'\n"
         << "set ytics " << tick_step(ys, 8, panel.log_base ? 1 : 0) << " font ',10'\n";
    if (panel.log_base) {
      out_ << "set format y '" << panel.log_base << "^{%g}'\n";
    } else {
      out_ << "set format y '%g'\n";
    }
    put(from + 20, (upper + lower) / 2, panel.y_label, "center rotate by 90 font ',10.5'");
    for (const auto& note : panel.notes)
      out_ << "set label " << text(note.text) << " at first " << note.x << ',' << note.y
           << " left font ',10' textcolor rgb '#202020' noenhanced front\n";
    std::string separator = "plot ";
    const auto add = [&](const std::string& what) {
      out_ << separator << what;
      separator = ", \\\n     ";
    };
    for (std::size_t s = 0; s < panel.series.size(); ++s)
      if (!panel.series[s].low.empty())
        add(block(index, s) + " using 1:3:4 with filledcurves lc rgb '" +
            looks[panel.series[s].look % std::size(looks)].colour + "'");
    for (std::size_t s = 0; s < panel.series.size(); ++s) {
      const Series& series = panel.series[s];
      if (series.kind == Kind::predicted) continue;
      add(block(index, s) + " using 1:2 with lines " + line_style(series));
      // About eight markers a curve, each series at its own places, so that coinciding curves show both.
      const std::size_t every = std::max<std::size_t>(1, series.x.size() / 8);
      add(block(index, s) + " every " + std::to_string(every) + "::" + std::to_string(s * every / 4 % every) +
          " using 1:2 with points " + marker_style(series, marker_));
    }
    for (std::size_t s = 0; s < panel.series.size(); ++s)
      if (panel.series[s].kind == Kind::predicted)
        add(block(index, s) + " using 1:2 with lines " + prediction_style);
    if (panel.series.empty()) add("NaN");
    out_ << "\nunset label\nunset arrow\n";
  }

  const Figure& figure_;
  std::vector<std::vector<LegendEntry>> legend_;
  std::vector<std::string> caption_;
  std::size_t columns_, rows_;
  double panel_, row_height_, height_, marker_;
  std::ostringstream out_;
};

}  // namespace

std::string gnuplot_script(const Figure& figure, Image image, const std::string& path) {
  return Script(figure, image, path).str();
}

}  // namespace plots
