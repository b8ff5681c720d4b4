#pragma once
// Normalisations as modules, beside LayerNorm (layers.hpp). All are Modules from x to y of the same shape, so
// that one can stand where another stood.

#include <optional>

#include "xgrad/nn/layers.hpp"
#include "xgrad/ops/ops.hpp"

namespace xgrad {

/// Batch normalisation of (N, C, …) over all axes but 1, with γ = 1 and β = 0 to start with (affine), or
/// without. In training mode it uses the batch's statistics and moves the running ones towards them,
///   running = (1 - momentum) running + momentum batch,
/// the variance with divisor m - 1, as PyTorch does; in evaluation mode it uses the running ones. To start
/// with they are 0 and 1.
template <class T>
class BatchNorm : public Module<T> {
 public:
  explicit BatchNorm(std::size_t features, double eps = 1e-5, double momentum = .1, bool affine = true);
  Variable<T> forward(const Variable<T>& x) override;
  std::vector<Part<T>> parts() override {
    return {{"gamma", gamma},
            {"beta", beta},
            {"running_mean", running_mean},
            {"running_variance", running_variance}};
  }
  std::string describe() const override;

  Variable<T> gamma, beta;
  Array<T> running_mean, running_variance;

 private:
  double eps_, momentum_;
};

/// Layer normalisation of (N, C, …) over the channels at each position (channel_layer_norm).
template <class T>
class ChannelLayerNorm : public Module<T> {
 public:
  explicit ChannelLayerNorm(std::size_t features, const ChannelNormOptions& options = {}, bool affine = true);
  Variable<T> forward(const Variable<T>& x) override;
  std::vector<Part<T>> parts() override { return {{"gamma", gamma}, {"beta", beta}}; }
  std::string describe() const override;

  Variable<T> gamma, beta;

 private:
  std::size_t features_;
  ChannelNormOptions options_;
};

/// Normalisation of (N, C, …) over groups of channels and their positions (group_norm).
template <class T>
class GroupNorm : public Module<T> {
 public:
  GroupNorm(std::size_t groups, std::size_t features, const ChannelNormOptions& options = {},
            bool affine = true);
  Variable<T> forward(const Variable<T>& x) override;
  std::vector<Part<T>> parts() override { return {{"gamma", gamma}, {"beta", beta}}; }
  std::string describe() const override;

  Variable<T> gamma, beta;

 protected:
  std::size_t groups_, features_;
  ChannelNormOptions options_;
};

/// Instance normalisation of (N, C, …): over the positions of each channel of each sample. Throws Error when
/// there is one position only.
template <class T>
class InstanceNorm : public GroupNorm<T> {
 public:
  explicit InstanceNorm(std::size_t features, const ChannelNormOptions& options = {}, bool affine = true)
      : GroupNorm<T>(features, features, options, affine) {}
  Variable<T> forward(const Variable<T>& x) override;
  std::string describe() const override;
};

/// y = γ x/√(mean x² + ε) over the last axis (rms_norm), γ = 1 to start with.
template <class T>
class RMSNorm : public Module<T> {
 public:
  explicit RMSNorm(std::size_t features, double eps = 1e-5, bool affine = true);
  Variable<T> forward(const Variable<T>& x) override;
  std::vector<Part<T>> parts() override { return {{"gamma", gamma}}; }
  std::string describe() const override;

  Variable<T> gamma;

 private:
  std::size_t features_;
  double eps_;
};

/// What an adaptive layer normalisation knows of its own input's rows.
enum class RowStatistics {
  variance,      ///< (μ, σ²)
  log_deviation  ///< (μ, ½ ln(σ² + ε)): grows slowly, whatever the scale
};

/// y = (1 + Δγ) ⊙ LN(x) + Δβ with (Δγ, Δβ) = W s + b: gain and shift follow from a condition s, either given
/// or the statistics of x's own rows. W (2·features, size of s) and b start at 0: a plain layer
/// normalisation.
template <class T>
class AdaptiveLayerNorm : public Module<T> {
 public:
  /// For conditions of `condition` numbers.
  AdaptiveLayerNorm(std::size_t features, std::size_t condition, double eps = 1e-5);
  /// For rows that are their own condition.
  AdaptiveLayerNorm(std::size_t features, RowStatistics statistics, double eps = 1e-5);

  /// x (…, features), condition (…, size): the leading axes of the condition broadcast to those of x.
  Variable<T> operator()(const Variable<T>& x, const Variable<T>& condition);
  /// The row's own statistics as the condition. Throws Error when the module was made for given ones.
  Variable<T> forward(const Variable<T>& x) override;
  using Module<T>::operator();
  std::vector<Part<T>> parts() override { return {{"weight", weight}, {"bias", bias}}; }
  std::string describe() const override;

  Variable<T> weight, bias;

 private:
  AdaptiveLayerNorm(std::size_t features, std::size_t condition, std::optional<RowStatistics> own,
                    double eps);

  std::size_t features_;
  std::optional<RowStatistics> own_;
  double eps_;
};

/// y = (x - mean)/deviation, feature by feature, with the mean and deviation of a training set: fitted once,
/// the same for every input from then on.
template <class T>
class FrozenStandardize : public Module<T> {
 public:
  explicit FrozenStandardize(std::size_t features);
  /// Takes mean and deviation (divisor n) of each feature from data (…, features). A feature that does not
  /// vary gets deviation 1: it becomes 0.
  void fit(const Array<T>& data);
  /// Throws Error when neither `fit` nor stored buffers have given it numbers.
  Variable<T> forward(const Variable<T>& x) override;
  std::vector<Part<T>> parts() override { return {{"mean", mean}, {"deviation", deviation}}; }
  std::string describe() const override;

  Array<T> mean, deviation;  ///< the deviation is 0 until it is fitted
};

/// The normalisation called "layer", "rms", "batch", "channel", "instance" or "group" (four groups) with
/// default options; throws Error with the list on any other name.
template <class T>
std::unique_ptr<Module<T>> normalisation(const std::string& name, std::size_t features);

}  // namespace xgrad
