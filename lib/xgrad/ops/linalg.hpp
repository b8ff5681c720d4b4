#pragma once
// Matrix products.

#include "xgrad/core/tape.hpp"

namespace xgrad {

/// Matrix product: (…, m, k) times (…, k, n) is (…, m, n). The leading (batch) axes broadcast; a 2-D b is
/// multiplied in one product whatever a's rank. Both ranks must be at least 2.
/// Throws "[matmul] a is (3, 4), b is (5, 2): a's columns must equal b's rows".
template <class T>
Variable<T> matmul(const Variable<T>& a, const Variable<T>& b);

/// y = x Wᵀ + b: x (…, in), W (out, in), b (out,) or empty, y (…, out). Throws Error when the shapes do not
/// fit.
template <class T>
Variable<T> linear(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias = {});

}  // namespace xgrad
