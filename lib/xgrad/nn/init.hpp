#pragma once
// Weight initialisation. Every module asks for one: how a network starts decides whether gradients reach its
// first layer, so xgrad has no hidden default.

#include <string>

#include "xgrad/core/random.hpp"

namespace xgrad {

/// A rule for a weight: a matrix (fan_out, fan_in), or that of a convolution. Numbers are drawn in double, so
/// float and double networks with one seed start alike.
class Init {
 public:
  static Init xavier_uniform();  ///< U(±√(6/(in+out))), biases 0 (Glorot & Bengio 2010; Keras' default)
  static Init xavier_normal();   ///< N(0, 2/(in+out)), biases 0
  static Init he_uniform();      ///< U(±√(6/in)), biases 0 (He et al. 2015)
  static Init he_normal();       ///< N(0, 2/in), biases 0
  static Init lecun_normal();    ///< N(0, 1/in), biases 0 (LeCun et al. 1998)
  static Init uniform_fan_in();  ///< U(±1/√in) for weights and biases (PyTorch's default for Linear)
  static Init orthogonal(double gain = 1);  ///< gain·Q, QᵀQ = I (Saxe et al. 2014), biases 0
  static Init normal(double deviation);     ///< N(0, deviation²), biases 0
  static Init constant(double value);       ///< every weight, biases 0

  /// The rule's weight multiplied by `gain`.
  Init scaled(double gain) const;

  /// A matrix (fan_out, fan_in).
  template <class T>
  Array<T> weight(std::size_t fan_out, std::size_t fan_in, Rng& rng) const {
    return weight<T>(Shape{fan_out, fan_in}, rng);
  }
  /// The weight of a convolution, (out, in, kh, kw): each output sees in·kh·kw inputs, each input goes to
  /// out·kh·kw outputs. `orthogonal` makes the rows of (out, in·kh·kw) orthogonal.
  template <class T>
  Array<T> weight(const Shape& shape, Rng& rng) const;
  template <class T>
  Array<T> bias(std::size_t fan_out, std::size_t fan_in, Rng& rng) const;

  const std::string& name() const { return name_; }
  /// The rule called "xavier_uniform", "he_normal", …; throws Error with the list of names on any other.
  static Init named(const std::string& name);

 private:
  enum class Kind { uniform, normal, orthogonal, constant };
  enum class Scale { fixed, fan_in, fan_average };  ///< the variance is value, value/in, 2·value/(in+out)
  Init(std::string name, Kind kind, Scale scale, double value)
      : name_(std::move(name)), kind_(kind), scale_(scale), value_(value) {}
  std::string name_;
  Kind kind_;
  Scale scale_;
  double value_;
  double gain_ = 1;
  bool random_bias_ = false;
};

}  // namespace xgrad
