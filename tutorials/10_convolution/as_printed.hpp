#pragma once
// The residual blocks of D2 §3.2.1 and D4 Q11 as printed, in the terms of this library.

#include "xgrad/xgrad.hpp"

namespace chapter {

using namespace xgrad;
using V = Variable<double>;

inline const Init he = Init::he_normal();

// [printed-d2]
/// D2 §3.2.1 as printed. `down` is called downsample there.
class PrintedBlock : public Module<double> {
 public:
  PrintedBlock(std::size_t in, std::size_t out, Rng& rng)
      : conv1(in, out, 3, he, rng, {1, 1}),
        conv2(out, out, 3, he, rng, {1, 1}),
        down(in, out, 1, he, rng),
        norm(out) {}
  V forward(const V& x) override { return relu(norm(down(x + conv2(relu(conv1(x)))))); }
  std::vector<Part<double>> parts() override {
    return {{"conv1", conv1}, {"conv2", conv2}, {"down", down}, {"norm", norm}};
  }
  std::string describe() const override { return "PrintedBlock"; }
  Conv2d<double> conv1, conv2, down;
  BatchNorm<double> norm;
};
// [/printed-d2]

// [printed-d4]
/// D4 Q11: norm, convolution, norm, convolution, plus the input. There is no activation.
inline Residual<double> printed_d4(std::size_t in, std::size_t out, Rng& rng) {
  return Residual<double>(
      Sequential<double>{BatchNorm<double>(in), Conv2d<double>(in, out, 3, he, rng, {1, 1}),
                         BatchNorm<double>(out), Conv2d<double>(out, out, 3, he, rng, {1, 1})});
}
// [/printed-d4]

}  // namespace chapter
