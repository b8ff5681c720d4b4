#include "slice.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "mean_field.hpp"
#include "stack_figures.hpp"

namespace plots::sweep {
namespace {

using List = std::vector<double> Snapshot::*;

Curve relative(const Measured& measured, List list, bool to_the_top) {
  std::vector<std::vector<double>> curves;
  for (const auto* seed : measured.seeds) {
    curves.push_back(seed->front().*list);
    const double reference = to_the_top ? curves.back().back() : curves.back().front();
    for (double& number : curves.back()) number -= reference;
  }
  return curve(curves);
}

// What stacks of mean_field.hpp can express: nothing for other cells.
std::optional<StackOptions> as_stack(const Cell& cell) {
  static const std::map<std::string, Norm> placements = {
      {"none", Norm::none}, {"pre", Norm::pre}, {"post", Norm::post}};
  static const std::set<std::string> known = {"linear", "relu", "sigmoid", "tanh"};
  const bool mlp = cell.architecture == "mlp", plain = cell.wiring == "plain";
  if ((!mlp && cell.architecture != "ffn") || !known.count(cell.activation) || !placements.count(cell.norm))
    return {};
  if (!plain && cell.wiring != "residual" && cell.wiring != "scaled") return {};
  if (mlp && !(plain && cell.norm == "none")) return {};
  StackOptions stack;
  stack.wiring = mlp ? Wiring::plain : plain ? Wiring::no_skip : Wiring::residual;
  stack.norm = placements.at(cell.norm);
  set_activation(stack, cell.activation);
  // An orthogonal matrix has the second moments of one with variance 1/n.
  set_init(stack, cell.init == "orthogonal" ? "lecun" : cell.init);
  if (cell.wiring == "scaled") stack.alpha = 1 / std::sqrt(double(cell.depth));
  stack.depth = cell.depth;
  stack.width = cell.width;
  return stack;
}

}  // namespace

std::vector<double> Measured::ratios() const {
  std::vector<double> result;
  for (const auto* seed : seeds)
    result.push_back(seed->front().gradients.front() - seed->front().gradients.back());
  return result;
}

Curve Measured::gradients() const { return relative(*this, &Snapshot::gradients, true); }
Curve Measured::values() const { return relative(*this, &Snapshot::values, false); }

std::string value(const Cell& cell, const std::string& setting) {
  for (const auto& [name, value] : settings_of(cell))
    if (name == setting) return value;
  return "";
}

std::vector<std::string> values(const Slice& slice, const std::string& setting) {
  std::vector<std::string> result;
  for (const auto& measured : slice) {
    const std::string found = value(measured.cell, setting);
    if (std::find(result.begin(), result.end(), found) == result.end()) result.push_back(found);
  }
  return result;
}

std::vector<std::string> varying(const Slice& slice) {
  std::vector<std::string> result;
  for (const auto& setting : settings_of(slice.front().cell))
    if (setting.first != "tokens" && setting.first != "heads" && values(slice, setting.first).size() > 1)
      result.push_back(setting.first);
  return result;
}

std::vector<std::string> without(std::vector<std::string> names, const std::string& name) {
  names.erase(std::remove(names.begin(), names.end(), name), names.end());
  return names;
}

std::string words(const Cell& cell, const std::vector<std::string>& settings) {
  std::string result;
  for (const auto& setting : settings) {
    std::string word = value(cell, setting);
    if (setting == "depth") word = "depth " + word;
    if (setting == "init" && word == "default") word = "U(±1/√n)";
    if (setting == "norm") word = word == "none" ? "no norm" : word == "batch" ? "BN" : word + "-norm";
    result += (result.empty() ? "" : ", ") + word;
  }
  return result;
}

std::optional<std::vector<double>> theory(const Cell& cell) {
  if (cell.wiring == "rezero" && cell.norm != "post") return std::vector<double>(cell.depth + 1, 0);
  if (const auto stack = as_stack(cell)) return predict(*stack).gradients;
  return {};
}

double theory_tolerance(const Cell& cell, std::size_t seeds) {
  if (cell.wiring == "rezero") return 0;
  // The share of a layer's second moment that comes through its random matrices.
  const StackOptions stack = *as_stack(cell);
  const double c = stack.alpha * stack.alpha * variance_times_fan_in(stack.init) *
                   (stack.wiring == Wiring::plain ? 1 : variance_times_fan_in(stack.second_init)) *
                   (cell.activation == "relu" ? .5 : 1),
               share = cell.wiring == "plain" ? 1 : c / (1 + c),
               matrices = double(cell.depth) * (cell.architecture == "ffn" ? 2 : 1), n = double(cell.width);
  // Each random matrix moves the mean of log ‖δ‖² by up to 5/2n, with variance 5/n (Hanin & Nica,
  // arXiv:1812.05994); three standard deviations, and 0.02 for the batch.
  return .02 + (share * matrices * 2.5 / n + 3 * share * std::sqrt(matrices * 5 / n / double(seeds))) /
                   (2 * std::log(10));
}

}  // namespace plots::sweep
