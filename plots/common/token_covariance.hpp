#pragma once
// How far the tokens of a sequence differ decides what attention can still do with them. With C = (1/T) Σ rₜ
// rₜᵀ, the covariance of the tokens x_t = x̄ + r_t, the spread √(tr C²)/d is, at initialisation (query, key
// and value weights of variance 1/d, scores small), both
//   the factor by which one layer of attention multiplies the residual r, and
//   the size of ∂L/∂W_Q beside ∂L/∂W_V, when the tokens are nearly equal.
// Since √(tr C²) ≤ tr C, it is at most the mean square of r's entries: hence the cube in res(SAN(X)) ~
// res(X)³. [derived here]

#include "xgrad/core/array.hpp"

namespace plots {

/// log₁₀ √(tr C²)/d of x (…, T, d); the root mean square over the leading axes.
double log10_spread(const xgrad::Array<double>& x);

/// log₁₀ ‖∂L/∂W_Q‖/‖∂L/∂W_V‖ expected for the attention's input x (…, T, d): the spread times
/// √(mean ‖x_t‖²)/‖x̄‖, which is 1 for equal tokens.
double log10_query_share(const xgrad::Array<double>& x);

}  // namespace plots
