// Every row of the table in op_cases.cpp against its golden numbers, central differences, its composed form,
// and the rules that hold for any op. Each row is a test case of its own: ops_test/softmax.

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdint>
#include <set>

#include "differences.hpp"
#include "op_cases.hpp"

namespace {

using namespace xgrad;

void check(const testing::Op& op) {
  std::map<std::string, int> compared;
  const auto& cases = testing::cases_of(op.name);
  BOOST_TEST(cases.size() >= 3u, op.name << " has only " << cases.size() << " cases");
  for (const auto& c : cases)
    for (const auto& finding : testing::judge(op, c)) {
      ++compared[finding.what];
      BOOST_TEST(finding.passed(), finding.what << " (" << finding.error << " > " << finding.tolerance
                                                << "): " << finding.detail);
    }
  // A comparison that never took place proves nothing.
  const bool in_pytorch = op.name != "dropout";
  if (in_pytorch) BOOST_TEST(compared[testing::pytorch_double] == int(cases.size()));
  if (op.composed) BOOST_TEST(compared[testing::fused_is_composed] >= 3);
  if (!cases[0].inputs.empty()) BOOST_TEST(compared[testing::differences] >= 3);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ops_test)

struct EveryRow {
  EveryRow() {
    for (const auto& op : testing::op_table())
      boost::unit_test::framework::current_auto_test_suite().add(
          boost::unit_test::make_test_case([&op] { check(op); }, op.name, __FILE__, __LINE__));
  }
} const every_row;

BOOST_AUTO_TEST_CASE(table_and_golden_numbers_name_the_same_ops) {
  std::set<std::string> rows;
  for (const auto& op : testing::op_table()) rows.insert(op.name);
  const auto golden = testing::golden_ops();
  BOOST_TEST(rows == std::set<std::string>(golden.begin(), golden.end()));
}

BOOST_AUTO_TEST_CASE(dropout_keeps_the_expectation) {
  Rng rng(3);
  const double p = .3;
  const auto x = parameter(full<double>({100, 200}, 2.0));
  Tape<double> tape;
  const auto y = dropout(x, p, rng);
  double total = 0, zeroed = 0;
  for (double entry : y.value()) {
    total += entry;
    zeroed += entry == 0;
    if (entry != 0) BOOST_REQUIRE_CLOSE(entry, 2 / (1 - p), 1e-12);
  }
  // 20,000 entries: the standard deviation of the share of zeros is √(p(1-p)/20000) = 0.0032.
  BOOST_TEST(std::abs(zeroed / 20000 - p) < .013);
  BOOST_TEST(std::abs(total / 20000 - 2) < .04);
  // What was zeroed sends nothing back, what was kept is scaled alike.
  y.backward(full<double>({100, 200}, 1.0));
  for (std::size_t i = 0; i < y.size(); ++i) BOOST_REQUIRE_EQUAL(x.grad().data()[i] * 2, y.value().data()[i]);
}

BOOST_AUTO_TEST_CASE(dropout_draws_anew_each_time) {
  Rng rng(3);
  const Variable<float> x(full<float>({64}, 1.f));
  const auto first = dropout(x, .5, rng).value(), second = dropout(x, .5, rng).value();
  BOOST_TEST(!std::equal(first.begin(), first.end(), second.begin()));
}

BOOST_AUTO_TEST_CASE(attention_hands_out_its_weights) {
  Rng rng(5);
  const Variable<double> q(rng.normal<double>({2, 3, 4})), k(rng.normal<double>({2, 3, 4})),
      v(rng.normal<double>({2, 3, 5}));
  AttentionOptions options;
  options.causal = true;
  Array<double> weights;
  const auto y = attention(q, k, v, options, &weights);
  BOOST_TEST(to_string(shape_of(weights)) == "(2, 3, 3)");
  for (std::size_t r = 0; r < 6; ++r) {
    double sum = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const double w = weights.data()[3 * r + i];
      if (i > r % 3) BOOST_TEST(w == 0);
      sum += w;
    }
    BOOST_TEST(std::abs(sum - 1) < 1e-15);
  }
  const auto again = matmul(Variable<double>(weights), v);
  for (std::size_t i = 0; i < y.size(); ++i)
    BOOST_TEST(std::abs(y.value().data()[i] - again.value().data()[i]) < 1e-15);
}

// Longer than a block of queries, which the cases of the table are not.
BOOST_AUTO_TEST_CASE(causal_attention_in_blocks) {
  Rng rng(6);
  for (std::size_t n : {32, 33, 70}) {
    const auto values = [&] { return parameter(rng.normal<double>({2, n, 4})); };
    const auto q = values(), k = values(), v = values();
    const auto dy = rng.normal<double>({2, n, 4});
    const auto results = [&](auto attend, AttentionOptions options) {
      std::vector<Array<double>> all;
      Tape<double> tape;
      const auto y = attend(q, k, v, options);
      y.backward(dy);
      all.push_back(y.value());
      for (auto x : {q, k, v}) {
        all.push_back(x.grad());
        x.zero_grad();
      }
      return all;
    };
    AttentionOptions options, masked;
    options.causal = true;
    masked.mask = causal_mask(n);
    const auto fused = [](auto... x) { return attention<double>(x...); };
    const auto blocks = results(fused, options), whole = results(fused, masked),
               composed = results([](auto... x) { return composed::attention<double>(x...); }, options);
    for (std::size_t i = 0; i < blocks.size(); ++i)
      for (std::size_t j = 0; j < blocks[i].size(); ++j) {
        BOOST_TEST(std::abs(blocks[i].data()[j] - whole[i].data()[j]) < 1e-13);
        BOOST_TEST(std::abs(blocks[i].data()[j] - composed[i].data()[j]) < 1e-13);
      }
  }
}

BOOST_AUTO_TEST_CASE(a_layer_norm_of_constant_rows_is_nan_without_eps) {
  const Variable<double> x(full<double>({2, 3}, 5.0));
  LayerNormOptions options;
  options.eps = 0;
  const auto without = layer_norm(x, {}, {}, options), with = layer_norm(x);
  for (double entry : without.value()) BOOST_TEST(std::isnan(entry));
  for (double entry : with.value()) BOOST_TEST(entry == 0);
}

BOOST_AUTO_TEST_CASE(attention_of_no_queries_sends_zeros) {
  const auto q = parameter(zeros<double>({0, 400})), k = parameter(full<double>({3, 400}, 1.0)),
             v = parameter(full<double>({3, 400}, 1.0));
  Tape<double> tape;
  const auto y = attention(q, k, v);
  { const auto a = full<double>({3, 400}, 7.0), b = a; }  // what recycled memory holds must not come back
  y.backward(zeros<double>({0, 400}));
  BOOST_TEST((k.grad() == zeros<double>({3, 400})));
  BOOST_TEST((v.grad() == zeros<double>({3, 400})));
}

BOOST_AUTO_TEST_CASE(attention_does_not_hide_a_nan) {
  AttentionOptions options;
  for (std::size_t n : {2, 40})
    for (bool causal : {false, true}) {
      options.causal = causal;
      const Variable<double> q(full<double>({n, 4}, std::nan(""))), k(full<double>({n, 4}, 1.0));
      for (double entry : attention(q, k, k, options).value()) BOOST_TEST(std::isnan(entry));
    }
}

BOOST_AUTO_TEST_CASE(the_square_of_a_divisor_may_underflow) {
  const auto a = parameter(scalar(1e-20F)), b = parameter(scalar(1e-25F));
  Tape<float> tape;
  (a / b).backward();
  BOOST_TEST(b.grad()() == -1e30F, boost::test_tools::tolerance(1e-5F));
}

BOOST_AUTO_TEST_CASE(targets_of_cross_entropy_may_cancel) {
  const auto x = parameter(Array<double>{{0., 1.}, {3., 4.}});
  Tape<double> tape;
  cross_entropy(x, Array<double>{{1., -1.}, {0., 0.}}, {-100, 0, Reduction::sum}).backward();
  BOOST_TEST((x.grad() == Array<double>{{-1., 1.}, {0., 0.}}));
}

BOOST_AUTO_TEST_CASE(the_variance_of_nothing_is_nan) {
  const Variable<double> nothing(zeros<double>({0}));
  for (auto divisor : {Divisor::population, Divisor::sample}) {
    BOOST_TEST(std::isnan(variance(nothing, {}, false, divisor).item()));
    BOOST_TEST(std::isnan(composed::variance(nothing, {}, false, divisor).item()));
  }
}

BOOST_AUTO_TEST_CASE(a_convolution_in_pieces_is_the_whole) {
  // The columns of one image are 0.8 MB with stride 2, 3.2 MB with stride 1: made in two and in seven pieces.
  Rng rng(1);
  const auto x = parameter(rng.normal<float>({2, 32, 40, 70})),
             w = parameter(rng.normal<float>({3, 32, 3, 3}));
  for (std::size_t stride : {1, 2}) {
    const auto dy = rng.normal<float>({2, 3, 40 / stride, 70 / stride});
    const auto results = [&](auto f) {
      for (auto v : {x, w}) v.zero_grad();
      Tape<float> tape;
      const auto y = f(x, w, Variable<float>(), Conv2dOptions{stride, 1});
      y.backward(dy);
      return std::vector<Array<float>>{y.value(), x.grad(), w.grad()};
    };
    const auto fused = results([](const auto&... a) { return conv2d(a...); }),
               defined = results([](const auto&... a) { return composed::conv2d(a...); });
    for (std::size_t i = 0; i < fused.size(); ++i) {
      const double largest = largest_of(defined[i]);
      BOOST_TEST(largest > 1);
      BOOST_TEST(largest_difference(fused[i], defined[i]) < 1e-5 * largest);
    }
  }
}

BOOST_AUTO_TEST_CASE(windows_of_every_geometry) {
  // Output and gradient of conv2d and the pools are those of their definitions.
  Rng rng(1);
  using F = std::function<Variable<double>(const Variable<double>&)>;
  const auto same = [&](const F& fused, const F& defined, const Array<double>& at) {
    std::vector<Array<double>> results;
    for (const F& f : {fused, defined}) {
      const auto x = parameter(at);
      Tape<double> tape;
      const auto y = f(x);
      y.backward(y.value());
      results.insert(results.end(), {y.value(), x.grad()});
    }
    return largest_difference(results[0], results[2]) < 1e-10 &&
           largest_difference(results[1], results[3]) < 1e-10;
  };
  int geometries = 0;
  for (std::size_t h : {1, 2, 5})
    for (std::size_t w : {1, 4, 7})
      for (std::size_t size : {1, 2, 3, 5})
        for (std::size_t stride : {1, 2, 3})
          for (std::size_t padding : {0, 1, 3}) {
            if (std::min(h, w) + 2 * padding < size) continue;
            ++geometries;
            BOOST_TEST_CONTEXT(h << "×" << w << ", window " << size << ", stride " << stride << ", padding "
                                 << padding) {
              const auto x = rng.normal<double>({2, 2, h, w});
              const Variable<double> kernel(rng.normal<double>({3, 2, size, size}));
              const Conv2dOptions conv{stride, padding};
              BOOST_TEST(same([&](const auto& x) { return conv2d(x, kernel, {}, conv); },
                              [&](const auto& x) { return composed::conv2d(x, kernel, {}, conv); }, x));
              if (padding > size / 2) continue;
              const PoolOptions pool{stride, padding};
              BOOST_TEST(same([&](const auto& x) { return max_pool2d(x, size, pool); },
                              [&](const auto& x) { return composed::max_pool2d(x, size, pool); }, x));
              BOOST_TEST(same([&](const auto& x) { return avg_pool2d(x, size, pool); },
                              [&](const auto& x) { return composed::avg_pool2d(x, size, pool); }, x));
            }
          }
  BOOST_TEST(geometries > 200);
}

BOOST_AUTO_TEST_CASE(image_modules_say_what_they_are_and_do_it) {
  Rng rng(1);
  const Init init = Init::he_normal();
  Sequential<float> net{Conv2d<float>(2, 3, 3, init, rng, {2, 1}), MaxPool2d<float>(2, {1, 1}),
                        AvgPool2d<float>(2), Flatten<float>()};
  const auto x = rng.normal<float>({4, 2, 6, 6});
  auto& conv = dynamic_cast<Conv2d<float>&>(net[0]);
  const auto expected =
      avg_pool2d(max_pool2d(conv2d(Variable<float>(x), conv.weight, conv.bias, {2, 1}), 2, {1, 1}), 2);
  const auto y = net(x).value();
  BOOST_TEST(to_string(shape_of(y)) == "(4, 12)");
  BOOST_TEST(std::equal(y.begin(), y.end(), expected.value().begin()));
  BOOST_TEST(net[0].describe() == "Conv2d(2 → 3, 3×3, stride 2, padding 1)");
  BOOST_TEST(net[1].describe() == "MaxPool2d(2×2, stride 1, padding 1)");
  BOOST_TEST(net[2].describe() == "AvgPool2d(2×2)");
  GlobalAveragePool<float> pool;
  BOOST_TEST(to_string(pool(x).shape()) == "(4, 2)");
  BOOST_TEST(to_string(Flatten<float>()(zeros<float>({0, 3, 2})).shape()) == "(0, 6)");
}

BOOST_AUTO_TEST_CASE(a_convolution_is_initialised_by_its_window) {
  Rng rng(1);  // 9216 weights: √(2/n) = 1.5 % is the relative standard error of the variance
  const auto variance = [&](const Init& init) {
    const auto w = init.weight<double>(Shape{32, 32, 3, 3}, rng);
    double squares = 0;
    for (double entry : w) squares += entry * entry;
    return squares / double(w.size());
  };
  BOOST_TEST(variance(Init::he_normal()) == 2. / (32 * 9), boost::test_tools::tolerance(.06));
  BOOST_TEST(variance(Init::xavier_uniform()) == 2. / (64 * 9), boost::test_tools::tolerance(.06));
  const auto q = Init::orthogonal().weight<double>(Shape{4, 2, 3, 3}, rng);
  double norm = 0, dot = 0;
  for (std::size_t i = 0; i < 18; ++i) {
    norm += q.data()[i] * q.data()[i];
    dot += q.data()[i] * q.data()[18 + i];
  }
  BOOST_TEST(std::abs(norm - 1) < 1e-14);
  BOOST_TEST(std::abs(dot) < 1e-14);
}

BOOST_AUTO_TEST_CASE(a_step_may_be_longer_than_any_axis) {
  const Variable<double> x(Array<double>{1., 2., 3.});
  BOOST_TEST(slice(x, 0, 1, 3, PTRDIFF_MAX).item() == 2);
  BOOST_TEST(slice(x, 0, 3, 3, PTRDIFF_MAX).size() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
