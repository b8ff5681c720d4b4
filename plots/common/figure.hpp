#pragma once
// A figure: panels with series in them. One description becomes CSV (the exact numbers), SVG and PNG (drawn
// by gnuplot) and a chart in plain text, so that the four cannot disagree.

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace plots {

enum class Kind { measured, predicted };  ///< line with markers and band, or dashed black line on top

struct Series {
  std::string name;
  std::vector<double> x, y;
  std::vector<double> low = {}, high = {};  ///< band around y: both empty, or as long as y
  Kind kind = Kind::measured;
  std::size_t look = 0;  ///< colour and marker; series that mean the same in two panels share one
  bool hollow = false;   ///< the look's second form: open marker, thin line
  std::string legend =
      {};  ///< in the legend instead of the name; series that share it and their look show once
};

/// A few words inside a panel that begin at a point.
struct Note {
  double x, y;
  std::string text;
};

/// Numbers over two axes, shown as colours: dark is low, light is high, in grey too.
struct HeatMap {
  std::vector<std::string> rows, columns;  ///< labels from top to bottom and from left to right
  std::vector<std::vector<double>> cells;  ///< cells[row][column]; NaN: nothing was measured
  std::string unit;                        ///< what a number is, beside the scale of colours
  double low = 0, high = 0;  ///< ends of that scale; equal: those of the cells. Beyond them: the end's colour
};

/// One pair of axes. With log_base b, y holds logarithms to that base and the axis is labelled bʸ: numbers
/// too small for double still have a place.
struct Panel {
  std::string title, x_label, y_label;
  double log_base = 0;  ///< 0: a linear axis
  std::vector<Series> series;
  std::vector<Note> notes = {};
  std::vector<double> x_ticks = {};  ///< empty: round numbers
  std::optional<HeatMap> map = {};   ///< instead of series
};

struct Figure {
  std::string name;  ///< stem of the file names
  std::string title, subtitle;
  std::vector<Panel> panels;
  std::size_t columns = 1;                ///< panels beside each other
  bool same_y = true;                     ///< all panels show the same range
  std::string prediction = "prediction";  ///< what the legend calls the dashed lines
  std::string caption = {};               ///< small print: source, what the band is
};

/// "panel,series,kind,scale,x,y,low,high" after a comment line with `command`; 17 digits, so that every
/// number reads back exactly. kind is "measured", "predicted" or "map"; in a map, series and x are the labels
/// of row and column. scale is "linear" or "log<base>".
void write_csv(std::ostream& out, const Figure& figure, const std::string& command);

/// A chart of `columns` characters a line: letters are measurements, dots are predictions.
void write_text(std::ostream& out, const Figure& figure, std::size_t columns = 78);

enum class Image { svg, png };

/// The gnuplot program that draws `figure` into the file `path`.
std::string gnuplot_script(const Figure& figure, Image image, const std::string& path);

/// Where figures go and in which forms.
struct Output {
  std::string directory = ".";
  bool csv = true, svg = true, png = true, text = true;
  std::string command;  ///< for the comment in the CSV
};

/// Writes `figure` in every form that `output` asks for. Without gnuplot the images are left out, and stderr
/// says which package brings it; returns false then. Throws std::runtime_error when a file cannot be written.
bool write(const Figure& figure, const Output& output);

}  // namespace plots
