// The engine's promises: linear cost, no recursion, what adds up and what does not, scopes, and the
// print-outs.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <ctime>
#include <thread>
#include <tuple>

#include "xgrad/core/check.hpp"
#include "xgrad/nn/layers.hpp"
#include "xgrad/ops/ops.hpp"
#include "xgrad/optim/optim.hpp"

using namespace xgrad;

namespace {
using V = Variable<double>;
using Floats = std::tuple<float, double>;

template <class T = double>
Array<T> array(const Shape& shape, const std::vector<T>& entries) {
  auto a = empty<T>(shape);
  BOOST_REQUIRE_EQUAL(a.size(), entries.size());
  std::copy(entries.begin(), entries.end(), a.data());
  return a;
}

template <class T>
void check_entries(const Array<T>& a, const std::vector<double>& expected) {
  BOOST_REQUIRE_EQUAL(a.size(), expected.size());
  for (std::size_t i = 0; i < a.size(); ++i) BOOST_CHECK_EQUAL(double(a.data()[i]), expected[i]);
}

/// True when an error's text contains every part.
auto says(std::vector<std::string> parts) {
  return [parts](const Error& e) {
    const std::string text = e.what();
    return std::all_of(parts.begin(), parts.end(), [&](const auto& part) {
      const bool found = text.find(part) != text.npos;
      if (!found) BOOST_TEST_MESSAGE("'" << text << "' does not contain '" << part << "'");
      return found;
    });
  };
}

std::size_t occurrences(const std::string& text, const std::string& word) {
  std::size_t n = 0;
  for (auto at = text.find(word); at != text.npos; at = text.find(word, at + word.size())) ++n;
  return n;
}

/// Processor seconds per op for a chain of n ops, forward, backward and destruction: the median of five.
template <class Chain>
double seconds_per_op(Chain chain, std::size_t n) {
  std::vector<double> seconds;
  for (int run = 0; run < 5; ++run) {
    const std::clock_t start = std::clock();
    chain(n);
    seconds.push_back(double(std::clock() - start) / CLOCKS_PER_SEC / double(n));
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[2];
}

/// Eight times as many ops: linear growth keeps the time per op, quadratic growth multiplies it by eight.
template <class Chain>
void check_linear(Chain chain, std::size_t n) {
  chain(n);  // warms up the allocator
  const double small = seconds_per_op(chain, n), large = seconds_per_op(chain, 8 * n);
  BOOST_TEST_MESSAGE("seconds per op: " << small << " at " << n << ", " << large << " at " << 8 * n);
  BOOST_CHECK_LT(large, 3.5 * small);
}

void run_chain(std::size_t n) {
  const V x = parameter<double>(scalar(1.5));
  Tape<double> tape;
  V y = x;
  for (std::size_t i = 0; i < n; ++i) y = -y;
  BOOST_REQUIRE_EQUAL(tape.size(), n);
  y.backward();
  BOOST_REQUIRE_EQUAL(x.grad().data()[0], n % 2 ? -1 : 1);
}

void run_doublings(std::size_t n) {  // halved now and then, so that any number of them is finite
  const V x = parameter<double>(scalar(1.)), half(.5);
  Tape<double> tape;
  V y = x;
  for (std::size_t i = 0; i < n; i += 2) {
    y = y + y;
    y = y * half;
  }
  BOOST_REQUIRE_EQUAL(tape.size(), n);
  y.backward();
  BOOST_REQUIRE_EQUAL(x.grad().data()[0], 1);
}
}  // namespace

BOOST_AUTO_TEST_SUITE(tape_test)

// ── Cost ───────────────────────────────────────────────────────────────────────────────────────────────────

BOOST_AUTO_TEST_CASE(a_chain_of_a_million_ops) { run_chain(1000000); }

BOOST_AUTO_TEST_CASE(a_chain_of_a_million_ops_that_no_backward_pass_takes_down) {
  const V x = parameter<double>(scalar(1.5));
  V last;
  {
    Tape<double> tape;
    V y = x;
    for (int i = 0; i < 1000000; ++i) y = -y;
    last = y;
  }
  BOOST_CHECK_EQUAL(last.item(), 1.5);  // the handle outlives the tape
  BOOST_CHECK(!x.has_grad());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(sixty_doublings, T, Floats) {
  const auto x = parameter<T>(scalar(T(1)));
  Tape<T> tape;
  Variable<T> y = x;
  for (int i = 0; i < 60; ++i) y = y + y;
  BOOST_CHECK_EQUAL(tape.size(), 60u);
  y.backward();
  BOOST_CHECK_EQUAL(y.item(), T(std::ldexp(1., 60)));
  BOOST_CHECK_EQUAL(x.grad().data()[0], T(std::ldexp(1., 60)));
}

BOOST_AUTO_TEST_CASE(ten_thousand_residual_blocks) {
  // All weights are c: a constant vector is multiplied by 1 + 8c in each block, in both directions.
  const double c = 1e-5;
  const std::size_t blocks = 10000;
  Rng rng(1);
  Sequential<double> network;
  for (std::size_t i = 0; i < blocks; ++i)
    network.add(Residual<double>(Linear<double>(8, 8, Init::constant(c), rng)));
  const V x = parameter<double>(full<double>({2, 8}, 1));
  Tape<double> tape;
  const V y = network(x);
  BOOST_CHECK_EQUAL(tape.size(), 2 * blocks);  // one linear and one add each
  sum(y).backward();
  const double expected = std::pow(1 + 8 * c, double(blocks));
  for (std::size_t i = 0; i < 16; ++i) {
    BOOST_CHECK_CLOSE(y.value().data()[i], expected, 1e-8);
    BOOST_CHECK_CLOSE(x.grad().data()[i], expected, 1e-8);
  }
}

BOOST_AUTO_TEST_CASE(time_grows_linearly_with_the_length_of_a_chain) { check_linear(run_chain, 20000); }

BOOST_AUTO_TEST_CASE(time_grows_linearly_with_the_number_of_doublings) { check_linear(run_doublings, 20000); }

BOOST_AUTO_TEST_CASE(backward_gives_the_memory_back_on_the_way) {
  const V x = parameter<double>(scalar(2.));
  Tape<double> tape;
  V y = x * x;
  y.backward();
  BOOST_CHECK_EQUAL(tape.size(), 0u);
  BOOST_CHECK(tape.entries().empty());
}

// ── What adds up ───────────────────────────────────────────────────────────────────────────────────────────

BOOST_AUTO_TEST_CASE_TEMPLATE(gradients_add_up_over_uses, T, Floats) {
  const auto x = parameter<T>(scalar(T(3)));
  Tape<T> tape;
  (x * x + 2 * x - x).backward();
  BOOST_CHECK_EQUAL(x.grad().data()[0], T(7));  // 2x + 1
}

BOOST_AUTO_TEST_CASE(
    the_diamond) {  // a is complete before it is passed on: 8x³, not half or three halves of it
  const V x = parameter<double>(scalar(2.));
  Tape<double> tape;
  const V a = x * x, b = a * a, c = a * a, y = b + c;
  y.backward();
  BOOST_CHECK_EQUAL(x.grad().data()[0], 64);
  BOOST_CHECK_EQUAL(a.grad().data()[0], 16);
}

BOOST_AUTO_TEST_CASE(gradients_add_up_over_tapes_until_zero_grad) {
  V x = parameter<double>(scalar(2.));
  const auto pass = [&] {
    Tape<double> tape;
    (x * x).backward();
  };
  for (double expected : {4., 8., 12.}) {
    pass();
    BOOST_CHECK_EQUAL(x.grad().data()[0], expected);
  }
  x.zero_grad();
  BOOST_CHECK(!x.has_grad());
  BOOST_CHECK_EXCEPTION(x.grad(), Error, says({"[grad]", "no backward pass has reached it"}));
  pass();
  BOOST_CHECK_EQUAL(x.grad().data()[0], 4);
}

BOOST_AUTO_TEST_CASE(a_spent_tape_says_what_to_do) {
  const V x = parameter<double>(scalar(2.));
  Tape<double> tape;
  const V y = x * x;
  y.backward();
  BOOST_CHECK(tape.spent());
  BOOST_CHECK_EXCEPTION(y.backward(), Error, says({"[backward]", "spent", "fresh Tape", "Keep::yes"}));
  BOOST_CHECK_EQUAL(x.grad().data()[0], 4);  // the failed pass has changed nothing
  BOOST_CHECK(!(x * x).requires_grad());     // and nothing more is recorded
  BOOST_CHECK_EQUAL(tape.size(), 0u);
  BOOST_CHECK(tape.to_string().find("Keep::yes") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_kept_tape_runs_again) {
  const V x = parameter<double>(scalar(3.));
  Tape<double> tape;
  const V h = x * x, y = 2 * h;
  for (double expected : {12., 24., 36.}) {
    y.backward(Keep::yes);
    BOOST_CHECK(!tape.spent());
    BOOST_CHECK_EQUAL(x.grad().data()[0], expected);  // leaves add up
    BOOST_CHECK_EQUAL(h.grad().data()[0], 2);         // intermediate values do not
    BOOST_CHECK_EQUAL(y.grad().data()[0], 1);
  }
  const V z = y * y;  // it still records
  z.backward();
  BOOST_CHECK_EQUAL(h.grad().data()[0], 72);  // 2 · 2y
  BOOST_CHECK_EQUAL(x.grad().data()[0], 36 + 432);
  BOOST_CHECK(tape.spent());
}

BOOST_AUTO_TEST_CASE(backward_from_the_middle_leaves_the_rest_alone) {
  const V x = parameter<double>(scalar(3.));
  Tape<double> tape;
  const V h = x * x, y = 5 * h;
  h.backward(Keep::yes);
  BOOST_CHECK_EQUAL(x.grad().data()[0], 6);
  BOOST_CHECK(!y.has_grad());
  y.backward();
  BOOST_CHECK_EQUAL(x.grad().data()[0], 6 + 30);
}

BOOST_AUTO_TEST_CASE(an_op_that_the_loss_does_not_use_sends_nothing) {
  const V x = parameter<double>(scalar(3.)), w = parameter<double>(scalar(1.));
  Tape<double> tape;
  const V unused = w * x;
  (x * x).backward();
  BOOST_CHECK(!w.has_grad());
  BOOST_CHECK(!unused.has_grad());
  BOOST_CHECK_EQUAL(x.grad().data()[0], 6);
}

BOOST_AUTO_TEST_CASE(intermediate_gradients_are_readable) {
  const V x = parameter<double>(array<double>({2}, {1, 2}));
  Tape<double> tape;
  const V h = x * x, e = exp(h), loss = sum(e);
  loss.backward();
  check_entries(e.grad(), {1, 1});
  const double e0 = e.value().data()[0], e1 = e.value().data()[1];
  check_entries(h.grad(), {e0, e1});
  check_entries(x.grad(), {2 * e0, 4 * e1});
}

BOOST_AUTO_TEST_CASE(compound_assignment_gives_the_handle_a_new_value) {
  const V x = parameter<double>(scalar(3.));
  Tape<double> tape;
  V y = x;
  y *= x;
  y += x;
  y -= 1;
  y /= 2;
  BOOST_CHECK_EQUAL(x.item(), 3);  // x itself is not disturbed
  BOOST_CHECK_EQUAL(y.item(), 5.5);
  y.backward();
  BOOST_CHECK_EQUAL(x.grad().data()[0], 3.5);
}

BOOST_AUTO_TEST_CASE(copies_share_value_and_gradient) {
  const V x = parameter<double>(scalar(3.)), same = x;
  Tape<double> tape;
  (x * same).backward();
  BOOST_CHECK_EQUAL(&x.grad(), &same.grad());
  BOOST_CHECK_EQUAL(same.grad().data()[0], 6);
}

// ── Starting a backward pass ───────────────────────────────────────────────────────────────────────────────

BOOST_AUTO_TEST_CASE(a_value_that_is_no_scalar_needs_a_cotangent) {
  const V x = parameter<double>(array<double>({2}, {1, 2}));
  Tape<double> tape;
  const V y = x * x;
  BOOST_CHECK_EXCEPTION(y.backward(), Error, says({"[backward]", "(2,)", "cotangent", "sum or mean"}));
  BOOST_CHECK_EXCEPTION(y.backward(array<double>({3}, {1, 2, 3})), Error,
                        says({"[backward]", "(3,)", "(2,)"}));
  BOOST_CHECK_EXCEPTION(y.backward(array<double>({1, 2}, {1, 2})), Error, says({"[backward]", "(1, 2)"}));
  BOOST_CHECK(!tape.spent());  // a refused pass does not spend the tape
  y.backward(array<double>({2}, {10, -1}));
  check_entries(x.grad(), {20, -4});
}

BOOST_AUTO_TEST_CASE(a_gradient_may_be_its_own_cotangent) {
  const V x = parameter<double>(array<double>({2}, {1, 2}));
  Tape<double> tape;
  const V y = 3 * x;
  y.backward(array<double>({2}, {1, 2}), Keep::yes);
  y.backward(y.grad());
  check_entries(x.grad(), {6, 12});
}

BOOST_AUTO_TEST_CASE(any_array_of_one_entry_is_a_scalar) {
  const V x = parameter<double>(array<double>({1, 1}, {3}));
  Tape<double> tape;
  (x * x).backward();
  check_entries(x.grad(), {6});
  BOOST_CHECK_EQUAL(to_string(shape_of(x.grad())), "(1, 1)");
}

BOOST_AUTO_TEST_CASE(backward_without_a_tape_says_so) {
  const V x = parameter<double>(scalar(2.));
  const V y = x * x;
  BOOST_CHECK_EQUAL(y.item(), 4);
  BOOST_CHECK(!y.requires_grad());
  BOOST_CHECK_EXCEPTION(y.backward(), Error, says({"[backward]", "no tape"}));
  Tape<double> tape;
  BOOST_CHECK_EXCEPTION(y.backward(), Error, says({"[backward]", "not recorded on this tape"}));
  BOOST_CHECK_EXCEPTION(x.backward(), Error, says({"[backward]", "not recorded on this tape"}));
}

BOOST_AUTO_TEST_CASE(a_value_of_another_tape_is_refused) {
  const V x = parameter<double>(scalar(2.));
  V old;
  {
    Tape<double> first;
    old = x * x;
  }
  Tape<double> second;
  const V y = x * x;
  BOOST_CHECK_EXCEPTION(old.backward(), Error, says({"not recorded on this tape"}));
  y.backward();
  BOOST_CHECK_EQUAL(x.grad().data()[0], 4);
}

BOOST_AUTO_TEST_CASE(an_empty_handle_says_so) {
  const V empty_handle;
  BOOST_CHECK(!empty_handle);
  BOOST_CHECK(!empty_handle.requires_grad());
  BOOST_CHECK(!empty_handle.has_grad());
  BOOST_CHECK_EXCEPTION(empty_handle.value(), Error, says({"[variable]", "empty"}));
  BOOST_CHECK_EXCEPTION(empty_handle * V(2.), Error, says({"[variable]", "empty"}));
}

// ── Constants, pauses, scopes ──────────────────────────────────────────────────────────────────────────────

BOOST_AUTO_TEST_CASE(constants_are_not_recorded_and_get_no_gradient) {
  const V x = parameter<double>(scalar(2.), "x"), c(5.);
  Tape<double> tape;
  const V d = c * c;
  BOOST_CHECK_EQUAL(tape.size(), 0u);
  BOOST_CHECK(!d.requires_grad());
  (d * x).backward();
  BOOST_CHECK_EQUAL(x.grad().data()[0], 25);
  BOOST_CHECK(!d.has_grad());
  c.accumulate(scalar(1.));  // ignored
  BOOST_CHECK(!c.has_grad());
  BOOST_CHECK_EXCEPTION(c.grad(), Error, says({"[grad]", "does not require one"}));
}

BOOST_AUTO_TEST_CASE(a_frozen_parameter_is_a_constant) {
  V x = parameter<double>(scalar(2.)), w = parameter<double>(scalar(3.));
  w.requires_grad(false);
  Tape<double> tape;
  (w * x).backward();
  BOOST_CHECK(!w.has_grad());
  BOOST_CHECK_EQUAL(x.grad().data()[0], 3);
}

BOOST_AUTO_TEST_CASE(detach_stops_the_gradient) {
  const V x = parameter<double>(scalar(3.));
  Tape<double> tape;
  const V h = x * x;
  const V y = h.detach() * x;  // 9x, the 9 held constant
  y.backward();
  BOOST_CHECK_EQUAL(y.item(), 27);
  BOOST_CHECK_EQUAL(x.grad().data()[0], 9);
  BOOST_CHECK(!h.has_grad());
}

BOOST_AUTO_TEST_CASE(no_grad_pauses_and_nests) {
  const V x = parameter<double>(scalar(3.));
  Tape<double> tape;
  const V y = x * x;
  {
    NoGrad pause;
    BOOST_CHECK(!(x * y).requires_grad());
    {
      NoGrad again;
      BOOST_CHECK(!(x * y).requires_grad());
    }
    BOOST_CHECK(!recording<double>({x}));
  }
  BOOST_CHECK(recording<double>({x}));
  BOOST_CHECK_EQUAL(tape.size(), 1u);
  (y + x).backward();
  BOOST_CHECK_EQUAL(x.grad().data()[0], 7);
}

BOOST_AUTO_TEST_CASE(a_pause_ends_when_an_exception_leaves_it) {
  const V x = parameter<double>(scalar(3.));
  Tape<double> tape;
  try {
    NoGrad pause;
    fail("test", "leaves");
  } catch (const Error&) {
  }
  BOOST_CHECK((x * x).requires_grad());
}

BOOST_AUTO_TEST_CASE(tapes_nest) {
  const V x = parameter<double>(scalar(3.)), w = parameter<double>(scalar(5.));
  Tape<double> outer;
  const V h = 2 * x;
  {
    Tape<double> inner;
    BOOST_CHECK_EQUAL(Tape<double>::current(), &inner);
    const V z = w * h * h;
    BOOST_CHECK_EQUAL(inner.size(), 2u);
    BOOST_CHECK_EQUAL(outer.size(), 1u);
    z.backward();
    BOOST_CHECK(inner.spent() && !outer.spent());
  }
  BOOST_CHECK_EQUAL(Tape<double>::current(), &outer);
  BOOST_CHECK_EQUAL(w.grad().data()[0], 36);
  BOOST_CHECK_EQUAL(h.grad().data()[0], 60);  // a leaf to the inner tape
  BOOST_CHECK(!x.has_grad());
  (h * h).backward();
  BOOST_CHECK_EQUAL(h.grad().data()[0], 12);  // of this pass: what the inner tape left there does not leak in
  BOOST_CHECK_EQUAL(x.grad().data()[0], 24);
}

BOOST_AUTO_TEST_CASE(float_and_double_tapes_are_apart) {
  Tape<double> tape;
  const auto x = parameter<float>(scalar(2.f));
  BOOST_CHECK(!(x * x).requires_grad());
  Tape<float> of_floats;
  BOOST_CHECK((x * x).requires_grad());
  BOOST_CHECK_EQUAL(tape.size(), 0u);
}

BOOST_AUTO_TEST_CASE(the_current_tape_belongs_to_its_thread) {
  const V x = parameter<double>(scalar(3.));
  Tape<double> tape;
  const V y = x * x;
  bool recorded_without_tape = true, current_was_null = false, paused = true;
  double gradient = 0;
  NoGrad pause;  // of this thread only
  std::thread([&] {
    current_was_null = Tape<double>::current() == nullptr;
    recorded_without_tape = (x * x).requires_grad();
    const V own = parameter<double>(scalar(7.));
    Tape<double> mine;
    const V z = own * own;
    paused = !z.requires_grad();
    z.backward();
    gradient = own.grad().data()[0];
  }).join();
  BOOST_CHECK(current_was_null);
  BOOST_CHECK(!recorded_without_tape);
  BOOST_CHECK(!paused);
  BOOST_CHECK_EQUAL(gradient, 14);
  BOOST_CHECK_EQUAL(Tape<double>::current(), &tape);
  BOOST_CHECK_EQUAL(tape.size(), 1u);
  y.backward();
  BOOST_CHECK_EQUAL(x.grad().data()[0], 6);
}

BOOST_AUTO_TEST_CASE(threads_work_side_by_side) {
  std::vector<std::thread> threads;
  std::vector<double> gradients(4);
  for (std::size_t k = 0; k < gradients.size(); ++k)
    threads.emplace_back([k, &gradients] {
      const V x = parameter<double>(scalar(double(k)));
      for (int i = 0; i < 500; ++i) {
        Tape<double> tape;
        (x * x * x).backward();
      }
      gradients[k] = x.grad().data()[0];
    });
  for (auto& thread : threads) thread.join();
  for (std::size_t k = 0; k < gradients.size(); ++k)
    BOOST_CHECK_EQUAL(gradients[k], 500. * 3 * double(k * k));
}

// ── Broadcasting and odd shapes ────────────────────────────────────────────────────────────────────────────

BOOST_AUTO_TEST_CASE(the_gradient_of_a_broadcast_value_is_a_sum) {
  const V x = parameter<double>(array<double>({2, 3}, {1, 2, 3, 4, 5, 6}));
  const V row = parameter<double>(array<double>({3}, {10, 20, 30})),
          column = parameter<double>(array<double>({2, 1}, {1, -1})), number = parameter<double>(scalar(2.));
  Tape<double> tape;
  sum(x * row * column * number).backward();
  check_entries(x.grad(), {20, 40, 60, -20, -40, -60});
  check_entries(row.grad(), {-6, -6, -6});   // 2 Σ over rows of x · column
  check_entries(column.grad(), {280, 640});  // 2 Σ over columns of x · row
  check_entries(number.grad(), {140 - 320});
  BOOST_CHECK_EQUAL(to_string(shape_of(column.grad())), "(2, 1)");
  BOOST_CHECK_EQUAL(to_string(shape_of(number.grad())), "()");
}

BOOST_AUTO_TEST_CASE(every_binary_op_broadcasts_both_ways) {
  using Binary = V (*)(const V&, const V&);
  const std::vector<std::pair<Binary, const char*>> ops{{add<double>, "add"},
                                                        {sub<double>, "sub"},
                                                        {mul<double>, "mul"},
                                                        {div<double>, "div"},
                                                        {maximum<double>, "maximum"}};
  const std::vector<std::pair<Shape, Shape>> shapes{
      {{2, 3}, {3}}, {{2, 1}, {1, 3}},         {{}, {2, 3}}, {{4, 1, 3}, {2, 1}}, {{1, 1, 1}, {2, 3}},
      {{1}, {1, 1}}, {{2, 1, 3, 1}, {5, 1, 4}}};
  Rng rng(2);
  for (const auto& [op, name] : ops)
    for (const auto& [a, b] : shapes) BOOST_TEST_CONTEXT(name << ' ' << to_string(a) << ' ' << to_string(b)) {
        const auto f = [op = op](const std::vector<V>& x) { return op(x[0], x[1]); };
        // Values around 3 keep div away from 0 and, with probability 1, maximum away from ties.
        const auto x = rng.uniform<double>(a, 2, 4), y = rng.uniform<double>(b, 2, 4);
        for (const auto& inputs : {std::vector<Array<double>>{x, y}, {y, x}}) {
          const auto result = check_gradients<double>(f, inputs);
          BOOST_CHECK_MESSAGE(result.passed, result.report());
        }
        BOOST_CHECK_EQUAL(to_string(op(x, y).shape()), to_string(broadcast_shape("test", a, b)));
      }
}

BOOST_AUTO_TEST_CASE(shapes_that_do_not_broadcast_are_named) {
  const V a(zeros<double>({2, 3})), b(zeros<double>({2}));
  BOOST_CHECK_EXCEPTION(a + b, Error, says({"[add]", "(2, 3)", "(2,)", "equal or 1"}));
  BOOST_CHECK_EXCEPTION(a - b, Error, says({"[sub]", "(2, 3)", "(2,)"}));
  BOOST_CHECK_EXCEPTION(a * b, Error, says({"[mul]", "(2, 3)", "(2,)"}));
  BOOST_CHECK_EXCEPTION(a / b, Error, says({"[div]", "(2, 3)", "(2,)"}));
  BOOST_CHECK_EXCEPTION(maximum(a, b), Error, says({"[maximum]", "(2, 3)", "(2,)"}));
  BOOST_CHECK_EXCEPTION(matmul(V(zeros<double>({3, 4})), V(zeros<double>({5, 2}))), Error,
                        says({"[matmul] a is (3, 4), b is (5, 2): a's columns must equal b's rows"}));
}

BOOST_AUTO_TEST_CASE(a_gradient_that_does_not_fit_is_refused) {
  const V x = parameter<double>(zeros<double>({2, 3}));
  BOOST_CHECK_EXCEPTION(x.accumulate(zeros<double>({3})), Error, says({"[accumulate]", "(3,)", "(2, 3)"}));
  BOOST_CHECK_EXCEPTION(x.accumulate(zeros<double>({2, 4})), Error,
                        says({"[accumulate]", "(2, 4)", "(2, 3)"}));
  BOOST_CHECK(!x.has_grad());
}

namespace {
struct Case {
  const char* name;
  std::function<V(const V&)> f;
};

std::vector<Case> ops_for_any_shape() {
  return {{"2x + 1", [](const V& x) { return 2 * x + 1; }},
          {"x x", [](const V& x) { return x * x; }},
          {"x / (x + 3)", [](const V& x) { return x / (x + 3); }},
          {"neg", [](const V& x) { return -x; }},
          {"exp", [](const V& x) { return exp(x); }},
          {"tanh", [](const V& x) { return tanh(x); }},
          {"relu", [](const V& x) { return relu(x); }},
          {"sigmoid", [](const V& x) { return sigmoid(x); }},
          {"softplus", [](const V& x) { return softplus(x); }},
          {"gelu", [](const V& x) { return gelu(x); }},
          {"pow", [](const V& x) { return pow(x, 2); }},
          {"maximum", [](const V& x) { return maximum(x, V(.25)); }},
          {"sum", [](const V& x) { return sum(x); }},
          {"transpose", [](const V& x) { return transpose(x); }},
          {"flatten", [](const V& x) { return reshape(x, {std::ptrdiff_t(x.size())}); }},
          {"stack",
           [](const V& x) {
             return stack<double>({x, x});
           }},
          {"broadcast_to", [](const V& x) {
             Shape shape = x.shape();
             shape.insert(shape.begin(), 2);
             return broadcast_to(x, shape);
           }}};
}

std::vector<Case> ops_with_an_axis() {
  return {{"sum last axis", [](const V& x) { return sum(x, {-1}); }},
          {"sum first axis, kept", [](const V& x) { return sum(x, {0}, true); }},
          {"swap axes", [](const V& x) { return swap_axes(x, 0, -1); }},
          {"slice", [](const V& x) { return slice(x, 0, 0, 1); }},
          {"concatenate", [](const V& x) {
             return concatenate<double>({x, x}, -1);
           }}};
}
}  // namespace

BOOST_AUTO_TEST_CASE(rank_0_and_axes_of_length_1) {
  Rng rng(3);
  for (const Shape& shape : {Shape{}, {1}, {1, 1}, {3, 1}, {1, 3}, {2, 1, 3}}) {
    auto cases = ops_for_any_shape();
    if (!shape.empty())
      for (auto& c : ops_with_an_axis()) cases.push_back(c);
    for (const auto& c : cases) BOOST_TEST_CONTEXT(c.name << ' ' << to_string(shape)) {
        const auto result = check_gradients<double>([&](const std::vector<V>& x) { return c.f(x[0]); },
                                                    {rng.normal<double>(shape)});
        BOOST_CHECK_MESSAGE(result.passed, result.report());
        BOOST_CHECK_EQUAL(result.entries, count(shape));
      }
  }
}

BOOST_AUTO_TEST_CASE(arrays_without_entries) {
  for (const Shape& shape : {Shape{0}, {0, 3}, {3, 0}, {2, 0, 3}}) {
    auto cases = ops_for_any_shape();
    for (auto& c : ops_with_an_axis()) cases.push_back(c);
    for (const auto& c : cases) BOOST_TEST_CONTEXT(c.name << ' ' << to_string(shape)) {
        const V x = parameter<double>(zeros<double>(shape));
        Tape<double> tape;
        const V y = c.f(x);
        y.backward(full<double>(y.shape(), 1));
        BOOST_CHECK_EQUAL(to_string(shape_of(x.grad())), to_string(shape));
      }
  }
  BOOST_CHECK_EQUAL(sum(V(zeros<double>({0, 3}))).item(), 0);
  check_entries(sum(V(zeros<double>({0, 3})), {0}).value(), {0, 0, 0});
  BOOST_CHECK(std::isnan(mean(V(zeros<double>({0}))).item()));  // 0/0, as in NumPy
}

BOOST_AUTO_TEST_CASE(matrix_products_without_entries) {
  const V a = parameter<double>(zeros<double>({2, 0})), b = parameter<double>(zeros<double>({0, 3}));
  {
    Tape<double> tape;
    const V y = matmul(a, b);  // an empty sum: zeros
    check_entries(y.value(), {0, 0, 0, 0, 0, 0});
    sum(y).backward();
    BOOST_CHECK_EQUAL(to_string(shape_of(a.grad())), "(2, 0)");
    BOOST_CHECK_EQUAL(to_string(shape_of(b.grad())), "(0, 3)");
  }
  const V w = parameter<double>(full<double>({4, 3}, 1)), bias = parameter<double>(full<double>({4}, 1));
  Tape<double> tape;
  const V y = linear(V(zeros<double>({0, 3})), w, bias);  // a batch of no samples
  BOOST_CHECK_EQUAL(to_string(y.shape()), "(0, 4)");
  sum(y).backward();
  check_entries(w.grad(), std::vector<double>(12, 0));
  check_entries(bias.grad(), {0, 0, 0, 0});
}

BOOST_AUTO_TEST_CASE(items_and_extents) {
  const V x(zeros<double>({2, 3}));
  BOOST_CHECK_EQUAL(x.extent(0), 2u);
  BOOST_CHECK_EQUAL(x.extent(-1), 3u);
  BOOST_CHECK_EXCEPTION(x.extent(2), Error, says({"axis 2"}));
  BOOST_CHECK_EXCEPTION(x.item(), Error, says({"[item]", "(2, 3)", "one entry"}));
}

// ── Print-outs ─────────────────────────────────────────────────────────────────────────────────────────────

BOOST_AUTO_TEST_CASE(the_tape_prints_as_a_wengert_list) {
  const V x = parameter<double>(zeros<double>({32, 16}), "x"), s = parameter<double>(scalar(2.)),
          w(zeros<double>({16, 64}));
  Tape<double> tape;
  const V a = x * s, b = w * s, c = -b;
  V y = matmul(a, b);
  y.named("y");
  const std::string expected =
      "v1 = parameter \"x\"  (32, 16)\n"
      "v2 = parameter 2  ()\n"  // small enough to show
      "v3 = mul(v1, v2)  (32, 16)\n"
      "v4 = constant  (16, 64)\n"
      "v5 = mul(v4, v2)  (16, 64)\n"
      "v6 = neg(v5)  (16, 64)\n"
      "v7 = matmul(v3, v5) \"y\"  (32, 64)\n";
  BOOST_CHECK_EQUAL(tape.to_string(), expected);
  std::ostringstream stream;
  stream << tape;
  BOOST_CHECK_EQUAL(stream.str(), expected);
  y.named("");
  BOOST_CHECK(tape.to_string().find("v7 = matmul(v3, v5)  (32, 64)\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_tape_exports_a_graph) {
  const V x = parameter<double>(array<double>({2}, {3, 4}), "x");
  Tape<double> tape;
  const V h = 2 * x, loss = sum(h);
  const std::string before = tape.to_dot();
  BOOST_CHECK_EQUAL(occurrences(before, "grad"), 0u);
  loss.backward(Keep::yes);
  const std::string dot = tape.to_dot();
  BOOST_CHECK_EQUAL(dot.rfind("digraph", 0), 0u);
  BOOST_CHECK_EQUAL(occurrences(dot, "{"), occurrences(dot, "}"));
  BOOST_CHECK_EQUAL(occurrences(dot, " [label="), 4u);  // 2, x, mul, sum
  BOOST_CHECK_EQUAL(occurrences(dot, " -> "), 3u);
  for (const char* part :
       {"v1 -> v3;", "v2 -> v3;", "v3 -> v4;", "x  (2,)", "mul  (2,)", "sum  ()", "value‖ 5\\n",
        "value‖ 10\\n", "grad‖ 1.4142", "grad‖ 2.8284", "value 14\\n", "grad 1"})
    BOOST_CHECK_MESSAGE(dot.find(part) != dot.npos, part << " is missing in\n" << dot);
}

BOOST_AUTO_TEST_CASE(names_in_the_graph_are_quoted) {
  const V x = parameter<double>(scalar(1.), "the \"x\" \\ of it");
  Tape<double> tape;
  V y = -x;
  y.named("y");
  const std::string dot = tape.to_dot();
  BOOST_CHECK(dot.find("\"the \\\"x\\\" \\\\ of it  ()") != dot.npos);
  BOOST_CHECK(dot.find("\"y = neg  ()") != dot.npos);
}

// ── Everything together ────────────────────────────────────────────────────────────────────────────────────

// Ten steps of a small residual network, frozen: any change of numbers in a forward pass, a vjp, the
// optimiser or the generator shows here. The losses come from a second implementation, scalar by scalar,
// written in Python.
BOOST_AUTO_TEST_CASE(ten_training_steps) {
  Rng rng(42);
  const auto x = rng.normal<double>({16, 4});
  auto target = empty<double>({16, 1});
  for (std::size_t i = 0; i < 16; ++i) target(i, 0) = x(i, 0) * x(i, 1) + x(i, 2);
  Sequential<double> network{// braces: they construct from left to right, round brackets in any order
                             Linear<double>(4, 8, Init::he_normal(), rng),
                             Residual<double>(Sequential<double>{
                                 LayerNorm<double>(8), Linear<double>(8, 8, Init::xavier_uniform(), rng),
                                 activation<double>("relu")}),
                             Linear<double>(8, 1, Init::lecun_normal(), rng)};
  SGD<double> sgd(network.parameters(), .01, {.9});
  std::vector<double> losses;
  for (int step = 0; step < 10; ++step) {
    Tape<double> tape;
    sgd.zero_grad();
    const V loss = mse_loss(network(V(x)), target);
    loss.backward();
    sgd.step();
    losses.push_back(loss.item());
  }
  const std::vector<double> frozen{16.5763690913,  10.0731356031, 3.81154827216, 0.877041676681,
                                   0.517695220939, 1.32168004929, 2.15112901011, 2.34696438746,
                                   1.84804704911,  1.02999958121};
  for (std::size_t i = 0; i < losses.size(); ++i) BOOST_CHECK_CLOSE(losses[i], frozen[i], 1e-7);
}

BOOST_AUTO_TEST_CASE(adam_counts_the_steps_of_each_parameter) {
  const auto early = parameter(scalar(0.0)), late = parameter(scalar(0.0));
  Adam<double> optimizer({{"early", early}, {"late", late}}, .1);
  for (int step = 0; step < 50; ++step) {
    Tape<double> tape;
    ((step < 49 ? early : late) * 3.0).backward();
    optimizer.step();
  }
  BOOST_TEST(late.item() == -.1, boost::test_tools::tolerance(1e-6));  // the first step of Adam is η
}

BOOST_AUTO_TEST_CASE(a_summary_leaves_the_modes_as_they_were) {
  Rng rng(1);
  Sequential<double> model{Linear<double>(3, 3, Init::he_normal(), rng), Dropout<double>(.5, rng)};
  model[1].train(false);
  summary(model, {1, 3});
  BOOST_TEST(model.training());
  BOOST_TEST(!model[1].training());
  BOOST_CHECK_THROW(summary(model, {1, 4}), Error);
  BOOST_TEST(model.training());
}

BOOST_AUTO_TEST_CASE(a_graph_shows_nan) {
  const auto x = parameter(full<double>({2}, std::nan("")));
  Tape<double> tape;
  const auto y = -x;
  BOOST_TEST(tape.to_dot().find("‖value‖ nan") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_value_of_a_temporary_outlives_it) {
  const V x(Array<double>{1., 2.});
  const auto& y = (x * 3.0).value();
  BOOST_TEST(y(1) == 6);
  const auto same = [&] { return x; };
  BOOST_TEST(same().value()(1) == 2);  // moved out of the last handle only
  BOOST_TEST(x.value()(1) == 2);
}

BOOST_AUTO_TEST_SUITE_END()
