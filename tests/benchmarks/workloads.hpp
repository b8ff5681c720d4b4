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
  /// Computes the loss of one of equal parts of the batch; in workloads of a single op, which have one part,
  /// its output.
  std::function<xgrad::Variable<float>(std::size_t part)> forward;
  std::size_t parts = 1;                                ///< more than one: each on a thread of its own
  xgrad::Array<float> cotangent = xgrad::scalar(1.0f);  ///< gradient of what forward returns
  std::shared_ptr<xgrad::Module<float>> model = {};     ///< null in workloads of ops
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
  /// The loss of the whole batch, or the op's output.
  xgrad::Array<float> result() const;
};

/// Names of everything that can be measured: the table's workloads, then the points of the curves.
const std::vector<std::string>& workload_names();

/// The workload of that name for so many threads: models split their batch among them. Throws xgrad::Error on
/// any other name. The same name gives the same numbers every time.
Workload make_workload(const std::string& name, std::size_t threads = 1);

}  // namespace benchmarks
