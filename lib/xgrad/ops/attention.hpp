#pragma once
// Scaled dot-product attention (Vaswani et al., arXiv:1706.03762, eq. 1), fused.

#include "xgrad/core/tape.hpp"

namespace xgrad {

struct AttentionOptions {
  Mask mask = Mask::from_shape(
      {0});             ///< true: this query may NOT see this key; broadcasts to (…, Tq, Tk); empty: none
  bool causal = false;  ///< query i sees keys 0…i only (Tq = Tk)
  double scale = 0;     ///< factor on the scores; 0 means 1/√d
};

/// softmax(q kᵀ · scale) v with q (…, Tq, d), k (…, Tk, d), v (…, Tk, dv), equal leading axes; y (…, Tq, dv).
/// A query that may see no key at all gets 0 and sends no gradient. `weights`, when given, receives the
/// attention weights (…, Tq, Tk), to look at.
template <class T>
Variable<T> attention(const Variable<T>& q, const Variable<T>& k, const Variable<T>& v,
                      const AttentionOptions& options = {}, Array<T>* weights = nullptr);

/// Mask (Tq, Tk) that hides the future: true above the diagonal.
Mask causal_mask(std::size_t length);

}  // namespace xgrad
