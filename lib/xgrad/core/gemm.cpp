#include "xgrad/core/gemm.hpp"

#include <algorithm>
#include <type_traits>

#include "xgrad/core/array.hpp"
#include "xgrad/core/product.hpp"
#include "xgrad/core/scalars.hpp"
#include "xgrad/core/threads.hpp"

#ifdef XGRAD_BLAS
extern "C" {
void openblas_set_num_threads(int);
}
#if __has_include(<xtensor-blas/xblas.hpp>)
#include <xtensor-blas/xblas.hpp>
#else
#include <xtensor-blas/blas/xblas.hpp>
#endif
#endif

namespace xgrad {

namespace {

/// The definition: c_ij = α Σ_l op(a)_il op(b)_lj + β c_ij, for every other scalar. The loop over j is
/// innermost so that it runs along rows.
template <class T>
void plain_gemm(Op op_a, Op op_b, std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a,
                std::size_t lda, const T* b, std::size_t ldb, T beta, T* c, std::size_t ldc) {
  for (std::size_t i = 0; i < m; ++i) {
    T* row = c + i * ldc;
    for (std::size_t j = 0; j < n; ++j) row[j] = beta == T(0) ? T(0) : beta * row[j];
    for (std::size_t l = 0; l < k; ++l) {
      const T a_il = alpha * (op_a == Op::none ? a[i * lda + l] : a[l * lda + i]);
      if (op_b == Op::none) {
        for (std::size_t j = 0; j < n; ++j) row[j] += a_il * b[l * ldb + j];
      } else {
        for (std::size_t j = 0; j < n; ++j) row[j] += a_il * b[j * ldb + l];
      }
    }
  }
}

template <class T>
void own_gemm(Op op_a, Op op_b, std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a,
              std::size_t lda, const T* b, std::size_t ldb, T beta, const T* c0, std::size_t ldc0, T* c,
              std::size_t ldc) {
  const auto matrix = [](Op op, const T* data, std::size_t ld) {
    const auto step = static_cast<std::ptrdiff_t>(ld);
    return op == Op::none ? detail::Matrix<T>{data, step, 1} : detail::Matrix<T>{data, 1, step};
  };
  detail::product<T>(m, n, k, alpha, matrix(op_a, a, lda), matrix(op_b, b, ldb), beta, {c0, ldc0}, {c, ldc});
}

/// own_gemm in bands of rows or columns of C, so that several threads can share them. How C is cut changes
/// none of its entries.
template <class T>
void shared_gemm(Op op_a, Op op_b, std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a,
                 std::size_t lda, const T* b, std::size_t ldb, T beta, const T* c0, std::size_t ldc0, T* c,
                 std::size_t ldc) {
  constexpr double worth_a_thread = 1 << 20;  // multiplications
  const std::size_t threads =
      double(m) * double(n) * double(k) < 2 * worth_a_thread ? 1 : detail::threads_now();
  const bool by_rows = m >= n;
  const std::size_t unit = by_rows ? detail::tile_rows : 2 * detail::lanes<T>,
                    units = ((by_rows ? m : n) + unit - 1) / unit, bands = threads == 1 ? 1 : 2 * threads;
  detail::for_parts(bands, units, [=](std::size_t, std::size_t begin, std::size_t end) {
    if (begin == end) return;
    const std::size_t from = begin * unit, size = std::min(end * unit, by_rows ? m : n) - from;
    if (by_rows)
      own_gemm(op_a, op_b, size, n, k, alpha, a + (op_a == Op::none ? from * lda : from), lda, b, ldb, beta,
               c0 + from * ldc0, ldc0, c + from * ldc, ldc);
    else
      own_gemm(op_a, op_b, m, size, k, alpha, a, lda, b + (op_b == Op::none ? from : from * ldb), ldb, beta,
               c0 + from, ldc0, c + from, ldc);
  });
}

#ifdef XGRAD_BLAS
/// Up to so many multiplications our product is faster than OpenBLAS (tests/benchmarks).
constexpr double most = 1 << 30;

template <class T>
void blas_gemm(Op op_a, Op op_b, std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a,
               std::size_t lda, const T* b, std::size_t ldb, T beta, T* c, std::size_t ldc) {
  const auto word = [](Op op) { return op == Op::none ? cxxblas::NoTrans : cxxblas::Trans; };
  const auto number = [](std::size_t x) { return static_cast<xt::blas_index_t>(x); };
  cxxblas::gemm<xt::blas_index_t>(cxxblas::RowMajor, word(op_a), word(op_b), number(m), number(n), number(k),
                                  alpha, a, number(lda), b, number(ldb), beta, c, number(ldc));
}
#endif

}  // namespace

template <class T>
void gemm(Op op_a, Op op_b, std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a, std::size_t lda,
          const T* b, std::size_t ldb, T beta, const T* c0, std::size_t ldc0, T* c, std::size_t ldc) {
  if (m == 0 || n == 0) return;
  if constexpr (std::is_floating_point_v<T>) {
    bool own = k > 0;
#ifdef XGRAD_BLAS
    own = own && double(m) * double(n) * double(k) <= most;
#endif
    if (own) return shared_gemm(op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c0, ldc0, c, ldc);
  }
  if (c0 != c && beta != T(0))
    for (std::size_t i = 0; i < m; ++i) std::copy_n(c0 + i * ldc0, n, c + i * ldc);
#ifdef XGRAD_BLAS
  if constexpr (std::is_floating_point_v<T>) {
    if (k > 0) return blas_gemm(op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  }
#endif
  plain_gemm(op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

template <class T>
void gemm(Op op_a, Op op_b, std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a, std::size_t lda,
          const T* b, std::size_t ldb, T beta, T* c, std::size_t ldc) {
  gemm<T>(op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, c, ldc);
}

void detail::set_blas_threads([[maybe_unused]] std::size_t n) {
#ifdef XGRAD_BLAS
  openblas_set_num_threads(static_cast<int>(n));
#endif
}

#define XGRAD_INSTANTIATE(T)                                                                            \
  template void gemm(Op, Op, std::size_t, std::size_t, std::size_t, T, const T*, std::size_t, const T*, \
                     std::size_t, T, T*, std::size_t);                                                  \
  template void gemm(Op, Op, std::size_t, std::size_t, std::size_t, T, const T*, std::size_t, const T*, \
                     std::size_t, T, const T*, std::size_t, T*, std::size_t);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
