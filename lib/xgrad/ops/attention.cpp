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
    const bool blind = top == -std::numeric_limits<double>::infinity() &&
                       std::all_of(p, p + n, [=](T score) { return score == top; });  // max_of overlooks NaN
    if (blind) {
      std::fill(p, p + n, T(0));
      continue;
    }
    for (std::size_t i = 0; i < n; ++i) p[i] = exp(p[i] - top);
    const T scale = T(1) / detail::sum_of<T>(n, [=](std::size_t i) { return p[i]; });
    for (std::size_t i = 0; i < n; ++i) p[i] *= scale;
  }
}

/// The shape of the weights; throws when q, k, v and the options do not fit.
Shape check(const Shape& q, const Shape& k, const Shape& v, const AttentionOptions& options) {
  const auto all = [&] {
    return "q is " + to_string(q) + ", k is " + to_string(k) + ", v is " + to_string(v);
  };
  if (q.size() < 2 || k.size() != q.size() || v.size() != q.size())
    fail("attention", all(), ": all three need the same rank, at least 2");
  const std::size_t matrix = q.size() - 2, tq = q[matrix], tk = k[matrix];
  Shape scores(q.begin(), q.end() - 2);
  if (Shape(k.begin(), k.end() - 2) != scores || Shape(v.begin(), v.end() - 2) != scores)
    fail("attention", all(), ": the leading axes must be equal");
  if (k.back() != q.back()) fail("attention", all(), ": q and k must have the same last axis");
  if (v[matrix] != tk) fail("attention", all(), ": k and v must have the same number of rows (keys)");
  if (options.causal && tq != tk) fail("attention", all(), ": a causal mask needs as many queries as keys");
  if (tk == 0 || q.back() == 0) fail("attention", all(), ": there must be at least one key and one feature");
  if (options.heads == 0 || q.back() % options.heads || v.back() % options.heads)
    fail("attention", all(), ", the heads are ", options.heads, ": the heads must divide the last axes");
  if (options.heads > 1) scores.push_back(options.heads);
  scores.insert(scores.end(), {tq, tk});
  if (options.mask.size() && !detail::broadcasts_to(shape_of(options.mask), scores))
    fail("attention", all(), ", the mask is ", to_string(shape_of(options.mask)), ": it must broadcast to ",
         to_string(scores));
  return scores;
}

/// Writes -inf over every score that a query may not see.
template <class T>
void hide(Array<T>& scores, const AttentionOptions& options) {
  const T never(-std::numeric_limits<double>::infinity());
  const Shape shape = shape_of(scores);
  const std::size_t tk = shape.back(), tq = shape[shape.size() - 2];
  if (options.causal)
    for (std::size_t r = 0; r < scores.size() / tk; ++r)
      std::fill(scores.data() + r * tk + r % tq + 1, scores.data() + (r + 1) * tk, never);
  if (options.mask.size())
    scores = detail::elementwise_to<T>(
        shape, [=](bool m, T s) { return m ? never : s; }, options.mask, scores);
}

}  // namespace

Mask causal_mask(std::size_t length) {
  Mask mask = Mask::from_shape({length, length});
  for (std::size_t i = 0; i < length; ++i)
    for (std::size_t j = 0; j < length; ++j) mask.data()[i * length + j] = j > i;
  return mask;
}

Mask either(const Mask& a, const Mask& b) {
  return detail::elementwise_to<bool>(
      broadcast_shape("either", shape_of(a), shape_of(b)), [](bool x, bool y) { return x || y; }, a, b);
}

// P = softmax(s Q Kᵀ),   Y = P V          for each head of each matrix of the batch
// dV = Pᵀ dY,   dP = dY Vᵀ,   dS = P (dP - Σ P dP),   dQ = s dS K,   dK = s dSᵀ Q
template <class T>
Variable<T> attention(const Variable<T>& q, const Variable<T>& k, const Variable<T>& v,
                      const AttentionOptions& options, Array<T>* weights) {
  const std::size_t heads = options.heads;
  const Shape score_shape = check(q.shape(), k.shape(), v.shape(), options);
  const std::size_t tq = q.extent(-2), tk = k.extent(-2), width = q.extent(-1), v_width = v.extent(-1);
  const std::size_t d = width / heads, dv = v_width / heads,
                    n = count(Shape(score_shape.begin(), score_shape.end() - 2));
  const T scale(options.scale != 0 ? options.scale : 1 / std::sqrt(double(d)));
  // Number i counts the heads of all matrices. A head is a block of columns: no copy, just a stride.
  const auto q_at = [=](std::size_t i) { return (i / heads) * tq * width + (i % heads) * d; };
  const auto k_at = [=](std::size_t i) { return (i / heads) * tk * width + (i % heads) * d; };
  const auto v_at = [=](std::size_t i) { return (i / heads) * tk * v_width + (i % heads) * dv; };
  const auto y_at = [=](std::size_t i) { return (i / heads) * tq * v_width + (i % heads) * dv; };

  auto p = empty<T>(score_shape);
  for (std::size_t i = 0; i < n; ++i)
    gemm<T>(Op::none, Op::transposed, tq, tk, d, scale, q.value().data() + q_at(i), width,
            k.value().data() + k_at(i), width, T(0), p.data() + i * tq * tk, tk);
  hide(p, options);
  softmax_in_place(p.data(), n * tq, tk);
  Shape y_shape = q.shape();
  y_shape.back() = v_width;
  auto y = empty<T>(y_shape);
  for (std::size_t i = 0; i < n; ++i)
    gemm<T>(Op::none, Op::none, tq, dv, tk, T(1), p.data() + i * tq * tk, tk, v.value().data() + v_at(i),
            v_width, T(0), y.data() + y_at(i), v_width);
  if (weights) *weights = p;

  return record<T>("attention", std::move(y), {q, k, v},
                   [=, p = std::move(p)](const Array<T>&, const Array<T>& dy) {
                     auto dq = empty_like(q.value()), dk = empty_like(k.value()), dv_ = empty_like(v.value());
                     auto ds = empty<T>({tq, tk});
                     for (std::size_t i = 0; i < n; ++i) {
                       const T* pi = p.data() + i * tq * tk;
                       const T* dyi = dy.data() + y_at(i);
                       gemm<T>(Op::transposed, Op::none, tk, dv, tq, T(1), pi, tk, dyi, v_width, T(0),
                               dv_.data() + v_at(i), v_width);
                       gemm<T>(Op::none, Op::transposed, tq, tk, dv, T(1), dyi, v_width,
                               v.value().data() + v_at(i), v_width, T(0), ds.data(), tk);
                       for (std::size_t r = 0; r < tq; ++r) {
                         const T* w = pi + r * tk;
                         T* s = ds.data() + r * tk;
                         const T dot = detail::sum_of<T>(tk, [=](std::size_t j) { return w[j] * s[j]; });
                         for (std::size_t j = 0; j < tk; ++j) s[j] = w[j] * (s[j] - dot);
                       }
                       gemm<T>(Op::none, Op::none, tq, d, tk, scale, ds.data(), tk,
                               k.value().data() + k_at(i), width, T(0), dq.data() + q_at(i), width);
                       gemm<T>(Op::transposed, Op::none, tk, d, tq, scale, ds.data(), tk,
                               q.value().data() + q_at(i), width, T(0), dk.data() + k_at(i), width);
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
