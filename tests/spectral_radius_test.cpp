// The spectral radius against matrices whose eigenvalues are known.

#include "xgrad/probe/spectral_radius.hpp"

#include <cmath>

#include "errors.hpp"
#include "xgrad/core/random.hpp"
#include "xgrad/ops/linalg.hpp"

using namespace xgrad;

BOOST_AUTO_TEST_SUITE(spectral_radius_test)

const auto exact = boost::test_tools::tolerance(1e-12);

// The eigenvalues of a triangular matrix are its diagonal; its norm may be far larger.
BOOST_AUTO_TEST_CASE(triangular) {
  BOOST_TEST(spectral_radius(Array<double>{{2, 100, 7}, {0, -3, 50}, {0, 0, 1}}) == 3, exact);
  BOOST_TEST(spectral_radius(full<double>({1, 1}, 1e-200)) == 1e-200, exact);
}

BOOST_AUTO_TEST_CASE(complex_pair) {  // .9 times a rotation
  const double c = .9 * std::cos(1.), s = .9 * std::sin(1.);
  BOOST_TEST(spectral_radius(Array<double>{{c, -s}, {s, c}}) == .9, exact);
}

BOOST_AUTO_TEST_CASE(nilpotent) { BOOST_TEST(spectral_radius(Array<double>{{0, 1}, {0, 0}}) == 0); }

// ρ(A²) = ρ(A)², ρ(Aᵀ) = ρ(A)
BOOST_AUTO_TEST_CASE(of_a_square_and_of_a_transpose) {
  Rng rng(1);
  const auto a = rng.normal<double>({20, 20});
  const double radius = spectral_radius(a);
  BOOST_TEST(spectral_radius(matmul(Variable<double>(a), Variable<double>(a)).value()) == radius * radius,
             exact);
  BOOST_TEST(spectral_radius(Array<double>(xt::transpose(a))) == radius, exact);
}

BOOST_AUTO_TEST_CASE(errors) {
  rejects("[spectral_radius] a is (2, 3): it must be a square matrix", [] {
    spectral_radius(zeros<double>({2, 3}));
  });
  rejects("[spectral_radius] an entry of a is not finite", [] {
    spectral_radius(full<double>({1, 1}, NAN));
  });
}

BOOST_AUTO_TEST_SUITE_END()
