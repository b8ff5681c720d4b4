#include "figure.hpp"

#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <tuple>

namespace plots {
namespace {

std::string quoted(const std::string& field) {  // RFC 4180
  if (field.find_first_of(",\"\n") == std::string::npos) return field;
  std::string result = "\"";
  for (char c : field) result += c == '"' ? "\"\"" : std::string(1, c);
  return result + '"';
}

std::string exact(double x) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.17g", x);
  return buffer;
}

std::string scale_name(const Panel& panel) {
  if (panel.log_base == 0) return "linear";
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "log%g", panel.log_base);
  return buffer;
}

bool have_gnuplot() {
  static const bool found = std::system("command -v gnuplot >/dev/null 2>&1") == 0;
  return found;
}

void run_gnuplot(const std::string& script) {
  std::signal(SIGPIPE, SIG_IGN);  // a gnuplot that ends early shows in its exit status
  FILE* pipe = popen("gnuplot", "w");
  if (!pipe) throw std::runtime_error("gnuplot could not be started");
  std::fwrite(script.data(), 1, script.size(), pipe);
  const int status = pclose(pipe);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error("gnuplot failed: see its message above");
}

}  // namespace

void write_csv(std::ostream& out, const Figure& figure, const std::string& command) {
  out << "# " << command << "\npanel,series,kind,scale,x,y,low,high\n";
  for (const auto& panel : figure.panels) {
    if (panel.map) {
      const auto& map = *panel.map;
      for (std::size_t row = 0; row < map.rows.size(); ++row)
        for (std::size_t column = 0; column < map.columns.size(); ++column)
          out << quoted(panel.title) << ',' << quoted(map.rows[row]) << ",map," << scale_name(panel) << ','
              << quoted(map.columns[column]) << ',' << exact(map.cells[row][column]) << ",,\n";
    }
    for (const auto& series : panel.series)
      for (std::size_t i = 0; i < series.x.size(); ++i) {
        out << quoted(panel.title) << ',' << quoted(series.name) << ','
            << (series.kind == Kind::measured ? "measured" : "predicted") << ',' << scale_name(panel) << ','
            << exact(series.x[i]) << ',' << exact(series.y[i]) << ',';
        if (series.low.empty()) {
          out << ",\n";
        } else {
          out << exact(series.low[i]) << ',' << exact(series.high[i]) << '\n';
        }
      }
  }
}

bool write(const Figure& figure, const Output& output) {
  std::filesystem::create_directories(output.directory);
  const auto path = [&](const char* ending) {
    return (std::filesystem::path(output.directory) / (figure.name + ending)).string();
  };
  if (output.csv) {
    std::ofstream file(path(".csv"));
    write_csv(file, figure, output.command);
    file.close();
    if (!file) throw std::runtime_error("cannot write " + path(".csv"));
  }
  if (output.text) write_text(std::cout, figure);
  if (!output.svg && !output.png) return true;
  if (!have_gnuplot()) {
    static bool said = false;
    if (!said)
      std::cerr << "gnuplot is missing, so there are no pictures: apt-get install gnuplot-nox (brings the "
                   "font too)\n";
    said = true;
    return false;
  }
  for (const auto& [wanted, image, ending] :
       {std::tuple(output.svg, Image::svg, ".svg"), std::tuple(output.png, Image::png, ".png")}) {
    if (!wanted) continue;
    run_gnuplot(gnuplot_script(figure, image, path(ending)));
    if (!std::filesystem::exists(path(ending))) throw std::runtime_error("cannot write " + path(ending));
  }
  return true;
}

}  // namespace plots
