// The engine with another scalar: all definitions compile for dual numbers, and reverse over forward gives
// the Hessian times a vector, here held against central differences of the double engine's gradients.
#define BOOST_TEST_MODULE dual
#include <boost/test/unit_test.hpp>

#include "dual.hpp"
#include "xgrad/xgrad.hpp"

using namespace xgrad;

namespace {

template <class T>
Array<T> gradient(const std::function<Variable<T>(const Variable<T>&)>& f, const Array<T>& at) {
  auto x = parameter(at);
  Tape<T> tape;
  tape.backward(f(x));
  return x.grad();
}

template <class F>
void check_hessian_vector_product(const char* name, F f, const Shape& shape) {
  BOOST_TEST_CONTEXT(name) {
    Rng rng(3);
    const auto x = rng.normal<double>(shape), v = rng.normal<double>(shape);
    auto dual = empty<Dual>(shape);
    for (std::size_t i = 0; i < x.size(); ++i) dual.data()[i] = {x.data()[i], v.data()[i]};
    const auto forward = gradient<Dual>([&](const auto& a) { return f(a); }, dual);

    const double h = 1e-5;
    auto up = x, down = x;
    for (std::size_t i = 0; i < x.size(); ++i) {
      up.data()[i] += h * v.data()[i];
      down.data()[i] -= h * v.data()[i];
    }
    const auto above = gradient<double>([&](const auto& a) { return f(a); }, up);
    const auto below = gradient<double>([&](const auto& a) { return f(a); }, down);
    double largest = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double difference = (above.data()[i] - below.data()[i]) / (2 * h);
      largest = std::max(largest, std::abs(difference));
      BOOST_TEST(
          std::abs(forward.data()[i].tangent - difference) < 1e-7 * std::max(1.0, std::abs(difference)),
          forward.data()[i].tangent << " against " << difference);
    }
    BOOST_TEST(largest > 1e-3);  // a second derivative that is 0 would test nothing
  }
}

template <class T>
Variable<T> weigh(const Variable<T>& y) {  // a random but fixed loss
  return sum(y * Variable<T>(Rng(5).normal<T>(y.shape())));
}

}  // namespace

BOOST_AUTO_TEST_CASE(hessian_vector_products) {
  check_hessian_vector_product("exp, tanh, mul", [](const auto& x) { return sum(exp(x) * tanh(x)); }, {2, 3});
  check_hessian_vector_product("gelu", [](const auto& x) { return weigh(gelu(x)); }, {7});
  check_hessian_vector_product("gelu_tanh, sigmoid, softplus",
                               [](const auto& x) { return weigh(gelu_tanh(x) + sigmoid(x) * softplus(x)); },
                               {7});
  check_hessian_vector_product(
      "sqrt, log, div", [](const auto& x) { return weigh(sqrt(exp(x)) / log(exp(x) + exp(-x))); }, {5});
  check_hessian_vector_product("softmax", [](const auto& x) { return weigh(softmax(x)); }, {2, 4});
  check_hessian_vector_product("log_softmax, logsumexp",
                               [](const auto& x) {
                                 return weigh(log_softmax(x)) + weigh(logsumexp(x, {0})) +
                                        weigh(logsumexp(x, {-1}));
                               },
                               {3, 4});
  check_hessian_vector_product("layer_norm", [](const auto& x) { return weigh(layer_norm(x)); }, {2, 5});
  check_hessian_vector_product("batch_norm", [](const auto& x) { return weigh(batch_norm(x).y); }, {4, 2, 3});
  check_hessian_vector_product("rms_norm", [](const auto& x) { return weigh(rms_norm(x)); }, {2, 5});
  check_hessian_vector_product("channel_layer_norm",
                               [](const auto& x) { return weigh(channel_layer_norm(x)); }, {2, 4, 3});
  check_hessian_vector_product("group_norm", [](const auto& x) { return weigh(group_norm(x, 2)); },
                               {2, 4, 3});
  check_hessian_vector_product("variance", [](const auto& x) { return weigh(pow(variance(x, {1}), 2)); },
                               {3, 4});
  check_hessian_vector_product("matmul", [](const auto& x) { return weigh(matmul(x, transpose(x))); },
                               {3, 4});
  check_hessian_vector_product("attention", [](const auto& x) { return weigh(attention(x, x, x)); },
                               {2, 3, 4});
  check_hessian_vector_product("conv2d, avg_pool2d",
                               [](const auto& x) {
                                 return weigh(avg_pool2d(conv2d(x, slice(x, 3, 0, 3), {}, {2, 1}), 2));
                               },
                               {2, 2, 3, 4});
  check_hessian_vector_product("max_pool2d",
                               [](const auto& x) {
                                 return weigh(pow(max_pool2d(x, 2, {1, 1}), 3));
                               },
                               {1, 2, 3, 3});
  check_hessian_vector_product("cross_entropy",
                               [](const auto& x) {
                                 return cross_entropy(x, Indices{0, 2});
                               },
                               {2, 3});
}

BOOST_AUTO_TEST_CASE(composed_definitions) {
  check_hessian_vector_product("layer_norm", [](const auto& x) { return weigh(composed::layer_norm(x)); },
                               {2, 5});
  check_hessian_vector_product("attention", [](const auto& x) { return weigh(composed::attention(x, x, x)); },
                               {2, 3, 4});
  check_hessian_vector_product("conv2d",
                               [](const auto& x) {
                                 return weigh(composed::conv2d(x, slice(x, 3, 0, 3), {}, {2, 1}));
                               },
                               {2, 2, 3, 4});
  check_hessian_vector_product("log_softmax", [](const auto& x) { return weigh(composed::log_softmax(x)); },
                               {3, 4});
}

BOOST_AUTO_TEST_CASE(gelu_at_zero) {  // where its reverse pass replaces y/x; gelu''(0) = 2φ(0)
  auto at = empty<Dual>({1});
  at.data()[0] = {0, 1};
  const auto derivative = gradient<Dual>([](const auto& x) { return sum(gelu(x)); }, at).data()[0];
  BOOST_TEST(derivative.value == .5);
  BOOST_TEST(std::abs(derivative.tangent - std::sqrt(2 / std::acos(-1.0))) < 1e-15);
}
