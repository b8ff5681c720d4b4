#pragma once
// Scaled dot-product attention (Vaswani et al., arXiv:1706.03762, eq. 1), fused.

#include "xgrad/core/tape.hpp"

namespace xgrad {

inline Mask no_mask() { return Mask::from_shape({0}); }

struct AttentionOptions {
  /// true: this query may NOT see this key. Broadcasts to the weights' shape; empty: no mask.
  Mask mask = no_mask();
  bool causal = false;  ///< query i sees keys 0…i only (Tq = Tk)
  double scale = 0;     ///< factor on the scores; 0 means 1/√d
  std::size_t heads =
      1;  ///< head i attends within columns i·d to (i+1)·d of q and k, and i·dv to (i+1)·dv of v and y
};

/// softmax(q kᵀ · scale) v for each head: q (…, Tq, h·d), k (…, Tk, h·d), v (…, Tk, h·dv), equal leading
/// axes; y (…, Tq, h·dv). A query that may see no key at all gets 0 and sends no gradient. `weights`, when
/// given, receives the attention weights, to look at: (…, Tq, Tk), or (…, h, Tq, Tk) for more heads than one.
/// Throws Error when the shapes do not fit, no key or feature is there, the heads do not divide the last
/// axes, or a causal mask meets Tq ≠ Tk.
template <class T>
Variable<T> attention(const Variable<T>& q, const Variable<T>& k, const Variable<T>& v,
                      const AttentionOptions& options = {}, Array<T>* weights = nullptr);

/// Mask (Tq, Tk) that hides the future: true above the diagonal.
Mask causal_mask(std::size_t length);
/// True where a or b is; the shapes broadcast.
Mask either(const Mask& a, const Mask& b);

}  // namespace xgrad
