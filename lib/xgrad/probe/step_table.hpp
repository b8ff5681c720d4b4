#pragma once
// What recorders keep: a row of numbers for each training step, a column for each layer.

#include "xgrad/io/log.hpp"
#include "xgrad/nn/module.hpp"

namespace xgrad {

/// NaN marks what was not there to measure.
struct StepTable {
  std::vector<std::string> names;         ///< of the columns
  std::vector<std::vector<double>> rows;  ///< rows[step][column]

  /// One column, from step to step. Throws Error, with the names there are, when there is no such column.
  std::vector<double> column(const std::string& name) const;
  /// The last row for a Log, each name after `prefix`: log.write(step, table.last("gradient/")).
  Scalars last(const std::string& prefix = {}) const;
  /// A line of names, "step" the first, and a line for each step, counted from 1.
  void save_csv(const std::string& path) const;
};

/// Which modules of a model a recorder watches.
enum class Watch {
  layers,  ///< the model's direct parts; in place of a Sequential what is in it
  all      ///< every part, at any depth
};

/// A module and its path in the model, such as "layers.0.attention".
template <class T>
struct NamedModule {
  std::string name;
  Module<T>* module;
};

/// Those modules in the order of parts(). A model without modules as parts is its own only layer.
template <class T>
std::vector<NamedModule<T>> watched_modules(Module<T>& model, Watch watch = Watch::layers);

}  // namespace xgrad
