#pragma once
// Ops that act entry by entry. Binary ops broadcast as NumPy does; `2 * x` works because a number converts to
// a constant Variable. Every function returns a new Variable of the broadcast shape and throws Error when the
// shapes do not broadcast.

#include "xgrad/core/tape.hpp"

namespace xgrad {

// clang-format off
template <class T> Variable<T> add(const Variable<T>& a, const Variable<T>& b);      ///< a + b
template <class T> Variable<T> sub(const Variable<T>& a, const Variable<T>& b);      ///< a - b
template <class T> Variable<T> mul(const Variable<T>& a, const Variable<T>& b);      ///< a b
template <class T> Variable<T> div(const Variable<T>& a, const Variable<T>& b);      ///< a / b
/// max(0, a + b) in one pass: a bias or a residual add with ReLU after it. Gradient 0 where the sum is 0.
template <class T> Variable<T> add_relu(const Variable<T>& a, const Variable<T>& b);
/// The larger entry; where a = b each gets half the gradient, as in PyTorch.
template <class T> Variable<T> maximum(const Variable<T>& a, const Variable<T>& b);

template <class T> Variable<T> neg(const Variable<T>& x);                            ///< -x
template <class T> Variable<T> pow(const Variable<T>& x, double exponent);           ///< x^p, constant p
template <class T> Variable<T> sqrt(const Variable<T>& x);                           ///< √x
template <class T> Variable<T> exp(const Variable<T>& x);                            ///< eˣ
template <class T> Variable<T> log(const Variable<T>& x);                            ///< ln x
template <class T> Variable<T> abs(const Variable<T>& x);                            ///< |x|, gradient 0 at 0
template <class T> Variable<T> relu(const Variable<T>& x);                           ///< max(0, x), gradient 0 at 0
template <class T> Variable<T> leaky_relu(const Variable<T>& x, double slope = .01); ///< x or slope·x
template <class T> Variable<T> sigmoid(const Variable<T>& x);                        ///< 1 / (1 + e⁻ˣ)
template <class T> Variable<T> tanh(const Variable<T>& x);                           ///< (eˣ-e⁻ˣ)/(eˣ+e⁻ˣ)
template <class T> Variable<T> softplus(const Variable<T>& x);                       ///< ln(1 + eˣ)
/// x Φ(x), Φ the normal distribution function (Hendrycks & Gimpel, arXiv:1606.08415).
template <class T> Variable<T> gelu(const Variable<T>& x);
/// The same paper's approximation ½x(1 + tanh(√(2/π)(x + 0.044715x³))).
template <class T> Variable<T> gelu_tanh(const Variable<T>& x);

// clang-format on

/// a where the mask is true, b elsewhere; all three broadcast. Write xgrad::where: a Mask is an xtensor
/// array, so that the bare name finds xt::where as well.
template <class T>
Variable<T> where(const Mask& mask, const Variable<T>& a, const Variable<T>& b);
/// x with `value` wherever the mask (broadcast to x's shape) is true. No gradient flows there.
template <class T>
Variable<T> masked_fill(const Variable<T>& x, const Mask& mask, double value);

}  // namespace xgrad
