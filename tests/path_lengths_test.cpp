// A residual network's gradient, split by the length of its paths.

#include "xgrad/probe/path_lengths.hpp"

#include <cmath>

#include "errors.hpp"
#include "xgrad/nn/layers.hpp"

using namespace xgrad;

BOOST_AUTO_TEST_SUITE(path_lengths_test)

// Branches f(x) = a x: there are C(n, k) paths of length k, each with the factor aᵏ.
BOOST_AUTO_TEST_CASE(linear_branches_give_binomial_numbers) {
  Function<double> branch("half", [](const auto& x) { return .5 * x; });
  const std::vector<Module<double>*> branches(4, &branch);
  const Array<double> x{1, -2}, cotangent{3, 5};
  const auto by_length = gradients_by_path_length(branches, x, cotangent);
  const double binomial[] = {1, 4, 6, 4, 1};
  BOOST_REQUIRE(by_length.size() == 5);
  for (std::size_t k = 0; k < 5; ++k)
    for (std::size_t i = 0; i < 2; ++i)
      BOOST_TEST(by_length[k](i) == binomial[k] * std::pow(.5, double(k)) * cotangent(i));
}

BOOST_AUTO_TEST_CASE(the_sum_is_what_backward_gives) {
  Rng rng(1);
  constexpr std::size_t n = 7, d = 5;
  std::vector<Sequential<double>> layers;
  for (std::size_t l = 0; l < n; ++l)
    layers.push_back(
        Sequential<double>{Linear<double>(d, d, Init::he_normal(), rng), activation<double>("tanh")});
  std::vector<Module<double>*> branches;
  for (auto& layer : layers) branches.push_back(&layer);
  const auto x = rng.normal<double>({3, d}), cotangent = rng.normal<double>({3, d});
  const auto by_length = gradients_by_path_length(branches, x, cotangent);

  Tape<double> tape;
  const auto x0 = parameter(x);
  auto y = x0;
  for (auto& layer : layers) y = y + layer(y);
  for (const auto& p : layers.front().parameters()) BOOST_TEST(!p.variable.has_grad());
  tape.backward(y, cotangent);
  for (std::size_t i = 0; i < x.size(); ++i) {
    double sum = 0;
    for (const auto& g : by_length) sum += g.data()[i];
    BOOST_TEST(sum == x0.grad().data()[i], boost::test_tools::tolerance(1e-12));
  }
}

BOOST_AUTO_TEST_CASE(errors) {
  Rng rng(2);
  const auto x = zeros<double>({1, 2});
  rejects("[gradients_by_path_length] there is no branch",
          [&] { gradients_by_path_length<double>({}, x, x); });
  Linear<double> wider(2, 3, Init::he_normal(), rng);
  rejects("[gradients_by_path_length] branch 1 makes (1, 3) of (1, 2)",
          [&] { gradients_by_path_length<double>({&wider}, x, x); });
}

BOOST_AUTO_TEST_SUITE_END()
