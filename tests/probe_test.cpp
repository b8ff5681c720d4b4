// Norms that must not underflow, hidden states and their gradients, singular values.

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "xgrad/probe/gradient_norms.hpp"
#include "xgrad/probe/singular_values.hpp"

using namespace xgrad;

BOOST_AUTO_TEST_SUITE(probe_test)

BOOST_AUTO_TEST_CASE(norms_of_ordinary_numbers) {
  const Array<double> x{3, -4};
  BOOST_TEST(std::pow(10, log10_norm(x)) == 5, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(std::pow(10, log10_rms(x)) == std::sqrt(12.5), boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(nothing_underflows) {
  // The squares are 1e-60, 1e-80 and 1e-600: 0 in float, in float, and in double.
  BOOST_TEST(log10_rms(full<float>({100}, 1e-30f)) == -30, boost::test_tools::tolerance(1e-8));
  BOOST_TEST(log10_rms(full<float>({100}, 1e-40f)) == -40, boost::test_tools::tolerance(1e-6));  // denormal
  BOOST_TEST(log10_norm(full<float>({100}, 1e-30f)) == -29, boost::test_tools::tolerance(1e-8));
  BOOST_TEST(log10_rms(full<double>({100}, 1e-300)) == -300, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(log10_rms(full<double>({4}, 5e-324)) == std::log10(5e-324), boost::test_tools::tolerance(1e-12));
  const Array<double> mixed{1e-300, 1, 0};
  BOOST_TEST(log10_norm(mixed) == 0, boost::test_tools::tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(nothing_overflows) {
  BOOST_TEST(log10_norm(full<double>({4}, 1e300)) == 300 + std::log10(2.),
             boost::test_tools::tolerance(1e-14));
  BOOST_TEST(log10_norm(full<float>({4}, 1e38f)) == 38 + std::log10(2.), boost::test_tools::tolerance(1e-8));
}

BOOST_AUTO_TEST_CASE(zero_infinity_nan_and_nothing) {
  const double infinity = std::numeric_limits<double>::infinity();
  BOOST_TEST(log10_rms(zeros<double>({3})) == -infinity);
  BOOST_TEST(log10_rms(Array<double>{1, -infinity}) == infinity);
  BOOST_TEST(std::isnan(log10_rms(Array<double>{infinity, NAN})));
  BOOST_TEST(std::isnan(log10_rms(Array<double>{NAN, 1})));
  BOOST_TEST(log10_norm(zeros<double>({0})) == -infinity);
  BOOST_TEST(std::isnan(log10_rms(zeros<double>({0}))));
}

// Three layers that halve: x_l = x/2^l, ∂L/∂x_l = c/2^(3-l).
BOOST_AUTO_TEST_CASE(states_of_a_stack_and_their_gradients) {
  Sequential<double> stack;
  for (int i = 0; i < 3; ++i)
    stack.add(Function<double>("half", [](const Variable<double>& x) { return .5 * x; }));
  Tape<double> tape;
  const auto x = parameter(Array<double>{1, -1});
  const auto states = hidden_states(stack, x);
  BOOST_TEST(states.size() == 4u);
  const auto before = log10_gradients(states);
  tape.backward(states.back(), Array<double>{10, 10});
  const auto values = log10_values(states), gradients = log10_gradients(states);
  for (std::size_t l = 0; l < 4; ++l) {
    BOOST_TEST(std::isnan(before[l]));
    BOOST_TEST(std::pow(10, values[l]) == std::pow(.5, double(l)), boost::test_tools::tolerance(1e-14));
    BOOST_TEST(std::pow(10, gradients[l]) == 10 * std::pow(.5, double(3 - l)),
               boost::test_tools::tolerance(1e-14));
  }
}

BOOST_AUTO_TEST_CASE(float_stack_far_below_the_squares) {
  Sequential<float> stack;
  for (int i = 0; i < 35; ++i)
    stack.add(Function<float>("tenth", [](const Variable<float>& x) { return .1f * x; }));
  Tape<float> tape;
  const auto x = parameter(full<float>({8}, 1));
  const auto states = hidden_states(stack, x);
  tape.backward(states.back(), full<float>({8}, 1));
  BOOST_TEST(log10_gradients(states)[0] == -35, boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(singular_values_of_known_matrices) {
  const auto check = [](const Array<double>& a, const std::vector<double>& expected) {
    const auto computed = singular_values(a);
    BOOST_REQUIRE(computed.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) BOOST_TEST(std::abs(computed[i] - expected[i]) < 1e-13);
  };
  check({{3, 0}, {0, -5}}, {5, 3});
  check({{1, 1}, {0, 1}}, {(std::sqrt(5.) + 1) / 2, (std::sqrt(5.) - 1) / 2});
  check({{1, 2}, {2, 4}}, {5, 0});
  check({{3, 4, 0}}, {5});
  check(reshaped(Array<double>{3, 4, 0}, {3, 1}), {5});
  check(zeros<double>({2, 3}), {0, 0});
  check(zeros<double>({0, 3}), {});
  check({{0, 1, 0}, {0, 0, 1}, {1, 0, 0}}, {1, 1, 1});
  BOOST_CHECK_THROW(singular_values(zeros<double>({3})), Error);
}

// Σσ² = ‖A‖² and, for the extremes, σ_min ‖v‖ ≤ ‖Av‖ ≤ σ_max ‖v‖.
BOOST_AUTO_TEST_CASE(singular_values_of_a_random_matrix) {
  Rng rng(1);
  const std::size_t m = 40, n = 25;
  const auto a = rng.normal<double>({m, n});
  const auto sigma = singular_values(a);
  BOOST_TEST(sigma.size() == n);
  double squares = 0;
  for (std::size_t i = 0; i < n; ++i) {
    squares += sigma[i] * sigma[i];
    if (i > 0) BOOST_TEST(sigma[i] <= sigma[i - 1]);
  }
  BOOST_TEST(squares == std::pow(10, 2 * log10_norm(a)), boost::test_tools::tolerance(1e-12));
  // Power iteration on AᵀA is another way to the largest.
  std::vector<double> v(n, 1), w(m);
  double largest = 0;
  for (int step = 0; step < 3000; ++step) {
    double norm = 0;
    for (double entry : v) norm = std::hypot(norm, entry);
    for (double& entry : v) entry /= norm;
    largest = std::sqrt(norm);
    for (std::size_t i = 0; i < m; ++i) {
      w[i] = 0;
      for (std::size_t j = 0; j < n; ++j) w[i] += a.data()[i * n + j] * v[j];
    }
    for (std::size_t j = 0; j < n; ++j) {
      v[j] = 0;
      for (std::size_t i = 0; i < m; ++i) v[j] += a.data()[i * n + j] * w[i];
    }
  }
  BOOST_TEST(sigma[0] == largest, boost::test_tools::tolerance(1e-10));
}

BOOST_AUTO_TEST_CASE(singular_values_of_any_magnitude) {
  for (double s : {1e-300, 1e-160, 1e200}) {
    const auto sigma = singular_values(Array<double>{{s, 0}, {0, 2 * s}});
    BOOST_TEST(sigma[0] == 2 * s, boost::test_tools::tolerance(1e-13));
    BOOST_TEST(sigma[1] == s, boost::test_tools::tolerance(1e-13));
  }
  const double infinity = std::numeric_limits<double>::infinity();
  BOOST_CHECK_THROW(singular_values(Array<double>{{1, infinity}}), Error);
  BOOST_CHECK_THROW(singular_values(Array<double>{{1, std::nan("")}}), Error);
}

BOOST_AUTO_TEST_SUITE_END()
