#pragma once
// Units that no gradient passes: saturated ones, and dead ones.

#include "xgrad/probe/recorder.hpp"

namespace xgrad {

/// The share of the entries of y that are saturated: for tanh |y| > threshold, for another range (low, high)
/// the same after it is mapped onto (-1, 1): |2(y - low)/(high - low) - 1| > threshold. With the threshold
/// 0.99 the slope there is below 2 % of the steepest, for tanh (1 - y²) and for sigmoid (4y(1 - y)) alike.
/// NaN when y is empty; NaN entries are not saturated. Throws Error unless low < high.
template <class T>
double saturated_share(const Array<T>& y, double low = -1, double high = 1, double threshold = .99);

/// The share of units that are 0 (or less) for every sample, y = relu(…): no gradient reaches their weights.
/// A unit is an index of `axis`: the features of (…, d) by default, axis 1 for the channels of (N, C, H, W).
/// Throws Error when y is empty or has no such axis.
template <class T>
double dead_share(const Array<T>& y, std::ptrdiff_t axis = -1);

/// Saturated and dead units of a model's activations for each training step, as the recorders of
/// recorder.hpp: for every part that is called tanh or sigmoid the saturated share, for every relu the dead
/// share of the batch (its channels when y has four axes); the mean when one runs more than once in a step.
/// Activations that are no modules, such as a call of relu(x) within a forward function, are not seen.
template <class T>
class UnitRecorder {
 public:
  explicit UnitRecorder(Module<T>& model, double threshold = .99);
  void step();
  /// Columns are the paths of the activations: "layers.0.feed_forward.activation".
  const StepTable& saturated() const { return saturated_; }
  const StepTable& dead() const { return dead_; }

 private:
  double threshold_;
  std::vector<NamedModule<T>> modules_;
  StepWatch<T> watch_;
  StepTable saturated_, dead_;
};

}  // namespace xgrad
