#pragma once
// How well a classifier does on given samples.

#include "xgrad/data/labelled.hpp"
#include "xgrad/nn/module.hpp"
#include "xgrad/train/metrics.hpp"

namespace xgrad {

struct Evaluation {
  double loss;  ///< mean cross-entropy
  ConfusionMatrix confusion;
  Indices answers;
  double accuracy() const { return confusion.accuracy(); }
};

/// Runs the model, logits (n, classes), over the samples in batches, in evaluation mode and unrecorded; the
/// mode is put back. Throws Error without samples.
template <class T>
Evaluation evaluate(Module<T>& model, const Labelled<T>& data, std::size_t batch = 500);

/// Those samples, in that order. Throws Error when there is no such sample.
template <class T>
Labelled<T> samples(const Labelled<T>& data, const std::vector<std::size_t>& which);

}  // namespace xgrad
