#pragma once
// Dual numbers a + bε with ε² = 0: the derivative along one direction, carried forward with the value.
// Reverse mode over dual numbers gives Hessian-vector products. A scalar for the whole engine: see
// core/scalars.hpp.

#include <cmath>
#include <ostream>

struct Dual {
  double value = 0, tangent = 0;

  Dual() = default;
  Dual(double value, double tangent = 0) : value(value), tangent(tangent) {}
  explicit operator double() const { return value; }

  friend Dual operator+(Dual a, Dual b) { return {a.value + b.value, a.tangent + b.tangent}; }
  friend Dual operator-(Dual a, Dual b) { return {a.value - b.value, a.tangent - b.tangent}; }
  friend Dual operator-(Dual a) { return {-a.value, -a.tangent}; }
  friend Dual operator*(Dual a, Dual b) {
    return {a.value * b.value, a.tangent * b.value + a.value * b.tangent};
  }
  friend Dual operator/(Dual a, Dual b) {
    return {a.value / b.value, (a.tangent * b.value - a.value * b.tangent) / (b.value * b.value)};
  }
  Dual& operator+=(Dual b) { return *this = *this + b; }
  Dual& operator-=(Dual b) { return *this = *this - b; }
  Dual& operator*=(Dual b) { return *this = *this * b; }
  Dual& operator/=(Dual b) { return *this = *this / b; }

  friend bool operator<(Dual a, Dual b) { return a.value < b.value; }
  friend bool operator>(Dual a, Dual b) { return a.value > b.value; }
  friend bool operator<=(Dual a, Dual b) { return a.value <= b.value; }
  friend bool operator>=(Dual a, Dual b) { return a.value >= b.value; }
  friend bool operator==(Dual a, Dual b) { return a.value == b.value; }
  friend bool operator!=(Dual a, Dual b) { return a.value != b.value; }

  /// f(a + bε) = f(a) + b f'(a) ε.
  Dual chain(double f, double derivative) const { return {f, tangent * derivative}; }
  friend Dual sqrt(Dual x) { return x.chain(std::sqrt(x.value), .5 / std::sqrt(x.value)); }
  friend Dual exp(Dual x) { return x.chain(std::exp(x.value), std::exp(x.value)); }
  friend Dual log(Dual x) { return x.chain(std::log(x.value), 1 / x.value); }
  friend Dual log1p(Dual x) { return x.chain(std::log1p(x.value), 1 / (1 + x.value)); }
  friend Dual tanh(Dual x) { return x.chain(std::tanh(x.value), 1 - std::pow(std::tanh(x.value), 2)); }
  friend Dual erf(Dual x) {
    return x.chain(std::erf(x.value), 2 / std::sqrt(std::acos(-1.0)) * std::exp(-x.value * x.value));
  }
  friend Dual pow(Dual x, Dual p) {  // constant exponent
    return x.chain(std::pow(x.value, p.value), p.value * std::pow(x.value, p.value - 1));
  }
  friend std::ostream& operator<<(std::ostream& out, Dual x) {
    return out << x.value << " + " << x.tangent << "ε";
  }
};

#define XGRAD_FOR_EACH_SCALAR(X) X(double) X(Dual)
