// The loops over vectors: ends of rows, and what lies beyond them.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "xgrad/core/rows.hpp"

using namespace xgrad;

namespace {

constexpr std::size_t longest = 70;  // more than four vectors, and no whole number of them

template <class T>
std::vector<T> some_numbers() {
  std::vector<T> x(longest);
  for (std::size_t i = 0; i < longest; ++i) x[i] = T(.37) * T(i % 19) - 3;
  return x;
}

const auto f = [](auto x, auto y) { return fast::exp(x) / (y * y + fast::tanh(x)); };

/// Each entry is the same in rows of all lengths and at all places, and nothing beyond a row is written.
template <class T>
void check_rows() {
  static_assert(detail::takes_vectors<T, decltype(f), T, T>());
  const std::vector<T> x = some_numbers<T>();
  std::vector<T> all(longest);
  detail::apply_contiguous(longest, f, all.data(), x.data(), x.data());
  for (std::size_t from = 0; from < 3; ++from)
    for (std::size_t n = 0; from + n <= longest; ++n) {
      std::vector<T> y(longest, T(-7)), expected = y;
      std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(from), n, expected.begin());
      detail::apply_contiguous(n, f, y.data(), x.data() + from, x.data() + from);
      BOOST_TEST(y == expected, boost::test_tools::per_element());
    }
}

/// The sum counts each entry once and nothing else; what is written is the same, in place too.
template <class T>
void check_sums(T tolerance) {
  const auto g = [](auto x) { return fast::exp(x); };  // g(0) = 1: empty lanes would be noticed
  for (std::size_t n = 0; n <= longest; ++n) {
    std::vector<T> x = some_numbers<T>(), y = x;
    detail::apply_contiguous(n, g, y.data(), x.data());
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(y[i]);
    BOOST_TEST(detail::apply_and_sum(n, g, x.data(), x.data()) == T(sum),
               boost::test_tools::tolerance(tolerance));
    BOOST_TEST(x == y, boost::test_tools::per_element());
  }
}

/// Sums of small integers need no rounding: they are equal to the last bit.
template <class T>
void check_whole_sums(std::size_t n) {
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

/// Wherever the largest number of a row stands, it is found. (Softmax, which subtracts it, gives the same
/// whatever is subtracted, until something overflows.)
template <class T>
void check_largest() {
  for (std::size_t n = 1; n <= longest; ++n)
    for (std::size_t at = 0; at < n; ++at) {
      std::vector<T> x(n);
      for (std::size_t i = 0; i < n; ++i) x[i] = -T(i % 5) - 2;
      x[at] = T(-1);
      BOOST_TEST(detail::max_of(x.data(), n) == T(-1), "the largest of " << n << " is number " << at);
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(rows_test)

BOOST_AUTO_TEST_CASE(the_largest_of_a_row) {
  check_largest<float>();
  check_largest<double>();
}

BOOST_AUTO_TEST_CASE(entries_do_not_depend_on_their_place) {
  check_rows<float>();
  check_rows<double>();
}

BOOST_AUTO_TEST_CASE(sums_of_rows_of_every_length) {
  for (std::size_t n = 0; n <= longest; ++n) {
    check_whole_sums<float>(n);
    check_whole_sums<double>(n);
  }
}

BOOST_AUTO_TEST_CASE(sums_of_what_is_written) {
  check_sums<float>(2e-6f);
  check_sums<double>(1e-14);
}

BOOST_AUTO_TEST_CASE(functions_of_numbers_are_applied_to_numbers) {
  const auto g = [](float x) { return std::sqrt(x); };
  static_assert(!detail::takes_vectors<float, decltype(g), float>());
  const float x[] = {4, 9, 16};
  float y[3];
  detail::apply_contiguous(3, g, y, x);
  BOOST_TEST((y[0] == 2 && y[1] == 3 && y[2] == 4));
}

BOOST_AUTO_TEST_SUITE_END()
