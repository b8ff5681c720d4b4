// Rng and Init: the same numbers everywhere, and the distributions that they claim.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

#include "xgrad/nn/init.hpp"

using namespace xgrad;

namespace {
struct Moments {
  double mean = 0, variance = 0, skewness = 0, kurtosis = 0;
};

template <class T>
Moments moments(const Array<T>& a) {
  const double n = double(a.size());
  Moments m;
  for (std::size_t i = 0; i < a.size(); ++i) m.mean += double(a.data()[i]) / n;
  for (std::size_t i = 0; i < a.size(); ++i) m.variance += std::pow(double(a.data()[i]) - m.mean, 2) / n;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double z = (double(a.data()[i]) - m.mean) / std::sqrt(m.variance);
    m.skewness += z * z * z / n;
    m.kurtosis += z * z * z * z / n;
  }
  return m;
}

template <class T>
double largest(const Array<T>& a) {
  double result = 0;
  for (std::size_t i = 0; i < a.size(); ++i) result = std::max(result, std::abs(double(a.data()[i])));
  return result;
}

/// Largest |QᵀQ - g² I| when Q is tall, |QQᵀ - g² I| when it is wide.
template <class T>
double orthogonality_error(const Array<T>& q, double gain) {
  const std::size_t rows = q.shape()[0], columns = q.shape()[1], n = std::min(rows, columns);
  const auto at = [&](std::size_t vector, std::size_t i) {
    return double(rows >= columns ? q.data()[i * columns + vector] : q.data()[vector * columns + i]);
  };
  double error = 0;
  for (std::size_t a = 0; a < n; ++a)
    for (std::size_t b = 0; b < n; ++b) {
      double dot = 0;
      for (std::size_t i = 0; i < std::max(rows, columns); ++i) dot += at(a, i) * at(b, i);
      error = std::max(error, std::abs(dot - (a == b ? gain * gain : 0)));
    }
  return error;
}

struct Rule {
  Init init;
  double variance;  // of a weight, for fan_in 300 and fan_out 500
  double bound;     // no weight may be larger; 0: unbounded
};

std::vector<Rule> rules() {
  return {{Init::xavier_uniform(), 2 / 800.0, std::sqrt(6 / 800.0)},
          {Init::xavier_normal(), 2 / 800.0, 0},
          {Init::he_uniform(), 2 / 300.0, std::sqrt(6 / 300.0)},
          {Init::he_normal(), 2 / 300.0, 0},
          {Init::lecun_normal(), 1 / 300.0, 0},
          {Init::uniform_fan_in(), 1 / 900.0, std::sqrt(1 / 300.0)},
          {Init::normal(.02), .0004, 0}};
}
}  // namespace

BOOST_AUTO_TEST_SUITE(random_test)

// Reference outputs of splitmix64.c (Vigna) for the seed 1234567.
BOOST_AUTO_TEST_CASE(the_seed_goes_through_splitmix64) {
  const std::array<std::uint64_t, 4> expected{6457827717110365317u, 3203168211198807973u,
                                              9817491932198370423u, 4593380528125082431u};
  const auto words = Rng(1234567).state().words;
  BOOST_CHECK_EQUAL_COLLECTIONS(words.begin(), words.end(), expected.begin(), expected.end());
}

// Reference outputs of xoshiro256plusplus.c (Blackman & Vigna) for the state 1, 2, 3, 4.
BOOST_AUTO_TEST_CASE(bits_are_those_of_xoshiro256plusplus) {
  Rng rng(0);
  rng.state({{1, 2, 3, 4}, 0, false});
  for (std::uint64_t expected : {std::uint64_t(41943041), std::uint64_t(58720359),
                                 std::uint64_t(3588806011781223), std::uint64_t(3591011842654386),
                                 std::uint64_t(9228616714210784205u), std::uint64_t(9973669472204895162u),
                                 std::uint64_t(14011001112246962877u), std::uint64_t(12406186145184390807u),
                                 std::uint64_t(15849039046786891736u), std::uint64_t(10450023813501588000u)})
    BOOST_CHECK_EQUAL(rng.bits(), expected);
}

// From a second implementation, written in Python; exact to the last bit.
BOOST_AUTO_TEST_CASE(golden_numbers_of_seed_1) {
  Rng bits(1), uniform(1), normal(1), below(1);
  for (std::uint64_t expected :
       {0xcfc5d07f6f03c29bu, 0xbf424132963fe08du, 0x19a37d5757aaf520u, 0xbf08119f05cd56d6u})
    BOOST_CHECK_EQUAL(bits.bits(), expected);
  for (double expected : {0x1.9f8ba0fede078p-1, 0x1.7e8482652c7fcp-1, 0x1.9a37d5757aaf0p-4})
    BOOST_CHECK_EQUAL(uniform.uniform(), expected);
  for (double expected : {0x1.7fe2b6e80acbfp-1, 0x1.306aac6d7be1ep-1, -0x1.b4f02841c1196p-2,
                          0x1.0d0e2ada3c016p-2, -0x1.3f7ed083decfap+0, 0x1.6eb4cce00ff41p-2})
    BOOST_CHECK_EQUAL(normal.normal(), expected);
  for (std::uint64_t expected : {7u, 5u, 4u, 0u, 0u, 5u, 3u, 5u, 0u, 2u, 1u, 7u})
    BOOST_CHECK_EQUAL(below.below(10), expected);
  std::uint64_t hash = 0;  // of the first 10,000: every bit of the logarithm's series counts somewhere
  Rng many(1);
  for (int i = 0; i < 10000; ++i) {
    const double x = many.normal();
    std::uint64_t word;
    std::memcpy(&word, &x, sizeof word);
    hash = 31 * hash + word;
  }
  BOOST_CHECK_EQUAL(hash, 0xf432512c6da10ac5u);
  const std::vector<std::size_t> order{1, 4, 5, 3, 6, 2, 9, 0, 8, 7}, permutation = Rng(1).permutation(10);
  BOOST_CHECK_EQUAL_COLLECTIONS(permutation.begin(), permutation.end(), order.begin(), order.end());
}

// Bounds are about five standard errors of each estimate at n = 400,000.
BOOST_AUTO_TEST_CASE(normal_numbers_have_normal_moments) {
  const auto m = moments(Rng(2).normal<double>({400000}));
  BOOST_CHECK_SMALL(m.mean, .008);
  BOOST_CHECK_SMALL(m.variance - 1, .012);
  BOOST_CHECK_SMALL(m.skewness, .02);
  BOOST_CHECK_SMALL(m.kurtosis - 3, .04);
  const auto shifted = moments(Rng(2).normal<double>({400000}, -3, .5));
  BOOST_CHECK_SMALL(shifted.mean + 3, .004);
  BOOST_CHECK_SMALL(shifted.variance - .25, .003);
}

BOOST_AUTO_TEST_CASE(normal_numbers_have_normal_tails) {
  const auto x = Rng(3).normal<double>({400000});
  const auto beyond = [&](double z) {
    return double(std::count_if(x.data(), x.data() + x.size(), [z](double v) { return std::abs(v) > z; })) /
           400000;
  };
  for (double z : {.5, 1., 2., 3.}) BOOST_CHECK_SMALL(beyond(z) - std::erfc(z / std::sqrt(2)), .004);
}

BOOST_AUTO_TEST_CASE(uniform_numbers_fill_their_interval) {
  const auto x = Rng(4).uniform<double>({400000}, 0, 1);
  const auto m = moments(x);
  BOOST_CHECK_SMALL(m.mean - .5, .003);
  BOOST_CHECK_SMALL(m.variance - 1 / 12., .001);
  const auto [low, high] = std::minmax_element(x.data(), x.data() + x.size());
  BOOST_CHECK(*low >= 0 && *low < 1e-4);
  BOOST_CHECK(*high < 1 && *high > 1 - 1e-4);
  Rng rng(4);
  for (int i = 0; i < 10000; ++i) {
    const double y = rng.uniform(-2, 5);
    BOOST_REQUIRE(y >= -2 && y < 5);
  }
}

BOOST_AUTO_TEST_CASE(below_is_even_and_in_range) {
  Rng rng(5);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70000; ++i) {
    const auto k = rng.below(7);
    BOOST_REQUIRE(k < 7);
    ++counts[k];
  }
  double chi2 = 0;
  for (int c : counts) chi2 += (c - 10000) * (c - 10000) / 10000.;
  BOOST_CHECK_LT(chi2, 22.5);  // 6 degrees of freedom: one seed in a thousand is above
  BOOST_CHECK_EQUAL(rng.below(1), 0u);
  // Three quarters of 2⁶⁴: a plain remainder would give the lowest third half of all draws.
  const std::uint64_t third = std::uint64_t(1) << 62;
  int low = 0;
  for (int i = 0; i < 30000; ++i) low += rng.below(3 * third) < third;
  BOOST_CHECK_SMALL(low - 10000., 410.);
  BOOST_CHECK_THROW(rng.below(0), Error);
}

BOOST_AUTO_TEST_CASE(permutations_are_permutations_and_equally_likely) {
  Rng rng(6);
  for (std::size_t n : {0, 1, 2, 100}) {
    auto order = rng.permutation(n);
    std::sort(order.begin(), order.end());
    BOOST_REQUIRE_EQUAL(order.size(), n);
    for (std::size_t i = 0; i < n; ++i) BOOST_CHECK_EQUAL(order[i], i);
  }
  std::map<std::vector<std::size_t>, int> counts;
  for (int i = 0; i < 60000; ++i) ++counts[rng.permutation(3)];
  BOOST_CHECK_EQUAL(counts.size(), 6u);
  for (const auto& [order, n] : counts) BOOST_CHECK_SMALL(n - 10000., 500.);
}

BOOST_AUTO_TEST_CASE(the_state_can_be_saved_in_the_middle_of_a_pair) {
  Rng rng(7);
  rng.normal();  // the second number of the pair is now in the state
  const auto state = rng.state();
  std::vector<double> first, again;
  for (int i = 0; i < 9; ++i) first.push_back(rng.normal());
  Rng other(999);
  other.state(state);
  for (int i = 0; i < 9; ++i) again.push_back(other.normal());
  BOOST_CHECK_EQUAL_COLLECTIONS(first.begin(), first.end(), again.begin(), again.end());
}

BOOST_AUTO_TEST_CASE(split_gives_a_generator_of_its_own) {
  Rng a(8), b(8);
  Rng child = a.split(), same_child = b.split();
  BOOST_CHECK_EQUAL(child.bits(), same_child.bits());
  Rng parent(8), split = Rng(8).split();
  double correlation = 0;
  for (int i = 0; i < 100000; ++i) correlation += parent.normal() * split.normal() / 100000;
  BOOST_CHECK_SMALL(correlation, .016);
}

BOOST_AUTO_TEST_CASE(shapes_of_random_arrays) {
  Rng rng(9);
  BOOST_CHECK_EQUAL(to_string(shape_of(rng.normal<float>({2, 3}))), "(2, 3)");
  BOOST_CHECK_EQUAL(rng.normal<double>({}).size(), 1u);
  BOOST_CHECK_EQUAL(rng.uniform<double>({0, 3}, 0, 1).size(), 0u);
}

BOOST_AUTO_TEST_CASE(init_variances_are_those_of_the_rules) {
  for (const auto& rule : rules()) {
    BOOST_TEST_CONTEXT(rule.init.name()) {
      Rng rng(10);
      const auto weight = rule.init.weight<double>(500, 300, rng);
      BOOST_CHECK_EQUAL(to_string(shape_of(weight)), "(500, 300)");
      const auto m = moments(weight);
      BOOST_CHECK_SMALL(m.variance / rule.variance - 1, .02);
      BOOST_CHECK_SMALL(m.mean / std::sqrt(rule.variance), .013);
      if (rule.bound > 0) {
        BOOST_CHECK_LE(largest(weight), rule.bound);
        BOOST_CHECK_GT(largest(weight), .999 * rule.bound);
        BOOST_CHECK_SMALL(m.kurtosis - 1.8, .02);  // uniform, not normal
      } else {
        BOOST_CHECK_SMALL(m.kurtosis - 3, .07);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(biases_are_zero_except_under_pytorchs_rule) {
  for (const auto& rule : rules()) {
    Rng rng(11);
    const auto bias = rule.init.bias<double>(500, 300, rng);
    BOOST_CHECK_EQUAL(to_string(shape_of(bias)), "(500,)");
    if (rule.init.name() == Init::uniform_fan_in().name()) {
      BOOST_CHECK_LE(largest(bias), std::sqrt(1 / 300.));
      BOOST_CHECK_SMALL(moments(bias).variance * 900 - 1, .2);
    } else {
      BOOST_CHECK_EQUAL(largest(bias), 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(orthogonal_weights_are_orthogonal_in_both_shapes) {
  Rng rng(12);
  for (const auto& [out, in] :
       {std::pair<std::size_t, std::size_t>{20, 20}, {30, 10}, {10, 30}, {1, 5}, {5, 1}}) {
    BOOST_CHECK_SMALL(orthogonality_error(Init::orthogonal().weight<double>(out, in, rng), 1), 1e-13);
    BOOST_CHECK_SMALL(orthogonality_error(Init::orthogonal(1.5).weight<double>(out, in, rng), 1.5), 1e-13);
    BOOST_CHECK_SMALL(orthogonality_error(Init::orthogonal().weight<float>(out, in, rng), 1), 1e-6);
  }
}

// Haar measure: without a sign correction Gram-Schmidt or Householder would favour some signs on the
// diagonal.
BOOST_AUTO_TEST_CASE(orthogonal_weights_have_no_preferred_direction) {
  Rng rng(13);
  double diagonal = 0, square = 0;
  const int n = 4000;
  for (int i = 0; i < n; ++i) {
    const auto q = Init::orthogonal().weight<double>(3, 3, rng);
    diagonal += q(0, 0) / n;
    square += q(0, 0) * q(0, 0) / n;
  }
  BOOST_CHECK_SMALL(diagonal, .05);
  BOOST_CHECK_SMALL(square - 1 / 3., .025);
}

BOOST_AUTO_TEST_CASE(scaled_multiplies_the_weights) {
  Rng a(14), b(14);
  const auto one = Init::he_normal().weight<double>(4, 3, a),
             three = Init::he_normal().scaled(3).weight<double>(4, 3, b);
  for (std::size_t i = 0; i < one.size(); ++i) BOOST_CHECK_CLOSE(three.data()[i], 3 * one.data()[i], 1e-12);
}

BOOST_AUTO_TEST_CASE(constant_weights) {
  Rng rng(15);
  const auto w = Init::constant(.25).weight<float>(2, 3, rng);
  for (std::size_t i = 0; i < w.size(); ++i) BOOST_CHECK_EQUAL(w.data()[i], .25f);
}

BOOST_AUTO_TEST_CASE(float_and_double_networks_start_alike) {
  auto all = rules();
  all.push_back({Init::orthogonal(), 0, 0});
  for (const auto& rule : all) {
    Rng a(16), b(16);
    const auto wide = rule.init.weight<double>(7, 5, a);
    const auto narrow = rule.init.weight<float>(7, 5, b);
    BOOST_CHECK(cast<float>(wide) == narrow);
    BOOST_CHECK(cast<float>(rule.init.bias<double>(7, 5, a)) == rule.init.bias<float>(7, 5, b));
    BOOST_CHECK_EQUAL(a.bits(), b.bits());  // and both have drawn as many numbers
  }
}

BOOST_AUTO_TEST_CASE(rules_are_found_by_name) {
  for (const char* name : {"xavier_uniform", "xavier_normal", "he_uniform", "he_normal", "lecun_normal",
                           "uniform_fan_in", "orthogonal"})
    BOOST_CHECK_EQUAL(Init::named(name).name(), name);
  BOOST_CHECK_EXCEPTION(Init::named("magic"), Error, [](const Error& e) {
    const std::string text = e.what();
    return text.find("magic") != text.npos && text.find("he_normal") != text.npos;
  });
}

BOOST_AUTO_TEST_SUITE_END()
