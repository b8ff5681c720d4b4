#pragma once
// The one matrix product: every op that multiplies matrices ends here. Nearly all are ours
// (core/product.hpp), on several threads where that pays; the largest are OpenBLAS's; without BLAS all are
// ours.

#include <cstddef>

namespace xgrad {

enum class Op { none, transposed };

/// C = α op(A) op(B) + β C, row-major; op(A) is m×k, op(B) k×n; ld* is the distance between rows in memory.
/// β = 0 overwrites C, whatever it held. A and B must not overlap C.
template <class T>
void gemm(Op op_a, Op op_b, std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a, std::size_t lda,
          const T* b, std::size_t ldb, T beta, T* c, std::size_t ldc);

/// C = α op(A) op(B) + β C₀. With ldc0 = 0 one row of C₀ stands for all: a bias. C₀ may be C itself, but must
/// not overlap it otherwise.
template <class T>
void gemm(Op op_a, Op op_b, std::size_t m, std::size_t n, std::size_t k, T alpha, const T* a, std::size_t lda,
          const T* b, std::size_t ldb, T beta, const T* c0, std::size_t ldc0, T* c, std::size_t ldc);

namespace detail {
/// How many threads OpenBLAS may use: set_threads (core/threads.hpp) calls it.
void set_blas_threads(std::size_t n);
}  // namespace detail

}  // namespace xgrad
