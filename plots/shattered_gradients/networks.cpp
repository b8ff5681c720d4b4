#include "networks.hpp"

#include <algorithm>

#include "xgrad/probe/autocorrelation.hpp"
#include "xgrad/probe/jacobian.hpp"

namespace plots {

using xgrad::Array;
using xgrad::Rng;
using xgrad::Variable;

namespace {

// Batch normalisation without gain and shift. In the paper's analysis mean and variance are constants on the
// way back.
Variable<double> normalised(const Variable<double>& x, bool through_statistics) {
  constexpr double eps = 1e-12;
  if (through_statistics) return xgrad::batch_norm<double>(x, {}, {}, eps).y;
  const auto statistics = xgrad::batch_norm<double>(x.detach(), {}, {}, eps).batch;
  return xgrad::frozen_batch_norm<double>(x, statistics, {}, {}, eps);
}

// `depth` layers f(x) = W relu(BN x), He; residual: x + βf(x).
xgrad::Sequential<double> make_stack(const NetworkKind& kind, std::size_t depth, const Settings& settings,
                                     Rng& rng) {
  const std::size_t n = settings.width;
  xgrad::Sequential<double> stack;
  for (std::size_t l = 0; l < depth; ++l) {
    xgrad::Sequential<double> branch;
    if (kind.norm)
      branch.add(xgrad::Function<double>(
          "BN", [through = settings.through_statistics](const auto& x) { return normalised(x, through); }));
    branch.add(xgrad::activation<double>("relu"));
    branch.add(xgrad::Linear<double>(n, n, xgrad::Init::he_normal(), rng, xgrad::Bias::no));
    if (kind.residual) {
      branch.add(xgrad::Function<double>("β", [beta = settings.beta](const auto& x) { return beta * x; }));
      stack.add(xgrad::Residual<double>(std::move(branch)));
    } else {
      stack.add(std::move(branch));
    }
  }
  return stack;
}

// One random cotangent for all `samples`: each gets the gradient of the same scalar v·f(x).
Array<double> same_cotangent(std::size_t samples, std::size_t width, Rng& rng) {
  const auto v = rng.normal<double>({width});
  auto rows = xgrad::empty<double>({samples, width});
  for (std::size_t i = 0; i < samples; ++i) std::copy_n(v.data(), width, rows.data() + i * width);
  return rows;
}

}  // namespace

double correlation(const NetworkKind& kind, std::size_t depth, const Settings& settings, std::uint64_t seed) {
  Rng rng(seed);
  auto stack = make_stack(kind, depth, settings, rng);
  const auto x = rng.normal<double>({settings.batch, settings.width});
  return xgrad::gradient_correlation(
      xgrad::input_gradient(stack, x, same_cotangent(settings.batch, settings.width, rng)));
}

Array<double> gradient_on_grid(const NetworkKind& kind, std::size_t depth, const Settings& settings,
                               std::uint64_t seed) {
  Rng rng(seed);
  xgrad::Sequential<double> network;
  xgrad::Linear<double> first(1, settings.width, xgrad::Init::normal(1), rng);
  first.bias.mutable_value() = rng.normal<double>({settings.width});
  network.add(std::move(first));
  network.add(make_stack(kind, depth, settings, rng));
  auto x = xgrad::empty<double>({settings.grid, 1});
  for (std::size_t i = 0; i < settings.grid; ++i)
    x.data()[i] = -2 + 4 * double(i) / double(settings.grid - 1);
  return xgrad::input_gradient(network, x, same_cotangent(settings.grid, settings.width, rng));
}

Array<double> noise(bool brown, std::size_t length, std::uint64_t seed) {
  Rng rng(seed);
  auto signal = rng.normal<double>({length, 1});
  for (std::size_t i = 1; brown && i < length; ++i) signal.data()[i] += signal.data()[i - 1];
  return signal;
}

}  // namespace plots
