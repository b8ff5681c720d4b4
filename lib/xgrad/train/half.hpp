#pragma once
// Mixed precision, emulated: numbers are rounded to IEEE half (binary16: 11 significant bits, 6.1e-5 to
// 65504, subnormals down to 2⁻²⁴) but kept in float, so that what half precision does to a training can be
// studied on any machine (Micikevicius et al., arXiv:1710.03740). It saves neither time nor memory.

#include "xgrad/nn/module.hpp"
#include "xgrad/optim/optim.hpp"

namespace xgrad {

/// The nearest half, ties to even; 65520 and above become infinite.
template <class T>
T round_to_half(T x);
template <class T>
Array<T> round_to_half(const Array<T>& x);

/// y = half(x), dx = half(dy): an activation that is stored in half, and its gradient too. (The derivative of
/// the rounding itself, 0 almost everywhere, is no use: it is taken as 1.)
template <class T>
Variable<T> through_half(const Variable<T>& x);

/// While it lives, the parameters hold their values rounded to half; then the exact ("master") values are
/// back. Compute loss and gradients inside, let the optimiser step outside: an update may be smaller than
/// half a unit of half precision and still count.
template <class T>
class HalfWeights {
 public:
  explicit HalfWeights(const Parameters<T>& parameters);
  ~HalfWeights();
  HalfWeights(const HalfWeights&) = delete;
  HalfWeights& operator=(const HalfWeights&) = delete;

 private:
  Parameters<T> parameters_;
  std::vector<Array<T>> masters_;
};

/// The factor on the loss that lifts small gradients above the smallest half. With growth_steps = 0 it is
/// fixed; else it doubles after so many good steps in a row, and halves when a gradient is not finite.
class LossScale {
 public:
  /// Throws Error unless the factor is finite and above 0.
  explicit LossScale(double factor, std::size_t growth_steps = 0);
  double factor() const { return factor_; }
  std::size_t skipped() const { return skipped_; }  ///< steps with a gradient that was not finite

  /// Rounds the gradients to half, as they were stored while they were large, and divides them by the factor.
  /// Returns whether all were finite; when not, skip the step.
  template <class T>
  bool unscale(const Parameters<T>& parameters);

 private:
  void update(bool finite);
  double factor_;
  std::size_t growth_steps_, good_ = 0, skipped_ = 0;
};

}  // namespace xgrad
