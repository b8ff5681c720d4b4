// Data parallelism: parts of a batch on threads of their own give the gradient of the whole batch, the same
// every time.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <numeric>
#include <optional>
#include <thread>

#include "xgrad/xgrad.hpp"

using namespace xgrad;

namespace {

constexpr std::size_t batch = 12;

struct Problem {
  Rng rng{5};
  Sequential<double> model{Linear<double>(6, 8, Init::he_normal(), rng), activation<double>("relu"),
                           Residual<double>(FeedForward<double>(8, 16, Init::he_normal(), rng, "gelu")),
                           LayerNorm<double>(8), Linear<double>(8, 3, Init::xavier_normal(), rng)};
  Variable<double> x{rng.normal<double>({batch, 6})};
  Indices labels = zeros<std::int64_t>({batch});

  Problem() {
    for (std::size_t i = 0; i < batch; ++i) labels.data()[i] = static_cast<std::int64_t>(rng.below(3));
  }

  /// The loss of samples begin…end-1, as their share of the batch's mean.
  Variable<double> loss(std::size_t begin, std::size_t end) {
    Indices some = zeros<std::int64_t>({end - begin});
    std::copy(labels.data() + begin, labels.data() + end, some.data());
    const auto part = slice(x, 0, static_cast<std::ptrdiff_t>(begin), static_cast<std::ptrdiff_t>(end));
    CrossEntropyOptions sum;
    sum.reduction = Reduction::sum;
    return cross_entropy(model(part), some, sum) / double(batch);
  }

  void backward(std::size_t begin, std::size_t end) {
    Tape<double> tape;
    loss(begin, end).backward();
  }

  /// All gradients in one row, which are cleared.
  std::vector<double> gradients() {
    std::vector<double> all;
    for (auto& p : model.parameters())
      all.insert(all.end(), p.variable.grad().data(), p.variable.grad().data() + p.variable.size());
    model.zero_grad();
    return all;
  }

  std::vector<double> in_parts(std::size_t n) {
    in_parallel<double>(n, [&](std::size_t i) { backward(i * batch / n, (i + 1) * batch / n); });
    return gradients();
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(parallel_test)

BOOST_AUTO_TEST_CASE(parts_give_the_gradient_of_the_whole) {
  Problem problem;
  problem.backward(0, batch);
  const auto whole = problem.gradients();
  for (std::size_t n : {1, 2, 3, 5, 12}) {
    const auto parts = problem.in_parts(n);
    BOOST_REQUIRE(parts.size() == whole.size());
    for (std::size_t i = 0; i < whole.size(); ++i) BOOST_TEST(std::abs(parts[i] - whole[i]) < 1e-14);
  }
}

BOOST_AUTO_TEST_CASE(every_run_gives_the_same_bits) {
  Problem problem;
  const auto first = problem.in_parts(4);
  for (int run = 0; run < 50; ++run) BOOST_REQUIRE((problem.in_parts(4) == first));
}

BOOST_AUTO_TEST_CASE(gradients_add_to_those_that_are_there) {
  Problem problem;
  problem.backward(0, batch);
  const auto once = problem.gradients();
  problem.backward(0, batch);
  const auto twice = problem.in_parts(2);
  for (std::size_t i = 0; i < once.size(); ++i) BOOST_TEST(std::abs(twice[i] - 2 * once[i]) < 1e-14);
}

BOOST_AUTO_TEST_CASE(parts_run_on_threads_of_their_own) {
  std::vector<std::thread::id> ids(3);
  in_parallel<float>(3, [&](std::size_t i) { ids[i] = std::this_thread::get_id(); });
  BOOST_TEST((ids[0] == std::this_thread::get_id()));
  BOOST_TEST((ids[1] != ids[0] && ids[2] != ids[0]));
  in_parallel<float>(0, [&](std::size_t) { BOOST_TEST(false); });
}

BOOST_AUTO_TEST_CASE(a_part_may_itself_be_parallel) {
  const auto w = parameter(scalar(2.0));
  in_parallel<double>(3, [&](std::size_t i) {
    in_parallel<double>(2, [&](std::size_t j) {
      Tape<double> tape;
      (w * double(10 * i + j)).backward();
    });
  });
  BOOST_TEST(w.grad()() == 0 + 1 + 10 + 11 + 20 + 21);
}

BOOST_AUTO_TEST_CASE(an_error_in_a_part_reaches_the_caller_and_adds_nothing) {
  const auto w = parameter(scalar(2.0));
  const auto run = [&] {
    in_parallel<double>(3, [&](std::size_t i) {
      Tape<double> tape;
      (w * 1.0).backward();
      if (i > 0) fail("part", i);
    });
  };
  BOOST_CHECK_EXCEPTION(run(), Error, [](const Error& e) { return e.what() == std::string("[part] 1"); });
  BOOST_TEST(!w.has_grad());
}

BOOST_AUTO_TEST_CASE(memory_stays_level) {
  Problem problem;
  const auto step = [&] {
    in_parallel<double>(2, [&](std::size_t i) {
      auto large = parameter(full<double>({1000 + 1000 * i}, 1.0));
      Tape<double> tape;
      sum(tanh(large)).backward();
    });
  };
  for (int i = 0; i < 20; ++i) step();
  const auto before = memory_statistics();
  for (int i = 0; i < 200; ++i) step();
  BOOST_TEST(memory_statistics().in_use == before.in_use);
  BOOST_TEST(memory_statistics().fetched <=
             before.fetched + 10);  // how the parts overlap is not the same each time
}

BOOST_AUTO_TEST_CASE(parts_may_share_a_value_of_a_tape_around_them) {
  const auto p = parameter(full<double>({1000}, 1.0));
  Tape<double> outer;
  const auto shared = p * 2.0;
  std::vector<double> seen(4);
  in_parallel<double>(4, [&](std::size_t i) {
    Tape<double> tape;
    const auto own = shared * double(i);
    sum(own * own).backward();
    seen[i] = own.grad()(999);
  });
  BOOST_TEST(seen == (std::vector<double>{0, 4, 8, 12}), boost::test_tools::per_element());
  BOOST_TEST((shared.grad() == full<double>({1000}, 56)));  // Σ 2 i² · 2
  outer.backward(shared, shared.grad());
  BOOST_TEST((p.grad() == full<double>({1000}, 112)));
}

BOOST_AUTO_TEST_CASE(a_pause_holds_for_all_parts) {
  const auto w = parameter(scalar(2.0));
  for (bool paused : {false, true}) {
    std::optional<NoGrad> pause;
    if (paused) pause.emplace();
    std::vector<std::size_t> recorded(3);
    in_parallel<double>(3, [&](std::size_t i) {
      Tape<double> tape;
      const auto y = w * 2.0;
      recorded[i] = tape.size();
    });
    BOOST_TEST(recorded == std::vector<std::size_t>(3, paused ? 0 : 1), boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_SUITE_END()
