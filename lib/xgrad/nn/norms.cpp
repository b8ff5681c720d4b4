#include "xgrad/nn/norms.hpp"

#include "xgrad/core/scalars.hpp"

namespace xgrad {

namespace {
/// For modules with one number for each channel: x must be (N, features, …).
template <class T>
void check_channels(const char* op, const Variable<T>& x, std::size_t features) {
  if (x.rank() < 2 || x.extent(1) != features)
    fail(op, "x is ", to_string(x.shape()), ", the module has ", features, " features: x must be (N, ",
         features, ", …)");
}
}  // namespace

template <class T>
BatchNorm<T>::BatchNorm(std::size_t features, double eps, double momentum, bool affine)
    : running_mean(zeros<T>({features})),
      running_variance(full<T>({features}, T(1))),
      eps_(eps),
      momentum_(momentum) {
  if (!affine) return;
  gamma = parameter(full<T>({features}, T(1)), "gamma");
  beta = parameter(zeros<T>({features}), "beta");
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

#define XGRAD_INSTANTIATE(T) template class BatchNorm<T>;
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
