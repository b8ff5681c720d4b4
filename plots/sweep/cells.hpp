#pragma once
// One cell of the sweep: all settings of one kind of network. And the list of cells that a command asks for.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace plots::sweep {

struct Cell {
  std::string architecture = "ffn", wiring = "plain", norm = "none", activation = "relu", init = "default";
  std::size_t depth = 32, width = 64, batch = 16, tokens = 16, heads = 4;
  std::size_t steps = 0;  ///< of training
  std::string optimiser = "adam";
  double rate = 1e-3;
};

/// What --help and error messages list.
extern const std::vector<std::string> architectures, wirings, norms, activations, inits, optimisers;

/// Name and value of every setting, in the order of Cell: the key of a measurement.
using Settings = std::vector<std::pair<std::string, std::string>>;
Settings settings_of(const Cell& cell);

/// Why there is no such network, in one clause; empty when there is.
std::string nonsense(const Cell& cell);

/// Lists of values; every combination of them is a cell.
struct Selection {
  std::vector<std::string> architectures, wirings, norms, activations, inits;
  std::vector<std::size_t> depths;
  Cell rest;  ///< the settings that have one value
};

/// All combinations that make sense. One that does not is left out, and `left_out` says why; but a value that
/// was asked for and takes part in no combination throws std::runtime_error.
std::vector<Cell> combinations(const Selection& selection, std::vector<std::string>& left_out);

}  // namespace plots::sweep
