// Large operations on several threads: the same bits as on one, and the numbers of the definitions.
#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cmath>
#include <thread>

#include "differences.hpp"
#include "xgrad/core/gemm.hpp"
#include "xgrad/core/threads.hpp"
#include "xgrad/ops/composed.hpp"
#include "xgrad/xgrad.hpp"

using namespace xgrad;

namespace {

/// Sets the number of threads, and in the end that of the processors.
struct Threads {
  explicit Threads(std::size_t n) { set_threads(n); }
  ~Threads() { set_threads(std::max(std::thread::hardware_concurrency(), 1u)); }
};

/// An operation on x, and two rows that broadcast to it.
using Operation =
    std::function<Variable<float>(const Variable<float>&, const Variable<float>&, const Variable<float>&)>;

/// y and the gradients of x and both rows, for a random cotangent.
std::vector<Array<float>> results(const Operation& f, const Shape& shape) {
  Rng rng(8);
  const auto x = parameter(rng.normal<float>(shape)),
             a = parameter(rng.uniform<float>({shape.back()}, .5, 2)),
             b = parameter(rng.normal<float>({shape.back()}));
  Tape<float> tape;
  const auto y = f(x, a, b);
  y.backward(rng.normal<float>(y.shape()));
  std::vector<Array<float>> all{y.value()};
  for (const auto* v : {&x, &a, &b})
    if (v->has_grad()) all.push_back(v->grad());
  return all;
}

double relative_difference(const Array<float>& a, const Array<float>& b) {
  return largest_difference(a, b) / largest_of(b);
}

using V = Variable<float>;

/// f of pieces so small that each is done at once, one behind the other.
V in_pieces(V (*f)(const V&), const V& x) {
  const auto rows = static_cast<std::ptrdiff_t>(x.extent(0)), step = (rows + 7) / 8;
  std::vector<V> pieces;
  for (std::ptrdiff_t i = 0; i < rows; i += step)
    pieces.push_back(f(slice(x, 0, i, std::min(i + step, rows))));
  return concatenate(pieces, 0);
}

struct Case {
  const char* name;
  Operation fused, definition;
};
const std::vector<Case> cases{
    {"gelu", [](auto& x, auto&, auto&) { return gelu(x); },
     [](auto& x, auto&, auto&) { return in_pieces(gelu<float>, x); }},
    {"add_relu", [](auto& x, auto&, auto& b) { return add_relu(x, b); },
     [](auto& x, auto&, auto& b) { return relu(x + b); }},
    {"mul", [](auto& x, auto& a, auto&) { return x * a; },
     [](auto& x, auto& a, auto&) { return x / (V(1.0f) / a); }},
    {"softmax", [](auto& x, auto&, auto&) { return softmax(x); },
     [](auto& x, auto&, auto&) { return composed::softmax(x); }},
    {"log_softmax", [](auto& x, auto&, auto&) { return log_softmax(x); },
     [](auto& x, auto&, auto&) { return composed::log_softmax(x); }},
    {"logsumexp", [](auto& x, auto&, auto&) { return logsumexp(x, {-1}, true); },
     [](auto& x, auto&, auto&) { return composed::logsumexp(x, {-1}, true); }},
    {"layer_norm", [](auto& x, auto& a, auto& b) { return layer_norm(x, a, b); },
     [](auto& x, auto& a, auto& b) { return composed::layer_norm(x, a, b); }},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(threads_test)

BOOST_AUTO_TEST_CASE(any_number_of_threads_gives_the_same_bits) {
  for (const Shape& shape : {Shape{1024, 257}, Shape{5, 60001}, Shape{1, 300007}, Shape{7, 300, 130}})
    for (const Case& c : cases) {
      set_threads(1);
      const auto one = results(c.fused, shape);
      for (std::size_t n : {2, 3, 20}) {
        const Threads threads(n);
        BOOST_TEST((results(c.fused, shape) == one),
                   c.name << " on " << n << " threads, x " << to_string(shape));
      }
    }
}

BOOST_AUTO_TEST_CASE(convolutions_have_the_same_bits_on_any_number_of_threads) {
  Rng rng(6);
  const V x = parameter(rng.normal<float>({9, 5, 20, 21}));
  for (std::size_t stride : {1, 2})
    for (std::size_t size : {1, 3}) {
      const V weight = parameter(rng.normal<float>({size == 1 ? 200U : 40U, 5, size, size}));
      const auto convolution = [&, stride = stride](std::size_t threads) {
        set_threads(threads);
        Tape<float> tape;
        const auto y = conv2d(x, weight, {}, {stride, 0});
        y.backward(y.value());
        const std::vector<Array<float>> all{y.value(), x.grad(), weight.grad()};
        V(x).zero_grad();
        V(weight).zero_grad();
        return all;
      };
      const auto one = convolution(1);
      for (std::size_t threads : {2, 3}) BOOST_TEST((convolution(threads) == one));
    }
  const Threads as_before(1);
}

BOOST_AUTO_TEST_CASE(batch_norms_have_the_same_bits_on_any_number_of_threads) {
  Rng rng(7);
  for (const Shape& shape :
       {Shape{9, 40, 30, 31}, Shape{700, 600}, Shape{3, 2, 70001}, Shape{300, 300, 2, 2}}) {
    const V x = parameter(rng.normal<float>(shape)), gamma = parameter(rng.uniform<float>({shape[1]}, .5, 2)),
            beta = parameter(rng.normal<float>({shape[1]}));
    const ChannelStatistics<float> given{rng.normal<float>({shape[1]}),
                                         rng.uniform<float>({shape[1]}, .5, 2)};
    const auto dy = rng.normal<float>(shape);
    const auto all = [&](std::size_t threads, auto norm) {
      set_threads(threads);
      for (V v : {x, gamma, beta}) v.zero_grad();
      Tape<float> tape;
      const auto y = norm();
      y.backward(dy);
      return std::vector<Array<float>>{y.value(), x.grad(), gamma.grad(), beta.grad()};
    };
    const auto norm = [&] { return batch_norm(x, gamma, beta).y; };
    const auto frozen = [&] { return frozen_batch_norm(x, given, gamma, beta); };
    const auto one = all(1, norm), one_frozen = all(1, frozen);
    for (std::size_t threads : {2, 3}) {
      BOOST_TEST((all(threads, norm) == one), "x " << to_string(shape));
      BOOST_TEST((all(threads, frozen) == one_frozen), "x " << to_string(shape));
    }
    const auto definition = all(2, [&] { return composed::batch_norm(x, gamma, beta); });
    for (std::size_t i = 0; i < one.size(); ++i)
      BOOST_TEST(relative_difference(one[i], definition[i]) < 2e-5, i << " of x " << to_string(shape));
  }
  const Threads as_before(1);
}

BOOST_AUTO_TEST_CASE(large_operations_are_what_their_definitions_say) {
  const Threads threads(2);
  for (const Shape& shape : {Shape{1024, 257}, Shape{5, 60001}, Shape{7, 300, 130}})
    for (const Case& c : cases) {
      const auto fused = results(c.fused, shape), definition = results(c.definition, shape);
      BOOST_REQUIRE(fused.size() == definition.size());
      for (std::size_t i = 0; i < fused.size(); ++i)
        BOOST_TEST(relative_difference(fused[i], definition[i]) < 2e-5, c.name << " of " << to_string(shape));
    }
}

BOOST_AUTO_TEST_CASE(products_have_the_same_bits_on_any_number_of_threads) {
  Rng rng(5);
  const std::size_t k = 300;
  for (const auto& [m, n] : {std::pair<std::size_t, std::size_t>{131, 77}, {77, 131}, {1030, 40}, {9, 1500}})
    for (Op op_a : {Op::none, Op::transposed})
      for (Op op_b : {Op::none, Op::transposed}) {
        const auto a = rng.normal<float>({m, k}), b = rng.normal<float>({k, n}),
                   c = rng.normal<float>({m, n});
        const auto product = [&, m = m, n = n](std::size_t threads) {
          set_threads(threads);
          auto result = c;
          gemm<float>(op_a, op_b, m, n, k, 2, a.data(), op_a == Op::none ? k : m, b.data(),
                      op_b == Op::none ? n : k, .5, result.data(), n);
          return result;
        };
        const auto one = product(1);
        for (std::size_t threads : {2, 3, 20})
          BOOST_TEST((product(threads) == one), m << "×" << n << " on " << threads << " threads");
      }
  const Threads as_before(1);
}

BOOST_AUTO_TEST_CASE(large_sums_are_those_of_a_loop) {
  const Threads threads(2);
  Rng rng(3);
  const auto x = rng.normal<double>({7, 300, 130});
  for (const Axes& axes : {Axes{0}, Axes{1}, Axes{2}, Axes{0, 2}, Axes{}}) {
    const auto total = sum(Variable<double>(x), axes, true).value();
    auto right = zeros<double>(shape_of(total));
    const bool keep[3] = {total.shape()[0] > 1, total.shape()[1] > 1, total.shape()[2] > 1};
    for (std::size_t i = 0; i < 7; ++i)
      for (std::size_t j = 0; j < 300; ++j)
        for (std::size_t k = 0; k < 130; ++k)
          right(keep[0] ? i : 0, keep[1] ? j : 0, keep[2] ? k : 0) += x(i, j, k);
    for (std::size_t i = 0; i < total.size(); ++i)
      BOOST_TEST(std::abs(total.data()[i] - right.data()[i]) < 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(parts_cover_everything_once) {
  const Threads threads(3);
  for (std::size_t n : {0, 1, 5, 16, 1000})
    for (std::size_t parts : {1, 2, 16}) {
      std::vector<int> times(n, 0);
      detail::for_parts(parts, n, [&](std::size_t, std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) ++times[i];
      });
      BOOST_TEST((times == std::vector<int>(n, 1)));
    }
}

BOOST_AUTO_TEST_CASE(inside_a_part_there_is_one_thread) {
  const Threads threads(4);
  in_parallel<float>(2, [](std::size_t) {
    detail::share_out(16, [here = std::this_thread::get_id()](std::size_t) {
      if (std::this_thread::get_id() != here) fail("part", "this is another thread");
    });
  });
  std::vector<std::thread::id> seen(4);
  detail::on_threads(4, [&](std::size_t i) { seen[i] = std::this_thread::get_id(); });
  BOOST_TEST((seen[0] == std::this_thread::get_id()));
  BOOST_TEST((std::count(seen.begin(), seen.end(), seen[0]) == 1));
}

BOOST_AUTO_TEST_CASE(threads_that_watch_and_threads_that_sleep_find_work) {
  std::atomic<std::size_t> done{0};
  for (int pause : {0, 0, 50, 100, 150, 2000, 0}) {
    std::this_thread::sleep_for(std::chrono::microseconds(pause));
    detail::on_threads(3, [&](std::size_t) { ++done; });
  }
  BOOST_TEST(done == 7 * 3);
}

BOOST_AUTO_TEST_CASE(an_error_in_a_part_reaches_the_caller) {
  for (std::size_t n : {1, 3}) {
    const Threads threads(n);
    const auto run = [] { detail::share_out(16, [](std::size_t p) { p == 5 ? fail("part", p) : void(); }); };
    BOOST_CHECK_EXCEPTION(run(), Error, [](const Error& e) { return e.what() == std::string("[part] 5"); });
  }
  BOOST_CHECK_THROW(set_threads(0), Error);
}

BOOST_AUTO_TEST_SUITE_END()
