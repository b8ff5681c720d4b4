#include "xgrad/ops/linalg.hpp"

#include "xgrad/core/gemm.hpp"
#include "xgrad/core/scalars.hpp"
#include "xgrad/core/strided.hpp"

namespace xgrad {

namespace {

/// Number of rows of x seen as one tall matrix.
template <class T>
std::size_t rows(const Variable<T>& x) {
  std::size_t n = 1;
  for (std::size_t i = 0; i + 1 < x.rank(); ++i) n *= x.value().shape()[i];
  return n;
}

/// A batch of matrix products c[i] += op(a[i']) op(b[i'']), the batch axes of each operand broadcast to
/// `batch`. A broadcast operand is read several times; a broadcast result is added to several times.
template <class T>
struct Batch {
  Shape batch;
  detail::Strides a, b;  // strides over batch axes, in matrices

  template <class F>
  void for_each(F product) const {
    std::size_t i = 0;
    detail::for_each_row<2>(batch, {a, b}, [&](std::size_t n, const auto& at, const auto& step) {
      for (std::ptrdiff_t j = 0; j < static_cast<std::ptrdiff_t>(n); ++j)
        product(static_cast<std::size_t>(at[0] + j * step[0]), static_cast<std::size_t>(at[1] + j * step[1]),
                i++);
    });
  }
};

}  // namespace

// Y = A B,   dA = dY Bᵀ,   dB = Aᵀ dY
template <class T>
Variable<T> matmul(const Variable<T>& a, const Variable<T>& b) {
  const Shape sa = a.shape(), sb = b.shape();
  const auto both = [&] { return "a is " + to_string(sa) + ", b is " + to_string(sb); };
  if (sa.size() < 2 || sb.size() < 2) fail("matmul", both(), ": both need at least two axes");
  const std::size_t k = sa.back(), n = sb.back();
  if (sb[sb.size() - 2] != k) fail("matmul", both(), ": a's columns must equal b's rows");
  const Shape batch_a(sa.begin(), sa.end() - 2), batch_b(sb.begin(), sb.end() - 2);
  if (!detail::compatible(batch_a, batch_b))
    fail("matmul", both(), ": the axes before the last two must be equal or 1");
  Shape shape = broadcast_shape("matmul", batch_a, batch_b);
  // One matrix b for all of a: a is one tall matrix, and the whole batch one product.
  const bool tall = batch_b.empty();
  const std::size_t m = tall ? rows(a) : sa[sa.size() - 2];
  const Shape batch = tall ? Shape{} : shape;
  const Batch<T> products{batch, detail::broadcast_strides(tall ? Shape{} : batch_a, batch),
                          detail::broadcast_strides(batch_b, batch)};
  shape.push_back(sa[sa.size() - 2]);
  shape.push_back(n);

  auto y = empty<T>(shape);
  products.for_each([&](std::size_t i, std::size_t j, std::size_t out) {
    gemm<T>(Op::none, Op::none, m, n, k, T(1), a.value().data() + i * m * k, k, b.value().data() + j * k * n,
            n, T(0), y.data() + out * m * n, n);
  });
  return record<T>("matmul", std::move(y), {a, b}, [=](const Array<T>&, const Array<T>& dy) {
    if (a.requires_grad()) {
      auto da = zeros<T>(a.shape());
      products.for_each([&](std::size_t i, std::size_t j, std::size_t out) {
        gemm<T>(Op::none, Op::transposed, m, k, n, T(1), dy.data() + out * m * n, n,
                b.value().data() + j * k * n, n, T(1), da.data() + i * m * k, k);
      });
      a.accumulate(std::move(da));
    }
    if (b.requires_grad()) {
      auto db = zeros<T>(b.shape());
      products.for_each([&](std::size_t i, std::size_t j, std::size_t out) {
        gemm<T>(Op::transposed, Op::none, k, n, m, T(1), a.value().data() + i * m * k, k,
                dy.data() + out * m * n, n, T(1), db.data() + j * k * n, n);
      });
      b.accumulate(std::move(db));
    }
  });
}

// Y = X Wᵀ + b,   dX = dY W,   dW = dYᵀ X,   db = Σ_rows dY
template <class T>
Variable<T> linear(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias) {
  const auto both = [&] {
    return "x is " + to_string(x.shape()) + ", weight is " + to_string(weight.shape());
  };
  if (weight.rank() != 2) fail("linear", both(), ": the weight must be a matrix (out, in)");
  if (x.rank() == 0 || x.extent(-1) != weight.extent(1))
    fail("linear", both(), ": x's last axis must equal the weight's columns (its inputs)");
  const std::size_t n = rows(x), in = weight.extent(1), out = weight.extent(0);
  if (bias && (bias.rank() != 1 || bias.size() != out))
    fail("linear", both(), ", bias is ", to_string(bias.shape()), ": the bias must be ",
         to_string(Shape{out}));
  auto shape = x.value().shape();
  shape.back() = out;

  auto y = xgrad::empty<T>(shape);  // xt has an empty too
  gemm<T>(Op::none, Op::transposed, n, out, in, T(1), x.value().data(), in, weight.value().data(), in,
          bias ? T(1) : T(0), bias ? bias.value().data() : y.data(), 0, y.data(), out);
  VariableList<T> inputs{x, weight};
  if (bias) inputs.push_back(bias);
  return record<T>("linear", std::move(y), std::move(inputs), [=](const Array<T>&, const Array<T>& dy) {
    if (x.requires_grad()) {
      auto dx = empty_like(x.value());
      gemm<T>(Op::none, Op::none, n, in, out, T(1), dy.data(), out, weight.value().data(), in, T(0),
              dx.data(), in);
      x.accumulate(std::move(dx));
    }
    if (weight.requires_grad()) {
      auto dw = empty_like(weight.value());
      gemm<T>(Op::transposed, Op::none, out, in, n, T(1), dy.data(), out, x.value().data(), in, T(0),
              dw.data(), in);
      weight.accumulate(std::move(dw));
    }
    if (bias.requires_grad()) bias.accumulate(detail::sum_to<T>(dy, {out}));
  });
}

#define XGRAD_INSTANTIATE(T)                                           \
  template Variable<T> matmul(const Variable<T>&, const Variable<T>&); \
  template Variable<T> linear(const Variable<T>&, const Variable<T>&, const Variable<T>&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
