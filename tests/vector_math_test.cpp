// The accuracy of vector_math.hpp against the C library in long double, in units in the last place (ulp) of
// the result.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "xgrad/core/vector_math.hpp"

using namespace xgrad;
using detail::lanes, detail::load, detail::Vector;

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
    if (error > worst || std::isnan(error)) worst = error;
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

/// Equal to the last bit, or both less than that of a denormal number apart.
template <class T>
bool same(T a, T b) {
  return std::memcmp(&a, &b, sizeof a) == 0 || std::abs(a - b) <= std::numeric_limits<T>::denorm_min();
}

/// Numbers of all sizes, and those that are special: as many as fill whole vectors.
template <class T>
std::vector<T> numbers() {
  const T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const T largest = std::numeric_limits<T>::max(), least = std::numeric_limits<T>::denorm_min();
  std::vector<T> x{T(0), -T(0), infinity, -infinity, nan, largest, -largest, least, -least, T(1e4), T(-1e4)};
  for (int i = -2000; i < 2000; ++i) x.push_back(T(i) * T(.4) + T(.001));
  for (T size = 1; size > 0; size /= 2) x.insert(x.end(), {size, -size});
  x.resize(x.size() / lanes<T> * lanes<T>);
  return x;
}

/// f of a vector is g of each of its numbers.
template <class T, class F, class G>
void check_lanes(F f, G g) {
  const std::vector<T> x = numbers<T>();
  for (std::size_t i = 0; i < x.size(); i += lanes<T>) {
    const Vector<T> y = f(load(&x[i]));
    for (std::size_t k = 0; k < lanes<T>; ++k)
      BOOST_TEST(same<T>(y[k], g(x[i + k])), "x = " << x[i + k] << ": " << y[k] << ", " << g(x[i + k]));
  }
}

template <class T>
void check_vectors() {
  const auto check = [](auto f) { check_lanes<T>(f, f); };
  check([](auto x) { return fast::exp(x); });
  check([](auto x) { return fast::tanh(x); });
  check([](auto x) { return fast::gelu(x); });
  check([](auto x) { return fast::normal_distribution(x); });
  check([](auto x) { return fast::log1p_unit(fast::detail::magnitude(x)); });
}

/// Instructions of this processor, for vectors, and what stands in for them where there are none.
template <class T>
void check_portable() {
  namespace f = fast::detail;
  for (T bound : {T(0), T(3)}) {
    check_lanes<T>([=](auto x) { return f::at_most(bound, x); },
                   [=](auto x) { return f::portable::at_most(bound, x); });
    check_lanes<T>([=](auto x) { return f::at_least(bound, x); },
                   [=](auto x) { return f::portable::at_least(bound, x); });
  }
  for (T n = f::ExpFit<T>::lowest * 1.5f; n < f::ExpFit<T>::highest * 1.5f; n += 1)
    for (T x : {T(.7), T(1), T(1.3)}) {
      const T shifted = n + f::Bits<T>::rounder, expected = std::ldexp(x, static_cast<int>(std::rint(n)));
      BOOST_TEST(f::portable::scaled(x, f::Rounded<T>{shifted}) == expected);
      BOOST_TEST(f::scaled(Vector<T>{} + x, f::Rounded<Vector<T>>{Vector<T>{} + shifted})[0] == expected);
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(vector_math_test)

BOOST_AUTO_TEST_CASE(accuracy_in_float) { check_accuracy<float>(-103, 88.7, 12.8); }
BOOST_AUTO_TEST_CASE(accuracy_in_double) { check_accuracy<double>(-744, 709.7, 37.4); }

BOOST_AUTO_TEST_CASE(limits) {
  check_limits<float>();
  check_limits<double>();
}

BOOST_AUTO_TEST_CASE(vectors_are_computed_as_numbers_are) {
  check_vectors<float>();
  check_vectors<double>();
}

BOOST_AUTO_TEST_CASE(instructions_do_what_the_portable_code_does) {
  check_portable<float>();
  check_portable<double>();
}

BOOST_AUTO_TEST_CASE(sum_of_the_lanes) {
  Vector<float> v;
  for (std::size_t k = 0; k < lanes<float>; ++k) v[k] = static_cast<float>(1 << k);
  BOOST_TEST(detail::sum_of_lanes<float>(v) == static_cast<float>((1 << lanes<float>)-1));
}

BOOST_AUTO_TEST_SUITE_END()
