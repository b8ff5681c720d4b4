#pragma once
// A residual network is a sum over paths: at each block the gradient takes the skip or the branch. Which
// lengths of path carry it? (Veit, Wilber & Belongie, arXiv:1605.06431.)

#include <vector>

#include "xgrad/nn/module.hpp"

namespace xgrad {

/// ∂L/∂x₀ of x_l = x_{l-1} + f_l(x_{l-1}), l = 1…n, split by how many branches a path passes:
///
///   g₀ = cotangent;  on the way back through each block  g_k ← g_k + J_lᵀ g_{k-1},  J_l the Jacobian of f_l
///
/// `branches` are f₁…f_n, x is x₀, `cotangent` is ∂L/∂x_n. The result holds g₀…g_n, each of x's shape; their
/// sum is the gradient that backward gives. It takes n²/2 backward passes through single branches. Parameters
/// get no gradients. Throws Error when there is no branch, or a branch changes the shape.
template <class T>
std::vector<Array<T>> gradients_by_path_length(const std::vector<Module<T>*>& branches, const Array<T>& x,
                                               const Array<T>& cotangent);

}  // namespace xgrad
