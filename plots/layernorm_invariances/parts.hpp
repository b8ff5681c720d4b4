#pragma once
// The parts of this experiment: each judges its numbers and gives its panel.

#include "laboratory.hpp"

namespace plots {

struct Sizes {
  std::size_t batch = 32, in = 20, out = 15, features = 50;
};

constexpr double floor_of_picture = 1e-17;  // where an exact 0 is drawn

// gradients.cpp
/// Singular values of ∂LN/∂x times s = √(σ² + ε), largest first: n - 2 ones, ε/s² along x̂, 0 along 1.
Panel jacobian_panel(Laboratory& lab, const Sizes& n);
/// The gradient of the tape against dx = (1/σ)(d - mean d - x̂ mean(d ⊙ x̂)), d = γ ⊙ dy.
void judge_gradient(Laboratory& lab, const Sizes& n);
/// ‖∂W‖ when W grows: LN(Wx) divides it by the factor on W.
Panel weight_panel(Laboratory& lab, const Sizes& n);

// vectors.cpp
/// What layer normalisation does to single vectors: worked examples with answers in closed form (E28).
void judge_vectors(Laboratory& lab);
/// The variance of the output against the deviation of the input, for several ε.
Panel variance_panel();

}  // namespace plots
