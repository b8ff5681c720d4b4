#pragma once
// Losses. Each returns a scalar: the mean over samples (default) or the sum. Throws Error when targets do not
// have the shape they must.

#include <cstdint>

#include "xgrad/core/tape.hpp"

namespace xgrad {

enum class Reduction { mean, sum };

struct CrossEntropyOptions {
  std::int64_t ignore_index = -100;  ///< samples with this label count neither in the sum nor in the mean
  double label_smoothing = 0;        ///< mixes the target with the uniform distribution, in [0, 1)
  Reduction reduction = Reduction::mean;
};

/// -Σ ln softmax(logits)[label]: logits (…, C), labels (…) in 0…C-1. The mean is over samples not ignored;
/// NaN when all are. Throws on a label out of range and when the number of labels is not the number of
/// samples.
template <class T>
Variable<T> cross_entropy(const Variable<T>& logits, const Indices& labels,
                          const CrossEntropyOptions& options = {});

/// -Σ p ln softmax(logits) with target probabilities (one-hot or soft) of the logits' shape; mean over
/// samples.
template <class T>
Variable<T> cross_entropy(const Variable<T>& logits, const Array<T>& probabilities,
                          const CrossEntropyOptions& options = {});

/// Negative log-likelihood: -Σ log_probabilities[label], for the output of log_softmax. ignore_index as
/// above; throws when label smoothing is asked for.
template <class T>
Variable<T> nll_loss(const Variable<T>& log_probabilities, const Indices& labels,
                     const CrossEntropyOptions& options = {});

/// Binary cross-entropy on logits z: mean of softplus(z) - t z, which is -t ln p - (1-t) ln(1-p) with
/// p = sigmoid(z), and stable. Targets have the logits' shape and are meant to lie in [0, 1]; outside it the
/// loss is unbounded below, which is not checked because a chapter shows it.
template <class T>
Variable<T> bce_with_logits(const Variable<T>& logits, const Array<T>& targets,
                            Reduction reduction = Reduction::mean);

/// Mean squared error (y - t)²; equal shapes.
template <class T>
Variable<T> mse_loss(const Variable<T>& y, const Array<T>& target, Reduction reduction = Reduction::mean);

/// (…) labels in 0…classes-1 to (…, classes) rows with a single 1. Throws on a label out of range.
template <class T>
Array<T> one_hot(const Indices& labels, std::size_t classes);

}  // namespace xgrad
