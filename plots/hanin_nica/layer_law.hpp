#pragma once
// What one random ReLU layer of finite width does to a gradient, exactly.

#include <cstddef>

namespace plots {

/// Mean and variance of log((2/n)·χ²_K), K ~ Bin(n, ½) given K ≥ 1: by that factor a layer of width n with
/// He's normal weights changes ‖Ju‖² and ‖Jᵀv‖².
///
///   mean     E[ψ(K/2)] + log(4/n)          ≈ -5/2n
///   variance E[ψ'(K/2)] + Var[ψ(K/2)]      ≈  5/n
///
/// ψ is the digamma function: E log χ²_k = ψ(k/2) + log 2, Var log χ²_k = ψ'(k/2).
struct LayerLaw {
  double mean, variance;
};
LayerLaw layer_law(std::size_t width);

}  // namespace plots
