#pragma once
// Norms of values and gradients across a stack of layers, as logarithms: a gradient of 1e-40 has a square
// that float cannot hold, and one of 1e-300 a square that double cannot hold. Neither shows as 0 or -inf
// here.

#include "xgrad/nn/layers.hpp"

namespace xgrad {

/// log₁₀ ‖x‖₂ for entries of any magnitude. -inf means that every entry is exactly 0 (or that there is none).
template <class T>
double log10_norm(const Array<T>& x);

/// log₁₀ √(mean x²), the size of a typical entry: norms that do not depend on batch and width. NaN when
/// empty.
template <class T>
double log10_rms(const Array<T>& x);

/// Runs the parts of `stack` one after the other and keeps a handle to every state: x₀ = x, x₁, …, x_L. Give
/// x requires_grad if ∂L/∂x₀ is wanted; after backward the handles hold the gradients.
template <class T>
std::vector<Variable<T>> hidden_states(Sequential<T>& stack, const Variable<T>& x);

/// log₁₀ RMS of each state's value.
template <class T>
std::vector<double> log10_values(const std::vector<Variable<T>>& states);

/// log₁₀ RMS of each state's gradient; NaN where no backward pass has arrived.
template <class T>
std::vector<double> log10_gradients(const std::vector<Variable<T>>& states);

}  // namespace xgrad
