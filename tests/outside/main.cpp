// A program that knows xgrad only as an installed library or a Meson subproject: see ../install_test.sh.

#include <cmath>
#include <cstdio>

#include "xgrad/xgrad.hpp"

int main() {
  using namespace xgrad;
  Tape<double> tape;
  const auto w = parameter(Array<double>{{1, 2}, {3, 4}}, "w");
  const auto x = parameter(Array<double>{{5, 7}, {6, 8}}, "x");
  const auto loss = sum(tanh(0.1 * matmul(w, x)));  // a matrix product, so that BLAS is linked
  // dw₀₀ = Σⱼ 0.1 x₀ⱼ (1 - tanh²(0.1 (w x)₀ⱼ)), and the first row of w x is (17, 23)
  const double expected = 0.5 * (1 - std::pow(std::tanh(1.7), 2)) + 0.7 * (1 - std::pow(std::tanh(2.3), 2));
  std::puts(tape.to_string().c_str());
  loss.backward();
  std::printf("dw[0] = %.12g, by hand %.12g\n", w.grad().data()[0], expected);
  return std::abs(w.grad().data()[0] - expected) < 1e-14 ? 0 : 1;
}
