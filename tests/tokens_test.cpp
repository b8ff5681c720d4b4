// Effective rank, rank residual and attention entropy, against closed forms.

#include "xgrad/probe/tokens.hpp"

#include <cmath>

#include "errors.hpp"
#include "xgrad/core/random.hpp"
#include "xgrad/nn/transformer.hpp"

using namespace xgrad;

BOOST_AUTO_TEST_SUITE(tokens_test)

const auto exact = boost::test_tools::tolerance(1e-12);

BOOST_AUTO_TEST_CASE(effective_rank_of_known_spectra) {
  using Sigma = std::vector<double>;
  BOOST_TEST(effective_rank(Sigma{2, 2, 2, 2, 2}) == 5, exact);
  BOOST_TEST(effective_rank(Sigma{7, 0, 0}) == 1, exact);
  // p = ¾, ¼: exp(¾ ln 4/3 + ¼ ln 4) = 4 / 3^¾
  BOOST_TEST(effective_rank(Sigma{3, 1}) == 4 / std::pow(3, .75), exact);
  BOOST_TEST(effective_rank(Sigma{3e300, 1e300}) == 4 / std::pow(3, .75), exact);
  BOOST_TEST(effective_rank(Sigma{0, 0}) == 0);
  rejects("[effective_rank] a singular value is -1:", [] { effective_rank(Sigma{2, -1}); });
  rejects("[effective_rank] a singular value is ", [] { effective_rank(Sigma{2, std::nan("")}); });
}

BOOST_AUTO_TEST_CASE(effective_rank_of_tokens) {
  BOOST_TEST(effective_rank(Array<double>{{0, 3}, {-1, 0}}) == 4 / std::pow(3, .75), exact);
  // Two matrices, of rank 1 and with two equal directions: the mean is 1.5.
  const Array<float> batch{{{1, 2, 0}, {2, 4, 0}}, {{0, 5, 0}, {0, 0, 5}}};
  BOOST_TEST(effective_rank(batch) == 1.5, boost::test_tools::tolerance(1e-6));
  rejects("[effective_rank] x is (3,): it must be (…, T, d)", [] { effective_rank(zeros<double>({3})); });
  rejects("[effective_rank] x is (0, 3): it must", [] { effective_rank(zeros<double>({0, 3})); });
}

BOOST_AUTO_TEST_CASE(composite_norm_of_a_matrix) {
  // Columns add up to 4, 3, 0; rows to 4 and 3.
  BOOST_TEST(composite_norm(Array<double>{{3, -1, 0}, {-1, 2, 0}}) == 4, exact);
  BOOST_TEST(composite_norm(Array<double>{{1, 1, 1, 1}}) == 2, exact);  // √(1·4)
  BOOST_TEST(composite_norm(Array<float>{{1e30f, 1e30f}}) == std::sqrt(2.) * 1e30,
             boost::test_tools::tolerance(1e-6));
  BOOST_TEST(composite_norm(full<double>({1, 1}, 1e-300)) == 1e-300, exact);
}

BOOST_AUTO_TEST_CASE(rank_residual_of_known_tokens) {
  BOOST_TEST(rank_residual(Array<double>{{1, -2}, {1, -2}, {1, -2}}) == 0);
  BOOST_TEST(rank_residual(Array<double>{{1, -2}, {-1, 2}}) == 1, exact);  // the mean is 0 already
  BOOST_TEST(rank_residual(zeros<double>({2, 2})) == 0);
  // 1 ± ε in one column, 0 in the other: X's first column adds up to 2, its rows to at most 1 + ε; the rest
  // is ±ε.
  const double e = .25;
  const Array<double> x{{1 + e, 0}, {1 - e, 0}};
  BOOST_TEST(rank_residual(x) == std::sqrt(2 * e * e) / std::sqrt(2 * (1 + e)), exact);
  const Array<double> batch{{{1 + e, 0}, {1 - e, 0}}, {{5, 6}, {5, 6}}};
  BOOST_TEST(rank_residual(batch) == rank_residual(x) / 2, exact);
  const auto rest = without_mean_token(batch);
  BOOST_TEST(rest(0, 0, 0) == e, exact);
  BOOST_TEST(rest(0, 1, 0) == -e, exact);
  BOOST_TEST(rest(1, 1, 0) == 0);
  rejects("[rank_residual] x is (2,): it must be (…, T, d)", [] { rank_residual(zeros<float>({2})); });
}

// The residual of near-equal tokens must not drown in their common part: 1e-5 beside 1, in float.
BOOST_AUTO_TEST_CASE(rank_residual_in_float) {
  Rng rng(1);
  const auto noise = rng.normal<float>({16, 32}), common = rng.normal<float>({1, 32});
  Array<float> near = common + 1e-4f * noise;
  const double expected =
      1e-4 * composite_norm(without_mean_token(noise)) / composite_norm(Array<float>(common + 0 * noise));
  BOOST_TEST(rank_residual(near) == expected, boost::test_tools::tolerance(2e-3));
}

BOOST_AUTO_TEST_CASE(entropy_of_known_weights) {
  BOOST_TEST(attention_entropy(full<double>({2, 3, 5, 8}, .125)) == std::log(8.), exact);
  BOOST_TEST(attention_entropy(Array<double>{{1, 0, 0}, {0, 0, 1}}) == 0);
  // ln 2 and 0; the blind row does not count.
  const Array<double> mixed{{.5, .5, 0}, {0, 1, 0}, {0, 0, 0}};
  BOOST_TEST(attention_entropy(mixed) == std::log(2.) / 2, exact);
  BOOST_TEST(std::isnan(attention_entropy(zeros<double>({2, 3}))));
  rejects("[attention_entropy] row 1 has the sum 2", [] {
    attention_entropy(Array<double>{{.5, .5}, {1, 1}});
  });
  rejects("[attention_entropy] row 0 has the sum 1 and the smallest entry -1", [] {
    attention_entropy(Array<double>{{2, -1}});
  });
  rejects("[attention_entropy] row 0 has the sum ", [] {
    attention_entropy(full<double>({1, 1}, std::nan("")));
  });
  rejects("[attention_entropy] the weights are (0,)", [] { attention_entropy(zeros<double>({0})); });
}

// Without queries all scores are equal. Then every key has the same weight; under a causal mask query t has t
// keys: the mean of ln 1 … ln T is ln(T!)/T.
BOOST_AUTO_TEST_CASE(entropy_of_an_attention_layer) {
  Rng rng(2);
  MultiHeadAttention<double> attention(8, 2, Init::named("xavier_uniform"), rng);
  for (double& w : attention.query.weight.mutable_value()) w = 0;
  for (double& b : attention.query.bias.mutable_value()) b = 0;
  Array<double> weights;
  attention.weights = &weights;
  const Variable<double> x(rng.normal<double>({3, 6, 8}));
  attention(x);
  BOOST_TEST((shape_of(weights) == Shape{3, 2, 6, 6}));
  BOOST_TEST(attention_entropy(weights) == std::log(6.), exact);
  attention.options.causal = true;
  attention(x);
  BOOST_TEST(attention_entropy(weights) == std::log(720.) / 6, exact);
}

BOOST_AUTO_TEST_SUITE_END()
