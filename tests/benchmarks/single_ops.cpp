#include "single_ops.hpp"

namespace benchmarks {

using namespace xgrad;
using V = Variable<float>;

// One op on (4096, 768), with a given gradient of its output.
Workload single_op(const std::string& op) {
  const Shape shape{4096, 768};
  Rng rng(5);
  const V x = parameter(rng.normal<float>(shape), "x");
  const V gamma = parameter(rng.uniform<float>({768}, .5, 1.5), "gamma");
  const V beta = parameter(rng.normal<float>({768}), "beta");

  Workload w;
  w.cotangent = rng.normal<float>(shape);
  w.parameters = {{"x", x}};
  if (op == "layer_norm") {
    w.parameters.push_back({"gamma", gamma});
    w.parameters.push_back({"beta", beta});
    w.forward = [=](std::size_t) { return layer_norm(x, gamma, beta); };
  } else if (op == "bias_relu") {
    w.parameters.push_back({"beta", beta});
    w.forward = [=](std::size_t) { return add_relu(x, beta); };
  } else if (op == "softmax") {
    w.forward = [=](std::size_t) { return softmax(x); };
  } else if (op == "gelu") {
    w.forward = [=](std::size_t) { return gelu(x); };
  } else if (op == "tanh") {
    w.forward = [=](std::size_t) { return tanh(x); };
  } else if (op == "exp") {
    w.forward = [=](std::size_t) { return exp(x); };
  } else {
    fail("workload", "there is no e_", op);
  }
  w.numbers = {{"cotangent", w.cotangent}};
  const double bytes = double(x.size()) * sizeof(float);
  w.forward_bytes = 2 * bytes;   // x read, y written
  w.backward_bytes = 3 * bytes;  // dy and x or y read, dx written
  return w;
}

// A thousand ops with next to no arithmetic: what the tape itself costs.
Workload tiny_adds() {
  Rng rng(6);
  const V x = parameter(rng.normal<float>({8}), "x");
  const V step = parameter(rng.normal<float>({8}), "step");

  Workload w;
  w.forward = [=](std::size_t) {
    V y = x;
    for (int i = 0; i < 1000; ++i) y = y + step;
    return sum(y);
  };
  w.parameters = {{"x", x}, {"step", step}};
  return w;
}

}  // namespace benchmarks
