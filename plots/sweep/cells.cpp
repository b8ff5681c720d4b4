#include "cells.hpp"

#include <algorithm>
#include <set>
#include <sstream>
#include <stdexcept>

namespace plots::sweep {
namespace {

std::string number(double x) {
  std::ostringstream out;
  out.precision(17);
  out << x;
  return out.str();
}

bool has_attention(const Cell& cell) {
  return cell.architecture == "attention" || cell.architecture == "transformer";
}

}  // namespace

const std::vector<std::string> architectures = {"mlp", "ffn", "attention", "transformer", "rnn"};
const std::vector<std::string> wirings = {"plain", "residual", "scaled", "rezero", "deepnorm", "highway"};
const std::vector<std::string> norms = {"none", "batch", "pre", "post", "sandwich", "rms"};
const std::vector<std::string> activations = {"linear",  "relu",     "leaky_relu", "gelu",
                                              "sigmoid", "softplus", "tanh"};
const std::vector<std::string> inits = {"default", "xavier", "he", "lecun", "orthogonal", "balanced"};
const std::vector<std::string> optimisers = {"sgd", "adam"};

Settings settings_of(const Cell& cell) {
  return {{"architecture", cell.architecture},
          {"wiring", cell.wiring},
          {"norm", cell.norm},
          {"activation", cell.activation},
          {"init", cell.init},
          {"depth", std::to_string(cell.depth)},
          {"width", std::to_string(cell.width)},
          {"batch", std::to_string(cell.batch)},
          {"tokens", has_attention(cell) ? std::to_string(cell.tokens) : "1"},
          {"heads", has_attention(cell) ? std::to_string(cell.heads) : "1"},
          {"steps", std::to_string(cell.steps)},
          {"optimiser", cell.steps ? cell.optimiser : "none"},
          {"rate", number(cell.steps ? cell.rate : 0)}};
}

std::string nonsense(const Cell& cell) {
  if (cell.init == "balanced" && cell.architecture != "ffn" && cell.architecture != "transformer")
    return "the init balanced (He, then 1/n) needs branches of two matrices: --architecture ffn or "
           "transformer";
  if (cell.architecture == "attention" && cell.activation != "linear")
    return "attention has no activation: it needs --activation linear";
  if (cell.wiring == "deepnorm" && cell.norm != "post")
    return "deepnorm is LN(αx + f(x)): it needs --norm post";
  if (cell.wiring == "deepnorm" && cell.architecture == "rnn")
    return "deepnorm counts layers with weights of their own: an rnn has one";
  if (cell.norm == "batch" && cell.batch * (has_attention(cell) ? cell.tokens : 1) < 2)
    return "batch normalisation needs two samples at least: --batch 2";
  if (has_attention(cell) && cell.width % cell.heads != 0)
    return "--heads must divide --width: " + std::to_string(cell.heads) + " heads, width " +
           std::to_string(cell.width);
  return "";
}

std::vector<Cell> combinations(const Selection& selection, std::vector<std::string>& left_out) {
  std::vector<Cell> cells;
  std::set<std::string> reasons;
  std::string reason;
  for (const auto& architecture : selection.architectures)
    for (const auto& norm : selection.norms)
      for (const auto& activation : selection.activations)
        for (const auto& init : selection.inits)
          for (const auto& wiring : selection.wirings)
            for (const auto depth : selection.depths) {
              Cell cell = selection.rest;
              cell.architecture = architecture;
              cell.norm = norm;
              cell.activation = activation;
              cell.init = init;
              cell.wiring = wiring;
              cell.depth = depth;
              const std::string why = nonsense(cell);
              if (why.empty()) {
                cells.push_back(cell);
              } else if (reasons.insert(why).second) {
                left_out.push_back(why);
              }
            }
  const auto used = [&](const std::vector<std::string>& wanted, std::string Cell::*setting) {
    for (const auto& value : wanted)
      if (std::none_of(cells.begin(), cells.end(), [&](const Cell& c) { return c.*setting == value; }))
        throw std::runtime_error(left_out.empty() ? "nothing was selected" : left_out.front());
  };
  used(selection.architectures, &Cell::architecture);
  used(selection.norms, &Cell::norm);
  used(selection.activations, &Cell::activation);
  used(selection.inits, &Cell::init);
  used(selection.wirings, &Cell::wiring);
  return cells;
}

}  // namespace plots::sweep
