#include "xgrad/core/gemm.hpp"

#include "xgrad/core/array.hpp"
#include "xgrad/core/scalars.hpp"

#ifdef XGRAD_BLAS
extern "C" void openblas_set_num_threads(int);
#if __has_include(<xtensor-blas/xblas.hpp>)
#include <xtensor-blas/xblas.hpp>
#else
#include <xtensor-blas/blas/xblas.hpp>
#endif
#endif

namespace xgrad {

namespace {

/// The definition: c_ij = α Σ_l op(a)_il op(b)_lj + β c_ij. Serves scalars that BLAS does not know, and
/// builds without BLAS. The loop over j is innermost so that it runs along rows.
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

#ifdef XGRAD_BLAS
template <class T>
void blas_gemm(Op op_a, Op op_b, std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a,
               std::size_t lda, const T* b, std::size_t ldb, T beta, T* c, std::size_t ldc) {
  const auto word = [](Op op) { return op == Op::none ? cxxblas::NoTrans : cxxblas::Trans; };
  const auto number = [](std::size_t x) { return static_cast<xt::blas_index_t>(x); };
  cxxblas::gemm<xt::blas_index_t>(cxxblas::RowMajor, word(op_a), word(op_b), number(m), number(n), number(k),
                                  alpha, a, number(lda), b, number(ldb), beta, c, number(ldc));
}
void chosen_gemm(Op op_a, Op op_b, std::size_t m, std::size_t n, std::size_t k, float alpha, const float* a,
                 std::size_t lda, const float* b, std::size_t ldb, float beta, float* c, std::size_t ldc) {
  blas_gemm(op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
void chosen_gemm(Op op_a, Op op_b, std::size_t m, std::size_t n, std::size_t k, double alpha, const double* a,
                 std::size_t lda, const double* b, std::size_t ldb, double beta, double* c, std::size_t ldc) {
  blas_gemm(op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
#endif

template <class... Arguments>
void chosen_gemm(Arguments... arguments) {
  plain_gemm(arguments...);
}

}  // namespace

template <class T>
void gemm(Op op_a, Op op_b, std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a, std::size_t lda,
          const T* b, std::size_t ldb, T beta, T* c, std::size_t ldc) {
  if (m == 0 || n == 0) return;
  if (k == 0) return plain_gemm(op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);  // C = βC
  chosen_gemm(op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void set_gemm_threads(std::size_t n) {
  if (n == 0) fail("set_gemm_threads", "0 threads cannot multiply: use at least 1");
#ifdef XGRAD_BLAS
  openblas_set_num_threads(static_cast<int>(n));
#endif
}

#define XGRAD_INSTANTIATE(T)                                                                            \
  template void gemm(Op, Op, std::size_t, std::size_t, std::size_t, T, const T*, std::size_t, const T*, \
                     std::size_t, T, T*, std::size_t);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
