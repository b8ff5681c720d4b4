#pragma once
// What self-attention does to the tokens of a sequence: do they grow alike, and how widely does each look?
// Representations x are (…, T, d), T tokens of d features; the numbers are means over the leading axes. All
// sums are in double.

#include <vector>

#include "xgrad/core/array.hpp"

namespace xgrad {

/// exp(-Σ pᵢ ln pᵢ) with pᵢ = σᵢ/Σσ: between 1 (one direction) and n (n equal ones), and not always whole
/// (Roy & Vetterli, "The effective rank", EUSIPCO 2007). 0 when all σ are 0. Throws Error on a σ that is
/// negative or not finite.
double effective_rank(const std::vector<double>& singular_values);

/// The effective rank of x (…, T, d). Throws Error when the rank is below 2, or there are no entries.
template <class T>
double effective_rank(const Array<T>& x);

/// res(X) = X - 1 x̄ᵀ for x (…, T, d), x̄ the mean of the T tokens: what distinguishes them. (Dong, Cordonnier
/// & Loukas, arXiv:2103.03404, subtract the x that makes the rest smallest; in the Frobenius norm that is the
/// mean.)
template <class T>
Array<T> without_mean_token(const Array<T>& x);

/// √(‖X‖₁ ‖X‖_∞), the composite norm of the same paper: the largest sum of sizes in a column, times that in a
/// row.
template <class T>
double composite_norm(const Array<T>& x);

/// ‖res(X)‖ / ‖X‖ in the composite norm, X (…, T, d). Near 1 for unrelated tokens, 0 when all are equal: that
/// is rank collapse. The floor is rounding, about 1e-7 for float and 1e-16 for double.
template <class T>
double rank_residual(const Array<T>& x);

/// The mean over heads and queries of -Σ p ln p, for attention weights p (…, Tq, Tk), as MultiHeadAttention
/// leaves them in `weights`. 0: each query reads one key; ln Tk: all alike. exp of it is a number of keys.
/// Queries that may see no key (rows of zeros) are left out; NaN when no others are there. Throws Error when
/// a row is no distribution.
template <class T>
double attention_entropy(const Array<T>& weights);

}  // namespace xgrad
