#include "xgrad/ops/attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "xgrad/core/gemm.hpp"
#include "xgrad/core/rows.hpp"
#include "xgrad/core/scalars.hpp"
#include "xgrad/core/strided.hpp"

namespace xgrad {

namespace {

/// The softmax of n scores in place; -inf marks what must not be seen, and a row of nothing else becomes
/// zeros.
template <class T>
void softmax_in_place(T* p, std::size_t n) {
  const T top = detail::max_of(p, n);
  const bool blind = top == -std::numeric_limits<double>::infinity() &&
                     std::all_of(p, p + n, [=](T score) { return score == top; });  // max_of overlooks NaN
  if (blind) {
    std::fill_n(p, n, T(0));
    return;
  }
  detail::softmax_row(n, top, p, p);
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

/// Queries begin … end-1 of a head, and how many keys, from the first on, they need at most.
struct Block {
  std::size_t begin, end, keys;
  std::size_t rows() const { return end - begin; }
};

/// All queries in blocks. Without a causal mask they are one; under it a block needs no key beyond its last
/// query, and what would be hidden is not computed. The last block, which needs all keys, comes first.
std::vector<Block> blocks_of(std::size_t tq, std::size_t tk, bool causal) {
  if (!causal) return {{0, tq, tk}};
  constexpr std::size_t most = 32;
  std::vector<Block> blocks;
  for (std::size_t end = tq; end > 0; end = blocks.back().begin)
    blocks.push_back({(end - 1) / most * most, end, end});
  return blocks;
}

/// Where the heads of all matrices of the batch lie; i counts them. A head is a block of columns of q, k, v
/// and y: no copy, just a stride.
struct Heads {
  std::size_t heads, tq, tk, width, v_width;
  std::size_t d() const { return width / heads; }
  std::size_t dv() const { return v_width / heads; }
  std::size_t q(std::size_t i) const { return (i / heads) * tq * width + (i % heads) * d(); }
  std::size_t k(std::size_t i) const { return (i / heads) * tk * width + (i % heads) * d(); }
  std::size_t v(std::size_t i) const { return (i / heads) * tk * v_width + (i % heads) * dv(); }
  std::size_t y(std::size_t i) const { return (i / heads) * tq * v_width + (i % heads) * dv(); }
  std::size_t p(std::size_t i) const { return i * tq * tk; }
};

/// Scores of a block become weights; `hidden` is null or has a row for each query of the head.
template <class T>
void weigh(const Block& block, std::size_t tk, bool causal, const bool* hidden, T* p) {
  const T never(-std::numeric_limits<double>::infinity());
  for (std::size_t r = block.begin; r < block.end; ++r) {
    T* row = p + r * tk;
    if (hidden)
      for (std::size_t j = 0; j < block.keys; ++j) row[j] = hidden[r * tk + j] ? never : row[j];
    const std::size_t seen = causal ? r + 1 : tk;
    softmax_in_place(row, seen);
    std::fill(row + seen, row + tk, T(0));
  }
}

/// What a block of queries of head i adds to dq, dk and dv. Blocks come last first, so that the first to
/// come writes all of dk and dv, and the others add to it.
template <class T>
void backward_block(const Heads& at, const Block& b, std::size_t i, T scale, const Array<T>& q,
                    const Array<T>& k, const Array<T>& v, const Array<T>& p, const Array<T>& dy, T* ds,
                    Array<T>& dq, Array<T>& dk, Array<T>& dv) {
  const std::size_t tk = at.tk, width = at.width, v_width = at.v_width, d_v = at.dv(), d = at.d();
  const T add(b.end == at.tq ? 0 : 1);
  const T* P = p.data() + at.p(i) + b.begin * tk;
  const T* dY = dy.data() + at.y(i) + b.begin * v_width;
  const std::size_t q_at = at.q(i) + b.begin * width;
  gemm<T>(Op::transposed, Op::none, b.keys, d_v, b.rows(), T(1), P, tk, dY, v_width, add, dv.data() + at.v(i),
          v_width);
  gemm<T>(Op::none, Op::transposed, b.rows(), b.keys, d_v, T(1), dY, v_width, v.data() + at.v(i), v_width,
          T(0), ds, tk);
  for (std::size_t r = 0; r < b.rows(); ++r)
    detail::softmax_row_reverse(b.keys, ds + r * tk, P + r * tk, ds + r * tk);
  gemm<T>(Op::none, Op::none, b.rows(), d, b.keys, scale, ds, tk, k.data() + at.k(i), width, T(0),
          dq.data() + q_at, width);
  gemm<T>(Op::transposed, Op::none, b.keys, d, b.rows(), scale, ds, tk, q.data() + q_at, width, add,
          dk.data() + at.k(i), width);
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
  const Shape score_shape = check(q.shape(), k.shape(), v.shape(), options);
  const Heads at{options.heads, q.extent(-2), k.extent(-2), q.extent(-1), v.extent(-1)};
  const std::size_t d = at.d(), dv = at.dv(), tk = at.tk, width = at.width, v_width = at.v_width,
                    n = count(Shape(score_shape.begin(), score_shape.end() - 2));
  const T scale(options.scale != 0 ? options.scale : 1 / std::sqrt(double(d)));
  const auto blocks = blocks_of(at.tq, tk, options.causal);
  Mask hidden = no_mask();
  if (options.mask.size())
    hidden = detail::elementwise_to<bool>(
        score_shape, [](bool m) { return m; }, options.mask);

  Shape y_shape = q.shape();
  y_shape.back() = v_width;
  auto p = empty<T>(score_shape), y = empty<T>(y_shape);
  for (std::size_t i = 0; i < n; ++i) {
    const T *Q = q.value().data() + at.q(i), *K = k.value().data() + at.k(i), *V = v.value().data() + at.v(i);
    T *P = p.data() + at.p(i), *Y = y.data() + at.y(i);
    for (const Block& b : blocks) {
      gemm<T>(Op::none, Op::transposed, b.rows(), b.keys, d, scale, Q + b.begin * width, width, K, width,
              T(0), P + b.begin * tk, tk);
      weigh(b, tk, options.causal, hidden.size() ? hidden.data() + at.p(i) : nullptr, P);
      gemm<T>(Op::none, Op::none, b.rows(), dv, b.keys, T(1), P + b.begin * tk, tk, V, v_width, T(0),
              Y + b.begin * v_width, v_width);
    }
  }
  if (weights) *weights = p;

  return record<T>(
      "attention", std::move(y), {q, k, v}, [=, p = std::move(p)](const Array<T>&, const Array<T>& dy) {
        auto dq = empty_like(q.value()), dk = empty_like(k.value()), dv_ = empty_like(v.value());
        auto ds = empty<T>({at.tq, tk});
        for (std::size_t i = 0; i < n; ++i)
          for (const Block& b : blocks)
            backward_block(at, b, i, scale, q.value(), k.value(), v.value(), p, dy, ds.data(), dq, dk, dv_);
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
