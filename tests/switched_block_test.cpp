// The block with two switches: its four forms, their parameters and gradients.
#include <boost/test/unit_test.hpp>

#include "xgrad/xgrad.hpp"

using namespace xgrad;
using A = Array<double>;
using V = Variable<double>;

namespace {

const A x0{{1, 2, 3}, {-1, .5, 2}}, dy{{1, -1, 2}, {.5, 2, -1}};

SwitchedBlock<double> block(Switches switches) {
  Rng rng(1);
  FeedForward<double> f(3, 5, Init::xavier_uniform(), rng, "tanh");
  return SwitchedBlock<double>(std::move(f), 3, switches);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(switched_block_test)

BOOST_AUTO_TEST_CASE(four_forms) {
  for (const bool residual : {false, true})
    for (const bool norm : {false, true}) {
      Rng rng(1);
      FeedForward<double> f(3, 5, Init::xavier_uniform(), rng, "tanh");
      auto switched = block({residual, norm});
      BOOST_TEST_CONTEXT(switched.describe()) {
        const V a = parameter(x0), b = parameter(x0);
        Tape<double> tape;
        const V y = switched(a);
        const V inner = f(norm ? layer_norm(b, V(), V()) : b);
        const V expected = residual ? b + inner : inner;
        y.backward(dy, Keep::yes);
        expected.backward(dy);
        for (std::size_t i = 0; i < x0.size(); ++i) {
          BOOST_TEST(y.value().data()[i] == expected.value().data()[i]);
          BOOST_TEST(a.grad().data()[i] == b.grad().data()[i]);
        }
        BOOST_TEST(switched.parameter_count() == 38 + (norm ? 6 : 0));
      }
    }
}

BOOST_AUTO_TEST_CASE(names) {
  auto both = block({});
  std::string names;
  for (const auto& parameter : both.parameters()) names += parameter.name + ' ';
  BOOST_TEST(
      names ==
      "norm.gamma norm.beta layer.first.weight layer.first.bias layer.second.weight layer.second.bias ");
  BOOST_TEST(both.describe() == "SwitchedBlock(residual + LN)");
  BOOST_TEST(block({true, false}).describe() == "SwitchedBlock(residual)");
  BOOST_TEST(block({false, true}).describe() == "SwitchedBlock(LN)");
  BOOST_TEST(block({false, false}).describe() == "SwitchedBlock(neither)");
}

BOOST_AUTO_TEST_CASE(a_residual_add_needs_one_width) {
  Rng rng(1);
  SwitchedBlock<double> wide(Linear<double>(3, 4, Init::xavier_uniform(), rng), 3, Switches{true, false});
  BOOST_CHECK_EXCEPTION(wide(V(x0)), Error, [](const Error& error) {
    return std::string(error.what()) ==
           "[switched_block] x is (2, 3), the layer gives (2, 4): both must have the same shape to be added";
  });
  SwitchedBlock<double> plain(Linear<double>(3, 4, Init::xavier_uniform(), rng), 3, Switches{false, true});
  BOOST_TEST(to_string(plain(V(x0)).shape()) == "(2, 4)");
}

BOOST_AUTO_TEST_SUITE_END()
