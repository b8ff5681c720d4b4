#pragma once
#include "stack_figures.hpp"

namespace plots {

/// Histograms of activations and gradients in five tanh layers, and the singular values of their Jacobians:
/// figures 6 and 7 of Glorot & Bengio 2010.
void glorot_2010(StackSettings& settings);

}  // namespace plots
