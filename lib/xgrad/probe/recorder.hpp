#pragma once
// Recorders: they look inside a model while it trains. Make one beside the model, and call step() once per
// training step, after backward (a Trainer does so with `trainer.on_step`):
//
//   FlowRecorder<float> flow(model);
//   trainer.on_step = [&](const History&) { flow.step(); };
//   …
//   flow.gradients().save_csv("gradients.csv");
//
// They see what is recorded on a tape by the thread that made them: no evaluation under NoGrad, and of a
// batch that in_parallel cuts into parts the first part. They and the model stay where they are meanwhile.

#include <unordered_map>

#include "xgrad/probe/gradient_norms.hpp"
#include "xgrad/probe/step_table.hpp"

namespace xgrad {

/// What the modules of a list read and gave since the last step, for the recorders.
template <class T>
class StepWatch {
 public:
  struct Call {
    Variable<T> x, y;  ///< x is empty unless asked for, and for a module that reads token numbers
  };
  enum class Inputs { drop, keep };
  explicit StepWatch(const std::vector<NamedModule<T>>& modules, Inputs inputs = Inputs::drop);
  /// The calls of each module, in the order of the list; then all are forgotten.
  std::vector<std::vector<Call>> take();

 private:
  std::unordered_map<const Module<T>*, std::size_t> numbers_;
  std::vector<std::vector<Call>> calls_;
  Observer<T> observer_;
};

/// log₁₀ RMS of every layer's output y and of its gradient ∂L/∂y, for each step: how signals and gradients
/// flow through the model. The RMS of a layer that runs more than once in a step is that of all its outputs
/// together. Between backward and step() it keeps the outputs and their gradients in memory.
template <class T>
class FlowRecorder {
 public:
  explicit FlowRecorder(Module<T>& model, Watch watch = Watch::layers);
  void step();
  const StepTable& values() const { return values_; }
  const StepTable& gradients() const { return gradients_; }

 private:
  StepWatch<T> watch_;
  StepTable values_, gradients_;
};

/// For every parameter θ and step: log₁₀ RMS of its gradient, and the update-to-data ratio log₁₀(‖Δθ‖/‖θ‖), θ
/// before the update. About -3 is a rule of thumb for a healthy learning rate (A. Karpathy): far above, the
/// weights are thrown about, far below, they hardly move. inf where θ was 0, as biases are at first. Call
/// step() after the optimiser's; a gradient that was clipped is recorded as clipped.
template <class T>
class UpdateRecorder {
 public:
  explicit UpdateRecorder(const Parameters<T>& parameters);
  void step();
  const StepTable& gradients() const { return gradients_; }
  const StepTable& ratios() const { return ratios_; }

 private:
  Parameters<T> parameters_;
  std::vector<Array<T>> before_;
  std::vector<double> norms_;  // log₁₀ ‖before‖
  StepTable gradients_, ratios_;
};

}  // namespace xgrad
