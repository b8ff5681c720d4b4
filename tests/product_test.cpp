// The matrix product's fast kernel against its definition.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>

#include "xgrad/core/array.hpp"
#include "xgrad/core/gemm.hpp"
#include "xgrad/core/product.hpp"
#include "xgrad/core/random.hpp"

using namespace xgrad;

namespace {

template <class T>
std::vector<T> numbers(std::size_t n, Rng& rng) {
  std::vector<T> x(n);
  for (T& v : x) v = static_cast<T>(rng.normal());
  return x;
}

/// One product of these sizes, each row of each matrix followed by `gap` numbers that must not matter.
template <class T>
void compare(Op op_a, Op op_b, std::size_t m, std::size_t n, std::size_t k, T alpha, T beta, std::size_t gap,
             bool one_row, Rng& rng) {
  const std::size_t lda = (op_a == Op::none ? k : m) + gap, ldb = (op_b == Op::none ? n : k) + gap,
                    ldc = n + gap;
  const auto a = numbers<T>((op_a == Op::none ? m : k) * lda, rng),
             b = numbers<T>((op_b == Op::none ? k : n) * ldb, rng);
  auto c = numbers<T>(m * ldc, rng);
  const auto before = c, row = numbers<T>(n, rng);
  if (one_row)
    gemm<T>(op_a, op_b, m, n, k, alpha, a.data(), lda, b.data(), ldb, beta, row.data(), 0, c.data(), ldc);
  else
    gemm<T>(op_a, op_b, m, n, k, alpha, a.data(), lda, b.data(), ldb, beta, c.data(), ldc);
  BOOST_TEST_CONTEXT(m << "×" << k << " times " << k << "×" << n << (op_a == Op::none ? "" : ", a transposed")
                       << (op_b == Op::none ? "" : ", b transposed") << ", alpha " << alpha << ", beta "
                       << beta) {
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < ldc; ++j) {
        if (j >= n) {
          BOOST_REQUIRE_EQUAL(c[i * ldc + j], before[i * ldc + j]);
          continue;
        }
        double sum = 0, size = 0;
        for (std::size_t l = 0; l < k; ++l) {
          const double term = double(op_a == Op::none ? a[i * lda + l] : a[l * lda + i]) *
                              double(op_b == Op::none ? b[l * ldb + j] : b[j * ldb + l]);
          sum += term;
          size += std::abs(term);
        }
        const double start = double(beta) * double(one_row ? row[j] : before[i * ldc + j]);
        const double bound = 4 * double(std::numeric_limits<T>::epsilon()) * (size + std::abs(start)) *
                             (1 + std::sqrt(double(k)));
        BOOST_REQUIRE_SMALL(double(c[i * ldc + j]) - (double(alpha) * sum + start), bound);
      }
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(product_test)

using Scalars = std::tuple<float, double>;

BOOST_AUTO_TEST_CASE_TEMPLATE(products_of_all_shapes, T, Scalars) {
  Rng rng(1);
  for (int round = 0; round < 400; ++round) {
    const auto size = [&](std::size_t most) { return 1 + std::size_t(rng.uniform() * double(most)); };
    const std::size_t most = round % 8 == 0 ? 300 : 70;
    const auto op = [&] { return rng.uniform() < .5 ? Op::none : Op::transposed; };
    const Op op_a = op(), op_b = op();
    const std::size_t m = size(most), n = size(70), k = size(most);
    compare<T>(op_a, op_b, m, n, k, round % 3 ? T(1) : T(-.5), T(round % 4) / 2, std::size_t(round % 5 == 0),
               round % 7 == 0, rng);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(multiples_of_the_tile_and_one_more_or_less, T, Scalars) {
  Rng rng(2);
  for (std::size_t m : {detail::tile_rows, 2 * detail::tile_rows + 1})
    for (std::size_t n : {detail::lanes<T> - 1, detail::lanes<T>, detail::lanes<T> + 1, 2 * detail::lanes<T>,
                          4 * detail::lanes<T> + 1})
      for (std::size_t k : {std::size_t(1), detail::lanes<T>, detail::block_depth, detail::block_depth + 1})
        for (Op op_a : {Op::none, Op::transposed})
          for (Op op_b : {Op::none, Op::transposed})
            compare<T>(op_a, op_b, m, n, k, T(1), T(0), 0, false, rng);
}

// Rows a page apart are copied together before they are multiplied.
BOOST_AUTO_TEST_CASE_TEMPLATE(rows_far_apart, T, Scalars) {
  Rng rng(4);
  const std::size_t k = detail::block_depth + 3, n = 8 * detail::lanes<T> + 1;
  for (std::size_t m : {8 * detail::tile_rows, 9 * detail::tile_rows + 1, detail::block_rows + 1})
    for (Op op_a : {Op::none, Op::transposed})
      for (Op op_b : {Op::none, Op::transposed})
        compare<T>(op_a, op_b, m, n, k, T(1), T(1), std::size_t(detail::far<T>), false, rng);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_stood_in_c_does_not_matter_when_beta_is_0, T, Scalars) {
  const std::vector<T> a(40, T(1)), b(40, T(1));
  std::vector<T> c(400, std::numeric_limits<T>::quiet_NaN());
  gemm<T>(Op::none, Op::none, 20, 20, 2, T(1), a.data(), 2, b.data(), 20, T(0), c.data(), 20);
  for (T v : c) BOOST_REQUIRE_EQUAL(v, T(2));
  gemm<T>(Op::none, Op::none, 20, 20, 0, T(1), a.data(), 2, b.data(), 20, T(0), c.data(), 20);
  for (T v : c) BOOST_REQUIRE_EQUAL(v, T(0));
}

// A NaN or an infinity in A or B reaches exactly the entries of C that it belongs to.
BOOST_AUTO_TEST_CASE(nan_and_infinity_stay_in_their_row_and_column) {
  const std::size_t n = 19;
  std::vector<float> a(n * n, 1), b(n * n, 1), c(n * n);
  a[3 * n + 5] = std::numeric_limits<float>::quiet_NaN();
  b[5 * n + 18] = std::numeric_limits<float>::infinity();
  gemm<float>(Op::none, Op::none, n, n, n, 1, a.data(), n, b.data(), n, 0, c.data(), n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      BOOST_TEST(std::isnan(c[i * n + j]) == (i == 3));
      if (i != 3) BOOST_TEST(std::isinf(c[i * n + j]) == (j == 18));
    }
}

// Some are shared among threads; the largest goes to OpenBLAS where there is one, and begins with a row of
// biases.
BOOST_AUTO_TEST_CASE(large_products) {
  Rng rng(3);
  compare<float>(Op::none, Op::transposed, 70, 5, 600000 / 70, 1, 1, 3, true, rng);
  for (std::size_t n : {700, 1030}) {  // 343 and 1093 million multiplications
    const auto a = numbers<float>(n * n, rng), b = numbers<float>(n * n, rng), bias = numbers<float>(n, rng);
    std::vector<float> c(n * n);
    gemm<float>(Op::none, Op::transposed, n, n, n, 2, a.data(), n, b.data(), n, 1, bias.data(), 0, c.data(),
                n);
    for (std::size_t i = 0; i < n; i += 69)
      for (std::size_t j = 0; j < n; j += 7) {
        double sum = 0;
        for (std::size_t l = 0; l < n; ++l) sum += double(a[i * n + l]) * double(b[j * n + l]);
        BOOST_TEST(std::abs(double(c[i * n + j]) - (2 * sum + double(bias[j]))) < 1e-3);
      }
  }
}

BOOST_AUTO_TEST_SUITE_END()
