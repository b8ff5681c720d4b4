#pragma once
// How alike the gradients at two random inputs are, for wide networks with He's initialisation.

#include <cstddef>
#include <vector>

namespace plots {

/// E⟨gᵢ, gⱼ⟩/E‖g‖² after 0…depth layers W relu(BN x), or x + βW relu(BN x), with or without the BN, for two
/// unrelated inputs; BN's statistics are constants on the way back.
///
/// A pair of gradients passes a ReLU together where both inputs are active, each alone where its own is:
/// their correlation is multiplied by P(both)/P(one) = 1 - θ/π, θ the angle of the two inputs. With BN the
/// inputs of every ReLU are uncorrelated, θ = π/2, and the factor is ½: 2^-L (Balduzzi et al. 2017). Without,
/// θ shrinks as the inputs grow alike: cos θ' = [sin θ + (π - θ) cos θ]/π (Cho & Saul 2009). A residual layer
/// lets both pass its skip as well: (1 + β²(1 - θ/π))/(1 + β²) without BN, (v + β²/2)/(v + β²) with it, where
/// v = 1 + β²(1 - 1/π)l is the variance that BN divides out. [derived here]
std::vector<double> predicted_correlations(bool residual, bool norm, double beta, std::size_t depth);

}  // namespace plots
