#pragma once
// The Jacobian of a function at one input, and its singular values: by how much does the function stretch a
// small change, and in how many directions? f is anything that maps a Variable<T> to a Variable<T>: a module,
// a block of a model, a lambda. It runs in the mode it is in (EvaluationMode stops dropout). Only x gets a
// gradient: the parameters' gradients stay as they were. Throws Error while a NoGrad lives.

#include <functional>
#include <vector>

#include "xgrad/core/tape.hpp"
#include "xgrad/probe/singular_values.hpp"

namespace xgrad {

namespace detail {
template <class T>
using Map = std::function<Variable<T>(const Variable<T>&)>;
template <class T>
Array<T> jacobian(const Map<T>& f, const Array<T>& x);
template <class T>
Array<T> input_gradient(const Map<T>& f, const Array<T>& x, const Array<T>& cotangent);
}  // namespace detail

/// J (m, n), Jᵢⱼ = ∂yᵢ/∂xⱼ, y = f(x): entries of y and x in row-major order. One pass forward, and one
/// backward for each of the m outputs. Give one sample: for a batch J holds the zero blocks between samples
/// too.
template <class T, class F>
Array<T> jacobian(F&& f, const Array<T>& x) {
  return detail::jacobian<T>(std::ref(f), x);
}

/// The singular values of that Jacobian, largest first.
template <class T, class F>
std::vector<double> jacobian_singular_values(F&& f, const Array<T>& x) {
  return singular_values(xgrad::cast<double>(jacobian(f, x)));
}

/// Jᵀ·cotangent, the gradient at x, of x's shape: one pass forward and one backward. An empty cotangent
/// stands for ones, and then each sample of a batch gets the gradient of the sum of its outputs, as long as f
/// treats samples apart (batch normalisation in training mode does not).
template <class T, class F>
Array<T> input_gradient(F&& f, const Array<T>& x, const Array<T>& cotangent = zeros<T>({0})) {
  return detail::input_gradient<T>(std::ref(f), x, cotangent);
}

}  // namespace xgrad
