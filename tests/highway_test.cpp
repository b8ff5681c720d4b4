// The highway connection: closed gates, open gates, gradients, and what is refused. And recurrent cells with
// another activation.
#include <boost/test/unit_test.hpp>

#include "differences.hpp"
#include "xgrad/xgrad.hpp"

using namespace xgrad;
using V = Variable<double>;

namespace {

Highway<double> block(double gate_bias, std::size_t out = 3) {
  Rng rng(1);
  Linear<double> f(3, out, Init::xavier_uniform(), rng);
  return Highway<double>(std::move(f), 3, Init::xavier_uniform(), rng, gate_bias);
}

const Array<double> x0{{1, 2, 3}, {-1, .5, 2}};

}  // namespace

BOOST_AUTO_TEST_SUITE(highway_test)

BOOST_AUTO_TEST_CASE(a_closed_gate_passes_x_and_an_open_one_f) {
  auto closed = block(-800), open = block(800);
  BOOST_TEST(largest_difference(closed(V(x0)).value(), x0) == 0);
  BOOST_TEST(largest_difference(open(V(x0)).value(), open.branch()(V(x0)).value()) < 1e-14);
}

BOOST_AUTO_TEST_CASE(it_is_the_published_mixture) {
  auto highway = block(-1);
  const V x(x0), t = sigmoid(highway.gate(x));
  const V mixture = t * highway.branch()(x) + (1 - t) * x;
  BOOST_TEST(largest_difference(highway(x).value(), mixture.value()) < 1e-15);
}

BOOST_AUTO_TEST_CASE(gradients) {
  const auto check = check_gradients<double>(
      [](const std::vector<V>& inputs) {
        auto highway = block(-1);
        highway.gate.weight = inputs[1];
        highway.gate.bias = inputs[2];
        return highway(inputs[0]);
      },
      {x0, Array<double>{{.1, -.2, .3}, {.4, .2, -.5}, {0, .3, .1}}, Array<double>{-1, -2, 0}});
  BOOST_TEST(check.passed, check.report());
}

BOOST_AUTO_TEST_CASE(names_and_errors) {
  auto highway = block(-1);
  std::string names;
  for (const auto& parameter : highway.parameters()) names += parameter.name + ' ';
  BOOST_TEST(names == "gate.weight gate.bias branch.weight branch.bias ");
  auto wide = block(-1, 4);
  BOOST_CHECK_EXCEPTION(wide(V(x0)), Error, [](const Error& error) {
    return std::string(error.what()) ==
           "[highway] x is (2, 3), the branch gives (2, 4): both must have the same shape to be mixed";
  });
}

BOOST_AUTO_TEST_CASE(a_recurrent_cell_with_another_activation) {
  Rng rng(1);
  RecurrentOptions options;
  options.activation = "relu";
  RNNCell<double> cell(3, 3, Init::xavier_uniform(), rng, options);
  const V x(x0), h(2 * x0);
  const V expected = relu(cell.input(x) + cell.state(h));
  BOOST_TEST(largest_difference(cell(x, h).value(), expected.value()) == 0);
  options.activation = "cosine";
  BOOST_CHECK_THROW(RNNCell<double>(3, 3, Init::xavier_uniform(), rng, options), Error);
}

BOOST_AUTO_TEST_SUITE_END()
