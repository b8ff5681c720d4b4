#include "xgrad/ops/attention.hpp"

#include <cmath>
#include <limits>

#include "xgrad/core/gemm.hpp"
#include "xgrad/core/rows.hpp"
#include "xgrad/core/scalars.hpp"
#include "xgrad/core/strided.hpp"
#include "xgrad/core/vector_math.hpp"

namespace xgrad {

namespace {

/// Softmax over each row of scores in place; -inf marks what must not be seen, and a row of nothing but -inf
/// becomes 0.
template <class T>
void softmax_in_place(T* p, std::size_t rows, std::size_t n) {
  using fast::exp;
  for (; rows-- > 0; p += n) {
    const T top = detail::max_of(p, n);
    if (top == -std::numeric_limits<double>::infinity()) {
      std::fill(p, p + n, T(0));
      continue;
    }
    for (std::size_t i = 0; i < n; ++i) p[i] = exp(p[i] - top);
    const T scale = T(1) / detail::sum_of<T>(n, [=](std::size_t i) { return p[i]; });
    for (std::size_t i = 0; i < n; ++i) p[i] *= scale;
  }
}

}  // namespace

Mask causal_mask(std::size_t length) {
  Mask mask = Mask::from_shape({length, length});
  for (std::size_t i = 0; i < length; ++i)
    for (std::size_t j = 0; j < length; ++j) mask.data()[i * length + j] = j > i;
  return mask;
}

// P = softmax(s Q Kᵀ),   Y = P V          for each matrix of the batch
// dV = Pᵀ dY,   dP = dY Vᵀ,   dS = P (dP - Σ P dP),   dQ = s dS K,   dK = s dSᵀ Q
template <class T>
Variable<T> attention(const Variable<T>& q, const Variable<T>& k, const Variable<T>& v,
                      const AttentionOptions& options, Array<T>* weights) {
  const Shape sq = q.shape(), sk = k.shape(), sv = v.shape();
  const auto all = "q is " + to_string(sq) + ", k is " + to_string(sk) + ", v is " + to_string(sv);
  if (sq.size() < 2 || sk.size() != sq.size() || sv.size() != sq.size())
    fail("attention", all, ": all three need the same rank, at least 2");
  const std::size_t queries = q.extent(-2), keys = k.extent(-2), d = q.extent(-1), dv = v.extent(-1);
  const Shape batch(sq.begin(), sq.end() - 2);
  if (Shape(sk.begin(), sk.end() - 2) != batch || Shape(sv.begin(), sv.end() - 2) != batch)
    fail("attention", all, ": the leading axes must be equal");
  if (k.extent(-1) != d) fail("attention", all, ": q and k must have the same last axis");
  if (v.extent(-2) != keys) fail("attention", all, ": k and v must have the same number of rows (keys)");
  if (options.causal && queries != keys)
    fail("attention", all, ": a causal mask needs as many queries as keys");
  if (keys == 0 || d == 0) fail("attention", all, ": there must be at least one key and one feature");
  const std::size_t n = count(batch);
  const T scale(options.scale != 0 ? options.scale : 1 / std::sqrt(double(d)));

  Shape score_shape = batch, y_shape = batch;
  score_shape.insert(score_shape.end(), {queries, keys});
  y_shape.insert(y_shape.end(), {queries, dv});
  auto p = empty<T>(score_shape);
  for (std::size_t b = 0; b < n; ++b)
    gemm<T>(Op::none, Op::transposed, queries, keys, d, scale, q.value().data() + b * queries * d, d,
            k.value().data() + b * keys * d, d, T(0), p.data() + b * queries * keys, keys);
  const T never(-std::numeric_limits<double>::infinity());
  if (options.causal)
    for (std::size_t r = 0; r < n * queries; ++r)
      std::fill(p.data() + r * keys + r % queries + 1, p.data() + (r + 1) * keys, never);
  if (options.mask.size()) {
    if (!detail::broadcasts_to(shape_of(options.mask), score_shape))
      fail("attention", all, ", the mask is ", to_string(shape_of(options.mask)), ": it must broadcast to ",
           to_string(score_shape));
    p = detail::elementwise_to<T>(
        score_shape, [=](bool m, T s) { return m ? never : s; }, options.mask, p);
  }
  softmax_in_place(p.data(), n * queries, keys);
  auto y = empty<T>(y_shape);
  for (std::size_t b = 0; b < n; ++b)
    gemm<T>(Op::none, Op::none, queries, dv, keys, T(1), p.data() + b * queries * keys, keys,
            v.value().data() + b * keys * dv, dv, T(0), y.data() + b * queries * dv, dv);
  if (weights) *weights = p;

  return record<T>("attention", std::move(y), {q, k, v},
                   [=, p = std::move(p)](const Array<T>&, const Array<T>& dy) {
                     auto dq = empty<T>(q.shape()), dk = empty<T>(k.shape()), dv_ = empty<T>(v.shape()),
                          ds = empty<T>({queries, keys});
                     for (std::size_t b = 0; b < n; ++b) {
                       const T* pb = p.data() + b * queries * keys;
                       const T* dyb = dy.data() + b * queries * dv;
                       gemm<T>(Op::transposed, Op::none, keys, dv, queries, T(1), pb, keys, dyb, dv, T(0),
                               dv_.data() + b * keys * dv, dv);
                       gemm<T>(Op::none, Op::transposed, queries, keys, dv, T(1), dyb, dv,
                               v.value().data() + b * keys * dv, dv, T(0), ds.data(), keys);
                       for (std::size_t r = 0; r < queries; ++r) {
                         const T* w = pb + r * keys;
                         T* s = ds.data() + r * keys;
                         const T dot = detail::sum_of<T>(keys, [=](std::size_t i) { return w[i] * s[i]; });
                         for (std::size_t i = 0; i < keys; ++i) s[i] = w[i] * (s[i] - dot);
                       }
                       gemm<T>(Op::none, Op::none, queries, d, keys, scale, ds.data(), keys,
                               k.value().data() + b * keys * d, d, T(0), dq.data() + b * queries * d, d);
                       gemm<T>(Op::transposed, Op::none, keys, d, queries, scale, ds.data(), keys,
                               q.value().data() + b * queries * d, d, T(0), dk.data() + b * keys * d, d);
                     }
                     q.accumulate(std::move(dq));
                     k.accumulate(std::move(dk));
                     v.accumulate(std::move(dv_));
                   });
}

#define XGRAD_INSTANTIATE(T)                                                                 \
  template Variable<T> attention(const Variable<T>&, const Variable<T>&, const Variable<T>&, \
                                 const AttentionOptions&, Array<T>*);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
