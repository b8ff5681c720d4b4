#pragma once
// The workloads of the benchmark suite, written as a user of the library writes them. peer.py holds the same
// ones for PyTorch; README.md says what each is.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "products.hpp"
#include "xgrad/xgrad.hpp"

namespace benchmarks {

struct Workload {
  /// Computes the loss; in workloads of a single op its output, whose gradient is then `cotangent`.
  std::function<xgrad::Variable<float>()> forward;
  xgrad::Array<float> cotangent = xgrad::scalar(1.0f);
  xgrad::Parameters<float> parameters;  ///< everything that gets a gradient, and keeps it for comparison
  std::unique_ptr<xgrad::Optimizer<float>> optimizer;  ///< null: forward and backward only

  // What PyTorch must be given besides the parameters, by name.
  std::vector<std::pair<std::string, xgrad::Array<float>>> numbers;
  std::vector<std::pair<std::string, xgrad::Indices>> indices;

  // What the machine must do at least.
  Products products;
  double forward_bytes = 0, backward_bytes = 0;  ///< of a single op: operands read and results written, once

  /// Forward, backward, and the optimiser's step; returns the seconds that forward took, and the rest.
  std::pair<double, double> step();
};

/// Names of everything that can be measured: the table's workloads, then the points of the curves.
const std::vector<std::string>& workload_names();

/// Throws xgrad::Error on any other name. The same name gives the same numbers every time.
Workload make_workload(const std::string& name);

}  // namespace benchmarks
