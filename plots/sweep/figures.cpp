// Pictures of a slice: curves over the layers, curves over depth, maps over any two settings, maps of
// training.

#include <algorithm>
#include <cmath>

#include "slice.hpp"

namespace plots::sweep {
namespace {

constexpr const char* layers = "layer / depth  (0: input, 1: top)";
constexpr std::size_t curves_at_most = 6, maps_at_most = 6;

std::string common(const Slice& slice) {
  const auto different = varying(slice);
  std::vector<std::string> shared;
  for (const char* name : {"architecture", "wiring", "norm", "activation", "init", "depth"})
    if (std::find(different.begin(), different.end(), name) == different.end()) shared.emplace_back(name);
  return words(slice.front().cell, shared) + ", width " + std::to_string(slice.front().cell.width);
}

std::string seeds_text(const Slice& slice) {
  const std::size_t n = slice.front().seeds.size();
  return n == 1 ? "One network for each." : "Mean and range of " + std::to_string(n) + " networks.";
}

Figure empty(const Slice& slice, const std::string& title) {
  Figure figure{"sweep", title, common(slice), {}};
  figure.prediction = "theory for wide layers";
  return figure;
}

Figure curves(const Slice& slice) {
  Figure figure = empty(slice, "Gradients and values across the layers");
  figure.columns = 2;
  figure.same_y = false;
  figure.caption =
      "RMS over batch and features at every hidden state, before training, for a random normal "
      "gradient at the top. " +
      seeds_text(slice);
  Panel gradients{"gradients", layers, "RMS of ∂L/∂x, 1 at the top", 10, {}},
      values{"values", layers, "RMS of x, 1 at the input", 10, {}};
  const auto different = varying(slice);
  for (std::size_t i = 0; i < slice.size(); ++i) {
    const Cell& cell = slice[i].cell;
    const std::string name = different.empty() ? cell.wiring : words(cell, different);
    std::vector<double> x = counting(cell.depth + 1);
    for (double& place : x) place /= double(cell.depth);
    gradients.series.push_back(measured(name, i, x, slice[i].gradients()));
    values.series.push_back(measured(name, i, x, slice[i].values()));
    if (const auto prediction = theory(cell)) gradients.series.push_back(predicted(name, x, *prediction));
  }
  figure.panels = {gradients, values};
  return figure;
}

Figure depths(const Slice& slice) {
  Figure figure = empty(slice, "What arrives at the input, over depth");
  figure.caption = "RMS of ∂L/∂x at the input over that at the top, before training. " + seeds_text(slice);
  Panel panel{"", "depth", "input / top", 10, {}};
  const auto rest = without(varying(slice), "depth");
  std::vector<Series> measurements, predictions;
  for (const auto& measured : slice) {
    const std::string name = rest.empty() ? measured.cell.wiring : words(measured.cell, rest);
    auto found = std::find_if(measurements.begin(), measurements.end(),
                              [&](const Series& series) { return series.name == name; });
    if (found == measurements.end()) {
      Series series{name, {}, {}};
      series.look = measurements.size();
      measurements.push_back(series);
      predictions.push_back(predicted(name, {}, {}));
      found = measurements.end() - 1;
    }
    const auto ratios = measured.ratios();
    found->x.push_back(double(measured.cell.depth));
    found->y.push_back(mean(ratios));
    found->low.push_back(*std::min_element(ratios.begin(), ratios.end()));
    found->high.push_back(*std::max_element(ratios.begin(), ratios.end()));
    if (const auto prediction = theory(measured.cell)) {
      auto& line = predictions[std::size_t(found - measurements.begin())];
      line.x.push_back(double(measured.cell.depth));
      line.y.push_back(prediction->front());
    }
  }
  panel.series = measurements;
  for (const auto& line : predictions)
    if (!line.x.empty()) panel.series.push_back(line);
  for (const auto& depth : values(slice, "depth")) panel.x_ticks.push_back(std::stod(depth));
  figure.panels = {panel};
  return figure;
}

std::string longest_axis(const Slice& slice) {
  const auto different = varying(slice);
  std::string best = different.empty() ? "wiring" : different.front();
  for (const auto& name : different)
    if (values(slice, name).size() > values(slice, best).size()) best = name;
  return best;
}

Figure map_over(const Slice& slice, std::string across) {
  if (across.empty()) across = values(slice, "depth").size() > 1 ? "depth" : longest_axis(slice);
  Figure figure = empty(slice, "How much of the gradient arrives at the input");
  figure.caption =
      "log₁₀ of the RMS of ∂L/∂x at the input over that at the top, before training: 0 is ideal, negative is "
      "vanishing, positive exploding; colours end at ±5. Grey: the combination makes no sense. Mean over " +
      std::to_string(slice.front().seeds.size()) + " network(s).";
  const auto rest = without(varying(slice), across);
  HeatMap map;
  map.unit = "log₁₀ of input / top";
  map.low = -5;
  map.high = 5;
  map.columns = values(slice, across);
  for (const auto& measured : slice) {
    const std::string row = rest.empty() ? "all" : words(measured.cell, rest);
    auto found = std::find(map.rows.begin(), map.rows.end(), row);
    if (found == map.rows.end()) {
      map.rows.push_back(row);
      map.cells.emplace_back(map.columns.size(), NAN);
      found = map.rows.end() - 1;
    }
    const auto column = std::find(map.columns.begin(), map.columns.end(), value(measured.cell, across));
    map.cells[std::size_t(found - map.rows.begin())][std::size_t(column - map.columns.begin())] =
        measured.ratio();
  }
  Panel panel{"", across, "", 0, {}};
  panel.map = map;
  figure.panels = {panel};
  return figure;
}

HeatMap training_map(const Measured& measured) {
  HeatMap map;
  map.unit = "log₁₀ RMS of ∂L/∂x";
  const auto& first = *measured.seeds.front();
  for (std::size_t step = 0; step < first.size(); ++step) map.columns.push_back(std::to_string(step));
  for (std::size_t layer = measured.cell.depth + 1; layer-- > 0;) {
    map.rows.push_back(std::to_string(layer));
    std::vector<double> row(first.size(), 0);
    for (std::size_t step = 0; step < row.size(); ++step)
      for (const auto* seed : measured.seeds)
        row[step] += (*seed)[step].gradients[layer] / double(measured.seeds.size());
    map.cells.push_back(row);
  }
  return map;
}

Figure training(const Slice& slice) {
  Figure figure = empty(slice, "Gradients at every layer and every step of training");
  figure.columns = slice.size() > 1 ? 2 : 1;
  figure.caption = "log₁₀ of the RMS of ∂L/∂x at each hidden state; classification of ten Gaussian clouds, " +
                   slice.front().cell.optimiser + " at " + value(slice.front().cell, "rate").substr(0, 6) +
                   ". Grey: not finite. Mean of the logarithms over " +
                   std::to_string(slice.front().seeds.size()) + " network(s).";
  double low = INFINITY, high = -INFINITY;
  for (std::size_t i = 0; i < std::min(slice.size(), maps_at_most); ++i) {
    Panel panel{words(slice[i].cell, varying(slice)), "step", "layer", 0, {}};
    panel.map = training_map(slice[i]);
    for (const auto& row : panel.map->cells)
      for (double cell : row)
        if (std::isfinite(cell)) low = std::min(low, cell), high = std::max(high, cell);
    figure.panels.push_back(panel);
  }
  // One scale for all maps, and never so long that what is near 1 cannot be told apart.
  for (auto& panel : figure.panels) {
    panel.map->low = std::max(low, high - 16);
    panel.map->high = high;
  }
  return figure;
}

}  // namespace

Form suitable(const Slice& slice) {
  if (slice.front().cell.steps > 0) return Form::training;
  const std::size_t depths = values(slice, "depth").size();
  if (slice.size() / depths > curves_at_most) return Form::map;
  return depths > 1 ? Form::depths : Form::curves;
}

Figure figure(const Slice& slice, Form form, std::string across) {
  if (form == Form::curves) return curves(slice);
  if (form == Form::depths) return depths(slice);
  if (form == Form::training) return training(slice);
  return map_over(slice, std::move(across));
}

}  // namespace plots::sweep
