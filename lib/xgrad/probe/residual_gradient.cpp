#include "xgrad/probe/residual_gradient.hpp"

#include <cmath>
#include <limits>

#include "xgrad/core/rows.hpp"

namespace xgrad {

template <class T>
ResidualGradient residual_gradient(const Array<T>& dy, const Array<T>& dx) {
  if (dy.shape() != dx.shape())
    fail("residual_gradient", "dy is ", to_string(shape_of(dy)), ", dx is ", to_string(shape_of(dx)),
         ": a residual block keeps the shape");
  auto branch = empty_like(dx);
  for (std::size_t i = 0; i < dx.size(); ++i) branch.data()[i] = dx.data()[i] - dy.data()[i];
  ResidualGradient result{};
  result.identity = std::pow(10, log10_norm(dy));
  result.branch = std::pow(10, log10_norm(branch));
  // Entries over norms: their products do not underflow.
  result.cosine = detail::sum_of<double>(
      dx.size(),
      [over_g = 1 / result.identity, over_b = 1 / result.branch](T g, T b) {
        return double(g) * over_g * (double(b) * over_b);
      },
      dy.data(), branch.data());
  const double ratio = result.branch / result.identity;
  result.share = 1 / (1 + ratio * ratio);
  return result;
}

template <class T>
ResidualRecorder<T>::ResidualRecorder(Module<T>& model, Watch watch)
    : watch_(watched_modules(model, watch), StepWatch<T>::Inputs::keep) {
  for (const auto& module : watched_modules(model, watch)) shares_.names.push_back(module.name);
  cosines_.names = shares_.names;
}

template <class T>
void ResidualRecorder<T>::step() {
  const double nothing = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> shares, cosines;
  for (const auto& calls : watch_.take()) {
    ResidualGradient gradient{nothing, nothing, nothing, nothing};
    if (calls.size() == 1 && calls[0].x && calls[0].x.has_grad() && calls[0].y.has_grad() &&
        calls[0].x.shape() == calls[0].y.shape())
      gradient = residual_gradient(calls[0].y.grad(), calls[0].x.grad());
    shares.push_back(gradient.share);
    cosines.push_back(gradient.cosine);
  }
  shares_.rows.push_back(std::move(shares));
  cosines_.rows.push_back(std::move(cosines));
}

#define XGRAD_INSTANTIATE(T)                                                     \
  template ResidualGradient residual_gradient(const Array<T>&, const Array<T>&); \
  template class ResidualRecorder<T>;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
