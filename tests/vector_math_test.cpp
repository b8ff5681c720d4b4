// The accuracy of vector_math.hpp against the C library in long double, in units in the last place (ulp) of
// the result.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "xgrad/core/vector_math.hpp"

using namespace xgrad;

namespace {

/// The largest error of f against `exact` at n points from low to high.
template <class T, class F, class G>
double worst_ulps(double low, double high, F f, G exact) {
  const int n = 20011;
  double worst = 0;
  for (int i = 0; i < n; ++i) {
    const T x = static_cast<T>(low + (high - low) * i / (n - 1));
    const long double right = exact(static_cast<long double>(x));
    const T rounded = std::abs(static_cast<T>(right));
    const T ulp = std::nextafter(rounded, std::numeric_limits<T>::infinity()) - rounded;
    const double error = static_cast<double>(std::abs(static_cast<long double>(f(x)) - right) / ulp);
    if (!(error <= worst)) worst = error;  // NaN too
  }
  return worst;
}

long double normal_distribution(long double x) { return .5L * std::erfc(-x * std::sqrt(.5L)); }

template <class T>
void check_accuracy(double lowest_exponent, double highest_exponent, double last_tail) {
  const auto exp = [](T x) { return fast::exp(x); };
  const auto exact_exp = [](long double x) { return std::exp(x); };
  BOOST_TEST(worst_ulps<T>(-20, 20, exp, exact_exp) < 1.1);
  BOOST_TEST(worst_ulps<T>(lowest_exponent, highest_exponent, exp, exact_exp) < 1.1);  // denormal results too

  const auto tanh = [](T x) { return fast::tanh(x); };
  const auto exact_tanh = [](long double x) { return std::tanh(x); };
  for (double range : {1e-30, 1e-3, .3, 3., 30.})
    BOOST_TEST(worst_ulps<T>(-range, range, tanh, exact_tanh) < 3);

  BOOST_TEST(worst_ulps<T>(
                 0, 1, [](T x) { return fast::log1p_unit(x); }, [](long double x) { return std::log1p(x); }) <
             3);

  // In the tail e^(-x²/2) multiplies the rounding of its exponent by that exponent: error ∝ x² ulp.
  const auto phi = [](T x) { return fast::normal_distribution(x); };
  const auto gelu = [](T x) { return fast::gelu(x); };
  const auto exact_gelu = [](long double x) { return x * normal_distribution(x); };
  BOOST_TEST(worst_ulps<T>(0, 10, phi, normal_distribution) < 3);
  BOOST_TEST(worst_ulps<T>(0, 10, gelu, exact_gelu) < 3);
  for (double x : {1., 3., 6., 12., last_tail}) {
    BOOST_TEST(worst_ulps<T>(-x, 0, phi, normal_distribution) < 4 + x * x);
    BOOST_TEST(worst_ulps<T>(-x, 0, gelu, exact_gelu) < 6 + x * x);
  }
}

template <class T>
void check_limits() {
  const T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const T largest = std::numeric_limits<T>::max();
  BOOST_TEST(fast::exp(T(0)) == 1);
  BOOST_TEST(fast::exp(infinity) == infinity);
  BOOST_TEST(fast::exp(largest) == infinity);
  BOOST_TEST(fast::exp(-infinity) == 0);
  BOOST_TEST(fast::exp(-largest) == 0);
  BOOST_TEST(std::isnan(fast::exp(nan)));
  BOOST_TEST(fast::tanh(T(0)) == 0);
  BOOST_TEST(fast::tanh(infinity) == 1);
  BOOST_TEST(fast::tanh(-largest) == -1);
  BOOST_TEST(std::isnan(fast::tanh(nan)));
  BOOST_TEST(fast::log1p_unit(T(0)) == 0);
  BOOST_TEST(fast::normal_distribution(-infinity) == 0);
  BOOST_TEST(fast::normal_distribution(infinity) == 1);
  BOOST_TEST(fast::normal_distribution(T(0)) == T(.5), boost::test_tools::tolerance(T(1e-6)));
  BOOST_TEST(std::isnan(fast::normal_distribution(nan)));
  BOOST_TEST(fast::gelu(T(0)) == 0);
  BOOST_TEST(fast::gelu(infinity) == infinity);
  BOOST_TEST(fast::gelu(largest) == largest);
  BOOST_TEST(fast::gelu(-infinity) == 0);
  BOOST_TEST(fast::gelu(-largest) == 0);
  BOOST_TEST(std::isnan(fast::gelu(nan)));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(vector_math_test)

BOOST_AUTO_TEST_CASE(accuracy_in_float) { check_accuracy<float>(-103, 88.7, 12.8); }
BOOST_AUTO_TEST_CASE(accuracy_in_double) { check_accuracy<double>(-744, 709.7, 37.4); }

BOOST_AUTO_TEST_CASE(limits) {
  check_limits<float>();
  check_limits<double>();
}

BOOST_AUTO_TEST_SUITE_END()
