#pragma once
// A residual block whose two ingredients can be switched off: what comparisons with and without them are made
// of.

#include "xgrad/nn/layers.hpp"

namespace xgrad {

/// The two questions of D1 §2.3's diagram.
struct Switches {
  bool residual = true, norm = true;
  std::string describe() const;  ///< "residual + LN", "residual", "LN", "neither"
};

/// One of
///   y = x + f(LN(x))   both (Pre-LN)
///   y = x + f(x)       residual alone
///   y = f(LN(x))       LN alone
///   y = f(x)           neither
/// for a module f and x (…, features); f keeps the shape when there is a residual add.
template <class T>
class SwitchedBlock : public Module<T> {
 public:
  template <class Layer>
  SwitchedBlock(Layer layer, std::size_t features, Switches switches, double eps = 1e-5)
      : layer_(std::make_unique<Layer>(std::move(layer))), switches_(switches) {
    if (switches.norm) norm_ = std::make_unique<LayerNorm<T>>(features, eps);
  }
  SwitchedBlock(SwitchedBlock&&) = default;
  SwitchedBlock& operator=(SwitchedBlock&&) = default;

  Variable<T> forward(const Variable<T>& x) override;
  std::vector<Part<T>> parts() override;
  std::string describe() const override { return "SwitchedBlock(" + switches_.describe() + ")"; }
  const Switches& switches() const { return switches_; }

 private:
  std::unique_ptr<Module<T>> layer_;
  std::unique_ptr<LayerNorm<T>> norm_;
  Switches switches_;
};

}  // namespace xgrad
