#include "xgrad/nn/norms.hpp"

#include <tuple>

#include "xgrad/core/scalars.hpp"
#include "xgrad/core/strided.hpp"

namespace xgrad {

namespace {
/// For modules with one number for each channel: x must be (N, features, …).
template <class T>
void check_channels(const char* op, const Variable<T>& x, std::size_t features) {
  if (x.rank() < 2 || x.extent(1) != features)
    fail(op, "x is ", to_string(x.shape()), ", the module has ", features, " features: x must be (N, ",
         features, ", …)");
}

/// For modules over the last axis.
template <class T>
void check_features(const char* op, const Variable<T>& x, std::size_t features) {
  if (x.rank() < 1 || x.extent(-1) != features)
    fail(op, "x is ", to_string(x.shape()), ", the module has ", features, " features: x must be (…, ",
         features, ")");
}

/// γ = 1 and β = 0.
template <class T>
std::pair<Variable<T>, Variable<T>> gain_and_shift(std::size_t features) {
  return {parameter(full<T>({features}, T(1)), "gamma"), parameter(zeros<T>({features}), "beta")};
}
}  // namespace

template <class T>
BatchNorm<T>::BatchNorm(std::size_t features, double eps, double momentum, bool affine)
    : running_mean(zeros<T>({features})),
      running_variance(full<T>({features}, T(1))),
      eps_(eps),
      momentum_(momentum) {
  if (affine) std::tie(gamma, beta) = gain_and_shift<T>(features);
}

template <class T>
Variable<T> BatchNorm<T>::forward(const Variable<T>& x) {
  const std::size_t features = running_mean.size();
  check_channels("batch_norm", x, features);
  if (!this->training())
    return frozen_batch_norm(x, ChannelStatistics<T>{running_mean, running_variance}, gamma, beta, eps_);
  auto [y, batch] = batch_norm(x, gamma, beta, eps_);
  const double m = double(x.size()) / double(features);
  const T old(1 - momentum_), mean_share(momentum_), variance_share(momentum_ * m / (m - 1));
  for (std::size_t c = 0; c < features; ++c) {
    T &mean = running_mean.data()[c], &variance = running_variance.data()[c];
    mean = old * mean + mean_share * batch.mean.data()[c];
    variance = old * variance + variance_share * batch.variance.data()[c];
  }
  return y;
}

template <class T>
std::string BatchNorm<T>::describe() const {
  return "BatchNorm(" + std::to_string(running_mean.size()) + ")";
}

template <class T>
ChannelLayerNorm<T>::ChannelLayerNorm(std::size_t features, const ChannelNormOptions& options, bool affine)
    : features_(features), options_(options) {
  if (affine) std::tie(gamma, beta) = gain_and_shift<T>(features);
}

template <class T>
Variable<T> ChannelLayerNorm<T>::forward(const Variable<T>& x) {
  check_channels("channel_layer_norm", x, features_);
  return channel_layer_norm(x, gamma, beta, options_);
}

template <class T>
std::string ChannelLayerNorm<T>::describe() const {
  return "ChannelLayerNorm(" + std::to_string(features_) + ")";
}

template <class T>
GroupNorm<T>::GroupNorm(std::size_t groups, std::size_t features, const ChannelNormOptions& options,
                        bool affine)
    : groups_(groups), features_(features), options_(options) {
  if (groups == 0 || features % groups != 0)
    fail("group_norm", "there are ", features, " features, the groups are ", groups,
         ": they must divide the features");
  if (affine) std::tie(gamma, beta) = gain_and_shift<T>(features);
}

template <class T>
Variable<T> GroupNorm<T>::forward(const Variable<T>& x) {
  check_channels("group_norm", x, features_);
  return group_norm(x, groups_, gamma, beta, options_);
}

template <class T>
std::string GroupNorm<T>::describe() const {
  return "GroupNorm(" + std::to_string(groups_) + " of " + std::to_string(features_) + ")";
}

template <class T>
Variable<T> InstanceNorm<T>::forward(const Variable<T>& x) {
  if (x.rank() >= 2 && x.extent(0) * x.extent(1) == x.size())
    fail("instance_norm", "x is ", to_string(x.shape()),
         ": the variance of one position says nothing; x must be (N, C, positions…)");
  return GroupNorm<T>::forward(x);
}

template <class T>
std::string InstanceNorm<T>::describe() const {
  return "InstanceNorm(" + std::to_string(this->features_) + ")";
}

template <class T>
RMSNorm<T>::RMSNorm(std::size_t features, double eps, bool affine) : features_(features), eps_(eps) {
  if (affine) gamma = parameter(full<T>({features}, T(1)), "gamma");
}

template <class T>
Variable<T> RMSNorm<T>::forward(const Variable<T>& x) {
  check_features("rms_norm", x, features_);
  return rms_norm(x, gamma, eps_);
}

template <class T>
std::string RMSNorm<T>::describe() const {
  return "RMSNorm(" + std::to_string(features_) + ")";
}

template <class T>
AdaptiveLayerNorm<T>::AdaptiveLayerNorm(std::size_t features, std::size_t condition,
                                        std::optional<RowStatistics> own, double eps)
    : weight(parameter(zeros<T>({2 * features, condition}), "weight")),
      bias(parameter(zeros<T>({2 * features}), "bias")),
      features_(features),
      own_(own),
      eps_(eps) {}

template <class T>
AdaptiveLayerNorm<T>::AdaptiveLayerNorm(std::size_t features, std::size_t condition, double eps)
    : AdaptiveLayerNorm(features, condition, std::nullopt, eps) {}

template <class T>
AdaptiveLayerNorm<T>::AdaptiveLayerNorm(std::size_t features, RowStatistics statistics, double eps)
    : AdaptiveLayerNorm(features, 2, std::optional(statistics), eps) {}

template <class T>
Variable<T> AdaptiveLayerNorm<T>::operator()(const Variable<T>& x, const Variable<T>& condition) {
  check_features("adaptive_layer_norm", x, features_);
  Shape modulated = condition.shape();
  if (modulated.empty() || modulated.back() != weight.extent(1))
    fail("adaptive_layer_norm", "the condition is ", to_string(modulated), ": its last axis must be ",
         weight.extent(1));
  modulated.back() = features_;
  if (!detail::broadcasts_to(modulated, x.shape()))
    fail("adaptive_layer_norm", "x is ", to_string(x.shape()), ", the condition is ",
         to_string(condition.shape()), ": its leading axes must broadcast to those of x");
  const auto d = static_cast<std::ptrdiff_t>(features_);
  const auto modulation = linear(condition, weight, bias);
  const auto gain = Variable<T>(T(1)) + slice(modulation, -1, 0, d), shift = slice(modulation, -1, d, 2 * d);
  return gain * layer_norm<T>(x, {}, {}, {eps_}) + shift;
}

template <class T>
Variable<T> AdaptiveLayerNorm<T>::forward(const Variable<T>& x) {
  if (!own_)
    fail("adaptive_layer_norm", "there is no condition: call it with x and a condition of ", weight.extent(1),
         " numbers");
  check_features("adaptive_layer_norm", x, features_);
  auto spread = variance(x, {-1}, true);
  if (*own_ == RowStatistics::log_deviation) spread = Variable<T>(T(.5)) * log(spread + Variable<T>(T(eps_)));
  return (*this)(x, concatenate<T>({mean(x, {-1}, true), spread}, -1));
}

template <class T>
std::string AdaptiveLayerNorm<T>::describe() const {
  return "AdaptiveLayerNorm(" + std::to_string(features_) + " from " +
         (own_ ? std::string("own statistics") : std::to_string(weight.extent(1))) + ")";
}

template <class T>
FrozenStandardize<T>::FrozenStandardize(std::size_t features)
    : mean(zeros<T>({features})), deviation(zeros<T>({features})) {}

template <class T>
void FrozenStandardize<T>::fit(const Array<T>& data) {
  using std::sqrt;
  const Variable<T> x(data);
  check_features("frozen_standardize", x, mean.size());
  Axes samples;
  for (std::size_t axis = 0; axis + 1 < x.rank(); ++axis)
    samples.push_back(static_cast<std::ptrdiff_t>(axis));
  if (samples.empty() || x.size() == 0)
    fail("frozen_standardize", "the data are ", to_string(x.shape()), ": they must be samples by features");
  mean = xgrad::mean(x, samples).value();
  deviation = xgrad::sqrt(variance(x, samples)).value();
  for (T& d : deviation)
    if (d == T(0)) d = T(1);
}

template <class T>
Variable<T> FrozenStandardize<T>::forward(const Variable<T>& x) {
  check_features("frozen_standardize", x, mean.size());
  for (T d : deviation)
    if (d == T(0)) fail("frozen_standardize", "there are no statistics: fit it on the training set first");
  return (x - Variable<T>(mean)) / Variable<T>(deviation);
}

template <class T>
std::string FrozenStandardize<T>::describe() const {
  return "FrozenStandardize(" + std::to_string(mean.size()) + ")";
}

template <class T>
std::unique_ptr<Module<T>> normalisation(const std::string& name, std::size_t features) {
  if (name == "layer") return std::make_unique<LayerNorm<T>>(features);
  if (name == "rms") return std::make_unique<RMSNorm<T>>(features);
  if (name == "batch") return std::make_unique<BatchNorm<T>>(features);
  if (name == "channel") return std::make_unique<ChannelLayerNorm<T>>(features);
  if (name == "instance") return std::make_unique<InstanceNorm<T>>(features);
  if (name == "group") return std::make_unique<GroupNorm<T>>(4, features);
  fail("normalisation", "there is no normalisation '", name,
       "': choose one of layer, rms, batch, channel, instance, group");
}

#define XGRAD_INSTANTIATE(T)           \
  template class BatchNorm<T>;         \
  template class ChannelLayerNorm<T>;  \
  template class GroupNorm<T>;         \
  template class InstanceNorm<T>;      \
  template class RMSNorm<T>;           \
  template class AdaptiveLayerNorm<T>; \
  template class FrozenStandardize<T>; \
  template std::unique_ptr<Module<T>> normalisation(const std::string&, std::size_t);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
