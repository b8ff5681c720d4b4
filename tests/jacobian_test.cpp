// Jacobians, their singular values, and how gradients at several inputs resemble one another.

#include "xgrad/probe/jacobian.hpp"

#include <cmath>

#include "errors.hpp"
#include "xgrad/nn/transformer.hpp"
#include "xgrad/probe/autocorrelation.hpp"

using namespace xgrad;

BOOST_AUTO_TEST_SUITE(jacobian_test)

const auto exact = boost::test_tools::tolerance(1e-12);

BOOST_AUTO_TEST_CASE(jacobian_of_a_linear_layer_is_its_weight) {
  Rng rng(1);
  Linear<double> layer(5, 3, Init::named("xavier_uniform"), rng);
  const auto j = jacobian(layer, rng.normal<double>({5}));
  BOOST_TEST((j == layer.weight.value()));
  BOOST_TEST(
      (jacobian_singular_values(layer, rng.normal<double>({5})) == singular_values(layer.weight.value())));
  // Two samples: the weight twice, on the diagonal.
  const auto blocks = jacobian(layer, rng.normal<double>({2, 5}));
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t k = 0; k < 10; ++k)
      BOOST_TEST(blocks(i, k) == (i / 3 == k / 5 ? layer.weight.value()(i % 3, k % 5) : 0));
}

// LayerNorm without ε or gain: n - 2 singular values are 1/σ, two are 0 (along 1 and along x).
BOOST_AUTO_TEST_CASE(jacobian_of_layer_norm) {
  Rng rng(2);
  LayerNorm<double> norm(8, 0, false);
  const auto x = rng.normal<double>({8}, 3, 2);
  double mean = 0, variance = 0;
  for (double v : x) mean += v / 8;
  for (double v : x) variance += (v - mean) * (v - mean) / 8;
  const auto sigma = jacobian_singular_values(norm, x);
  for (std::size_t i = 0; i < 6; ++i) BOOST_TEST(sigma[i] == 1 / std::sqrt(variance), exact);
  for (std::size_t i = 6; i < 8; ++i) BOOST_TEST(sigma[i] < 1e-13);
}

// Every column against a central difference, through attention, feed-forward and LN.
BOOST_AUTO_TEST_CASE(jacobian_of_a_transformer_layer) {
  Rng rng(3);
  TransformerEncoderLayer<double> layer(4, 2, 8, NormPlacement::post, Init::named("xavier_uniform"), rng, 0,
                                        "gelu");
  const auto x = rng.normal<double>({3, 4});
  const auto j = jacobian(layer, x);
  BOOST_TEST((shape_of(j) == Shape{12, 12}));
  const double step = 1e-5;
  for (std::size_t k = 0; k < 12; ++k) {
    auto above = x, below = x;
    above.data()[k] += step;
    below.data()[k] -= step;
    const Array<double> difference =
        (layer(Variable<double>(above)).value() - layer(Variable<double>(below)).value()) / (2 * step);
    for (std::size_t i = 0; i < 12; ++i) BOOST_TEST(std::abs(j(i, k) - difference.data()[i]) < 1e-8);
  }
}

BOOST_AUTO_TEST_CASE(jacobian_of_the_identity_and_of_a_constant) {
  const Array<float> x{1, 2};
  const auto same = jacobian([](const Variable<float>& v) { return v; }, x);
  BOOST_TEST((same == Array<float>{{1, 0}, {0, 1}}));
  const auto none = jacobian([](const Variable<float>&) { return Variable<float>(3.f); }, x);
  BOOST_TEST((none == zeros<float>({1, 2})));
  // Recorded, but x is not in it.
  const auto w = parameter(Array<float>{1, 2, 3});
  BOOST_TEST((jacobian([&](const Variable<float>&) { return 2.f * w; }, x) == zeros<float>({3, 2})));
  const NoGrad pause;
  rejects("[jacobian] nothing is recorded", [&] { jacobian([](const Variable<float>& v) { return v; }, x); });
}

BOOST_AUTO_TEST_CASE(parameters_keep_their_gradients) {
  Rng rng(4);
  Linear<double> layer(2, 2, Init::named("xavier_uniform"), rng);
  layer.bias.requires_grad(false);
  {
    Tape<double> tape;
    tape.backward(layer(Variable<double>(Array<double>{1, 2})), Array<double>{3, 4});
  }
  const auto before = layer.weight.grad();
  jacobian(layer, Array<double>{5, 6});
  input_gradient(layer, Array<double>{5, 6});
  BOOST_TEST((layer.weight.grad() == before));
  BOOST_TEST(layer.weight.requires_grad());
  BOOST_TEST(!layer.bias.requires_grad());
}

// f(x) = Σⱼ xⱼ³ for each sample: gradient 3x², whatever the other samples are.
BOOST_AUTO_TEST_CASE(gradients_at_inputs) {
  const Array<double> x{{1, 2}, {-3, 4}};
  const auto cube = [](const Variable<double>& v) { return sum(v * v * v, {-1}); };
  BOOST_TEST((input_gradient(cube, x) == Array<double>{{3, 12}, {27, 48}}));
  BOOST_TEST((input_gradient(cube, x, Array<double>{1, -2}) == Array<double>{{3, 12}, {-54, -96}}));
  rejects("[input_gradient] the cotangent is (3,), f(x) is (2,)", [&] {
    input_gradient(cube, x, Array<double>{1, 2, 3});
  });
}

// A cosine with period 8 over N = 800 points: r_k = cos(2πk/8) (N - k)/N, as Σ cos² is N/2 over whole periods
// and the missing k terms average out.
BOOST_AUTO_TEST_CASE(autocorrelation_of_a_cosine) {
  const std::size_t n = 800;
  auto wave = empty<double>({n});
  for (std::size_t i = 0; i < n; ++i) wave.data()[i] = 5 + std::cos(std::acos(-1.) / 4 * double(i));
  const auto r = autocorrelation(wave, 16);
  BOOST_TEST(r.size() == 17u);
  BOOST_TEST(r[0] == 1);
  for (std::size_t k = 1; k <= 16; ++k)
    BOOST_TEST(std::abs(r[k] - std::cos(std::acos(-1.) / 4 * double(k)) * double(n - k) / n) < 1.5 / n);
}

BOOST_AUTO_TEST_CASE(autocorrelation_by_hand) {
  // 1, 2, 4, 5 without the mean 3: -2, -1, 1, 2. Lags: 10, 2 - 1 + 2, -2 - 2, -4.
  const std::vector<double> expected{1, .3, -.4, -.4};
  const auto scalars = autocorrelation(Array<double>{1, 2, 4, 5}, 3);
  // The same along a slanted line in the plane, shifted.
  const auto vectors = autocorrelation(Array<double>{{3, 1}, {6, 1}, {12, 1}, {15, 1}}, 3);
  for (std::size_t k = 0; k < 4; ++k) {
    BOOST_TEST(scalars[k] == expected[k], exact);
    BOOST_TEST(vectors[k] == expected[k], exact);
  }
  BOOST_TEST(std::isnan(autocorrelation(full<double>({4}, 2), 1)[1]));
  rejects("[autocorrelation] g is (4,), the lags go to 4", [] { autocorrelation(zeros<double>({4}), 4); });
}

// White noise has none, a random walk ("brown noise") nearly all: Balduzzi et al. compare with these two.
BOOST_AUTO_TEST_CASE(white_and_brown_noise) {
  Rng rng(5);
  const auto white = rng.normal<float>({4000});
  auto brown = white;
  for (std::size_t i = 1; i < 4000; ++i) brown.data()[i] += brown.data()[i - 1];
  BOOST_TEST(std::abs(autocorrelation(white, 1)[1]) < 4 / std::sqrt(4000.));
  BOOST_TEST(autocorrelation(brown, 1)[1] > .99);
}

BOOST_AUTO_TEST_CASE(correlation_over_pairs) {
  BOOST_TEST(gradient_correlation(Array<double>{{1, 2}, {1, 2}, {1, 2}}) == 1, exact);
  BOOST_TEST(gradient_correlation(Array<double>{{1, 0}, {0, 1}}) == 0);
  BOOST_TEST(gradient_correlation(Array<double>{1, -1}) == -1, exact);
  // Pairs 1·2, 1·3, 2·3: mean 11/3; squares 1, 4, 9: mean 14/3.
  BOOST_TEST(gradient_correlation(Array<float>{1, 2, 3}) == 11. / 14, boost::test_tools::tolerance(1e-7));
  BOOST_TEST(std::isnan(gradient_correlation(zeros<double>({3, 2}))));
  rejects("[gradient_correlation] g is (1, 2)", [] { gradient_correlation(zeros<double>({1, 2})); });
}

BOOST_AUTO_TEST_SUITE_END()
