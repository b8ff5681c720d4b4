// Sums of rows of every length up to some vectors, of small integers: no rounding, so equal to the last bit.
#include <boost/test/unit_test.hpp>
#include <vector>

#include "xgrad/core/rows.hpp"

using namespace xgrad;

namespace {

template <class T>
void check_sums(std::size_t n) {
  std::vector<T> a(n), b(n);
  T sum = 0, dot = 0;
  for (std::size_t i = 0; i < n; ++i) {
    a[i] = T(i % 7);
    b[i] = T(i % 5) - T(2);
    sum += a[i];
    dot += a[i] * b[i];
  }
  BOOST_TEST(detail::sum_of<T>(
                 n, [](auto x, auto y) { return x * y; }, a.data(), b.data()) == dot);
  const auto [first, second] = detail::sums_of<T>(
      n, [](auto x, auto y) { return std::pair(x, x * y); }, a.data(), b.data());
  BOOST_TEST(detail::sum_of<T>(
                 n, [](T x, T y) { return x * y; }, a.data(), b.data()) == dot);  // of numbers alone
  BOOST_TEST(detail::sum_of<double>(
                 n, [](T x) { return double(x); }, a.data()) == double(sum));  // in another type
  BOOST_TEST(first == sum);
  BOOST_TEST(second == dot);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(vector_sums_test)

BOOST_AUTO_TEST_CASE(sums_of_rows_of_every_length) {
  for (std::size_t n = 0; n < 70; ++n) {
    check_sums<float>(n);
    check_sums<double>(n);
  }
}

BOOST_AUTO_TEST_SUITE_END()
