// Fused ops against their definitions on rows of many widths: one row, one column, ends that fill no vector;
// numbers of ordinary size, huge ones and denormal ones; in float and in double. (op_cases.cpp has small
// cases of every shape.)
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <limits>

#include "differences.hpp"
#include "xgrad/xgrad.hpp"

using namespace xgrad;

namespace {

template <class T>
using Function = std::function<Variable<T>(const std::vector<Variable<T>>&)>;

/// An op on x (rows, columns), and on two rows of numbers for those who want them.
struct Case {
  const char* name;
  Function<float> in_float;
  Function<double> in_double, definition;
  bool normalises = false;  ///< divides by the deviation of a row, which may be small
};

template <class F, class D>
Case row(const char* name, F fused, D definition, bool normalises = false) {
  return {name, fused, fused, definition, normalises};
}

template <class T>
Array<T> no_targets(const Variable<T>& x) {
  return zeros<T>(x.shape());
}

template <class T>
Indices some_labels(const Variable<T>& x) {
  Indices labels = Indices::from_shape({x.extent(0)});
  for (std::size_t i = 0; i < labels.size(); ++i)
    labels.data()[i] = static_cast<std::int64_t>(7 * i % x.extent(1));
  return labels;
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      row(
          "softmax", [](auto& x) { return softmax(x[0]); }, [](auto& x) { return composed::softmax(x[0]); }),
      row(
          "log_softmax", [](auto& x) { return log_softmax(x[0]); },
          [](auto& x) { return composed::log_softmax(x[0]); }),
      row(
          "logsumexp", [](auto& x) { return logsumexp(x[0], {-1}); },
          [](auto& x) { return composed::logsumexp(x[0], {-1}); }),
      row(
          "layer_norm", [](auto& x) { return layer_norm(x[0], x[1], x[2]); },
          [](auto& x) { return composed::layer_norm(x[0], x[1], x[2]); }, true),
      row(
          "rms_norm", [](auto& x) { return rms_norm(x[0], x[1]); },
          [](auto& x) { return composed::rms_norm(x[0], x[1]); }, true),
      row(
          "cross_entropy", [](auto& x) { return cross_entropy(x[0], some_labels(x[0])); },
          [](auto& x) {
            return composed::cross_entropy(x[0], one_hot<double>(some_labels(x[0]), x[0].extent(1)));
          }),
      row(
          "bce_with_logits",  // the composed form is infinite far out
          [](auto& x) { return bce_with_logits(x[0], no_targets(x[0])); },
          [](auto& x) { return mean(maximum(x[0], Variable<double>(0.)) + softplus(-xgrad::abs(x[0]))); }),
      row(
          "add_relu", [](auto& x) { return add_relu(x[0], x[1]); },
          [](auto& x) { return relu(x[0] + x[1]); }),
      row(
          "gelu_tanh", [](auto& x) { return gelu_tanh(x[0]); },
          [](auto& x) { return composed::gelu_tanh(x[0]); }),
      row(
          "linear",
          [](auto& x) {
            return linear(x[0], reshape(x[1], {1, -1}));
          },
          [](auto& x) {
            return composed::linear(x[0], reshape(x[1], {1, -1}));
          }),
  };
  return all;
}

/// y and all gradients, in double whatever T is.
template <class T>
std::vector<Array<double>> results(const Function<T>& f, const std::vector<Array<double>>& inputs) {
  std::vector<Variable<T>> x;
  for (const auto& input : inputs) x.push_back(parameter(xgrad::cast<T>(input)));
  Tape<T> tape;
  const auto y = f(x);
  y.backward(xgrad::cast<T>(Rng(2).normal<float>(y.shape())));
  std::vector<Array<double>> all{xgrad::cast<double>(y.value())};
  for (const auto& v : x) all.push_back(xgrad::cast<double>(v.has_grad() ? v.grad() : zeros<T>(v.shape())));
  return all;
}

/// The least deviation of a row, as layer_norm knows it.
double least_deviation(const Array<double>& x) {
  double least = std::numeric_limits<double>::infinity();
  for (double variance : composed::variance(Variable<double>(x), {-1}).value())
    least = std::min(least, variance);
  return std::sqrt(least + LayerNormOptions().eps);
}

/// All that f computes of numbers of this size is what the definition computes in double, up to rounding:
/// some ulps of the largest number that is added up. Where a row's numbers are nearly equal, subtracting
/// their mean and dividing by their deviation enlarges the rounding. `least` is where that of denormal
/// numbers begins.
template <class T>
void compare(const Case& c, const Function<T>& f, double size, std::size_t rows, std::size_t columns,
             Rng& rng) {
  const double ulp = std::numeric_limits<T>::epsilon(),
               least = 1e4 * double(std::numeric_limits<T>::denorm_min());
  const auto numbers = [&](const Shape& shape, double scale) {
    auto x = rng.normal<double>(shape);
    for (double& v : x) v = static_cast<double>(static_cast<T>(scale * v));
    return x;
  };
  const std::vector<Array<double>> inputs{numbers({rows, columns}, size), numbers({columns}, 1),
                                          numbers({columns}, 1)};
  const auto got = results<T>(f, inputs), right = results<double>(c.definition, inputs);
  // A loss adds up all entries, in as few as four partial sums: equal terms are rounded alike each time.
  const double ulps = 64 + double(rows * columns) / 16;
  const double deviation = c.normalises ? least_deviation(inputs[0]) : 1;
  const double terms = c.normalises ? std::max(1., largest_of(inputs[0]) / deviation) : .1;
  for (std::size_t k = 0; k < got.size(); ++k) {
    const double largest = std::max(k == 1 ? terms / deviation : terms, largest_of(right[k]));
    const double error = largest_difference(got[k], right[k]);
    BOOST_TEST(error <= ulps * ulp * largest + least,
               c.name << " of " << rows << "×" << columns << " numbers of size " << size << ", "
                      << (k == 0 ? "value" : "gradient ") << (k == 0 ? "" : std::to_string(k)) << ": off by "
                      << error / ulp / largest << " ulp");
  }
}

template <class T>
void compare_all(Function<T> Case::*f) {
  Rng rng(1);
  for (const Case& c : cases())
    for (double size : {1., 1e4, double(std::numeric_limits<T>::min()) / 100})
      for (std::size_t rows : {1, 2, 33})
        for (std::size_t columns : {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 40, 63, 64, 65, 100, 257})
          compare<T>(c, c.*f, size, rows, columns, rng);
}

/// How many units of epsilon the derivative of f is off at x, where its own size is about 1 at most.
template <class T, class F, class G>
double derivative_error(F f, G exact, T x) {
  const auto at = parameter(Array<T>{x});
  Tape<T> tape;
  sum(f(at)).backward();
  const double error = std::abs(double(at.grad().data()[0]) - double(exact(static_cast<long double>(x))));
  return error / std::numeric_limits<T>::epsilon();
}

template <class T>
void check_derivatives() {
  using V = Variable<T>;
  const auto slope_of_gelu = [](long double x) {
    const long double pi = std::acos(-1.0L);
    return .5L * std::erfc(-x * std::sqrt(.5L)) + x * std::exp(-x * x / 2) / std::sqrt(2 * pi);
  };
  const auto slope_of_tanh = [](long double x) { return 1 - std::tanh(x) * std::tanh(x); };
  const auto logistic = [](long double x) { return 1 / (1 + std::exp(-x)); };
  const auto slope_of_logistic = [&](long double x) { return logistic(x) * logistic(-x); };
  for (double size :
       {0., double(std::numeric_limits<T>::denorm_min()), double(std::numeric_limits<T>::min()) / 7, 1e-30,
        1e-9, 9.9e-6, 1.1e-5, 1e-3, .1, 1., 2., 5., 9., 30.})
    for (T x : {T(size), T(-size)}) {
      BOOST_TEST(derivative_error<T>([](const V& v) { return gelu(v); }, slope_of_gelu, x) < 8,
                 "gelu at " << x);
      BOOST_TEST(derivative_error<T>([](const V& v) { return tanh(v); }, slope_of_tanh, x) < 4,
                 "tanh at " << x);
      BOOST_TEST(derivative_error<T>([](const V& v) { return sigmoid(v); }, slope_of_logistic, x) < 4,
                 "sigmoid at " << x);
      BOOST_TEST(derivative_error<T>([](const V& v) { return softplus(v); }, logistic, x) < 4,
                 "softplus at " << x);
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(fused_test)

BOOST_AUTO_TEST_CASE(rows_of_all_widths_in_float) { compare_all<float>(&Case::in_float); }
BOOST_AUTO_TEST_CASE(rows_of_all_widths_in_double) { compare_all<double>(&Case::in_double); }

BOOST_AUTO_TEST_CASE(derivatives_in_float) { check_derivatives<float>(); }
BOOST_AUTO_TEST_CASE(derivatives_in_double) { check_derivatives<double>(); }

BOOST_AUTO_TEST_SUITE_END()
