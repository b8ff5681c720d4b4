#include "xgrad/probe/spectral_radius.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/ops/linalg.hpp"

namespace xgrad {

// A^(2^i) = eˢ·power, the largest entry of `power` being 1: squaring doubles s. ln ρ = lim s/2^i.
double spectral_radius(const Array<double>& a) {
  if (a.dimension() != 2 || a.shape()[0] != a.shape()[1] || a.size() == 0)
    fail("spectral_radius", "a is ", to_string(shape_of(a)), ": it must be a square matrix");
  Array<double> power = a;
  double s = 0;
  for (int i = 0; i <= 50; ++i) {
    if (i > 0) {
      power = matmul(Variable<double>(power), Variable<double>(power)).value();
      s *= 2;
    }
    double largest = 0;
    for (std::size_t j = 0; j < power.size(); ++j) {
      if (!std::isfinite(power.data()[j])) fail("spectral_radius", "an entry of a is not finite");
      largest = std::max(largest, std::abs(power.data()[j]));
    }
    if (largest == 0) return 0;
    for (std::size_t j = 0; j < power.size(); ++j) power.data()[j] /= largest;
    s += std::log(largest);
  }
  return std::exp(std::ldexp(s, -50));
}

}  // namespace xgrad
