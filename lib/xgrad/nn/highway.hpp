#pragma once
// Highway connections: a learned gate decides, for every sample and feature, how much passes by a layer.

#include "xgrad/nn/layers.hpp"

namespace xgrad {

/// y = t ⊙ f(x) + (1 - t) ⊙ x with the gate t = σ(W x + b), W (features, features), x (…, features)
/// (Srivastava, Greff & Schmidhuber, arXiv:1505.00387). Every entry of b starts at `gate_bias`: negative, so
/// that a layer passes on most of x at first (σ(-2) = 0.12; the paper uses -1 to -4).
template <class T>
class Highway : public Module<T> {
 public:
  template <class Branch>
  Highway(Branch branch, std::size_t features, const Init& init, Rng& rng, double gate_bias = -2)
      : gate(features, features, init, rng), branch_(std::make_unique<Branch>(std::move(branch))) {
    gate.bias = parameter(full<T>({features}, T(gate_bias)), "bias");
  }

  /// Throws Error unless the branch keeps x's shape.
  Variable<T> forward(const Variable<T>& x) override;
  std::vector<Part<T>> parts() override { return {{"gate", gate}, {"branch", *branch_}}; }
  std::string describe() const override { return "Highway"; }
  Module<T>& branch() { return *branch_; }

  Linear<T> gate;

 private:
  std::unique_ptr<Module<T>> branch_;
};

}  // namespace xgrad
