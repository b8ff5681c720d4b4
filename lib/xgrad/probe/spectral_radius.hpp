#pragma once
#include "xgrad/core/array.hpp"

namespace xgrad {

/// ρ(A) = max |λ| over the eigenvalues of a square matrix, by Gelfand's formula ρ = lim ‖Aᵏ‖^(1/k) at k =
/// 2⁵⁰. 0 when a power of A is exactly 0. Throws Error unless `a` is (n, n), n ≥ 1, and all its entries are
/// finite.
double spectral_radius(const Array<double>& a);

}  // namespace xgrad
