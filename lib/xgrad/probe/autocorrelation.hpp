#pragma once
// Do gradients at neighbouring inputs resemble one another? In deep plain networks they look like white
// noise: "shattered gradients" (Balduzzi et al., arXiv:1702.08591).

#include <vector>

#include "xgrad/core/array.hpp"

namespace xgrad {

/// r_k = Σᵢ ⟨gᵢ - ḡ, gᵢ₊ₖ - ḡ⟩ / Σᵢ ‖gᵢ - ḡ‖² for the lags k = 0…lags: g (N, …) holds a gradient for each of
/// N inputs in order, such as ∂f/∂x on a grid of x; ḡ is their mean. r₀ = 1; white noise has r_k ≈ -1/N ±
/// 1/√N. All NaN when the gradients are all equal. Throws Error unless lags < N.
template <class T>
std::vector<double> autocorrelation(const Array<T>& g, std::size_t lags);

/// The mean over pairs i ≠ j of ⟨gᵢ, gⱼ⟩, over the mean of ‖gᵢ‖²: for inputs in no order, g (N, …). 1 when
/// all gradients are equal, 0 when they are unrelated; NaN when all are 0. Throws Error unless N ≥ 2.
template <class T>
double gradient_correlation(const Array<T>& g);

}  // namespace xgrad
