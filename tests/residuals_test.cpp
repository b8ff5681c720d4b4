// Residual blocks that begin as the identity: their formulas, their gradients at the start, and Fixup's
// scale.
#include <boost/test/unit_test.hpp>

#include "errors.hpp"
#include "xgrad/xgrad.hpp"

using namespace xgrad;
using A = Array<double>;
using V = Variable<double>;

namespace {

FeedForward<double> branch() {
  Rng rng(1);
  return FeedForward<double>(4, 6, Init::he_normal(), rng, "tanh");
}

FixupBlock<double> fixup(std::size_t blocks, std::size_t matrices) {
  Rng rng(2);
  return FixupBlock<double>(4, blocks, Init::he_normal(), rng, matrices, "tanh");
}

const A x0 = Rng(3).normal<double>({5, 4}), dy = Rng(4).normal<double>({5, 4});

double largest(const A& a) {
  double result = 0;
  for (double entry : a) result = std::max(result, std::abs(entry));
  return result;
}

/// Puts `handles` in the places of the module's parameters, in their order.
void assign(Module<double>& module, const std::vector<V>& handles, std::size_t& next) {
  for (auto& part : module.parts()) {
    if (auto* variable = std::get_if<V*>(&part.what); variable && **variable) **variable = handles[next++];
    if (auto* inner = std::get_if<Module<double>*>(&part.what)) assign(**inner, handles, next);
  }
}

/// Gradients of x and of all parameters, away from their start, against central differences.
GradientCheck check(Module<double>& module) {
  Rng rng(5);
  std::vector<A> values{x0};
  for (auto& parameter : module.parameters()) {
    values.push_back(parameter.variable.value());
    for (double& entry : values.back()) entry += .5 * rng.normal();
  }
  return check_gradients<double>(
      [&](const std::vector<V>& inputs) {
        std::size_t next = 1;
        assign(module, inputs, next);
        return module(inputs[0]);
      },
      values);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(residuals_test)

BOOST_AUTO_TEST_CASE(gradients) {
  ScaledResidual<double> scaled(branch(), .3);
  FixupBlock<double> two = fixup(3, 2), three = fixup(3, 3);
  for (Module<double>* module : std::initializer_list<Module<double>*>{&scaled, &two, &three}) {
    const auto result = check(*module);
    BOOST_TEST(result.passed, module->describe() << ": " << result.report());
  }
}

BOOST_AUTO_TEST_CASE(scaled_residual_is_its_formula) {
  ScaledResidual<double> block(branch(), .3);
  const A expected = (V(x0) + V(.3) * branch()(V(x0))).value();
  BOOST_TEST(largest(block(V(x0)).value() - expected) < 1e-15);
  BOOST_TEST(block.describe() == "ScaledResidual(α = 0.3)");
  Rng rng(1);
  ScaledResidual<double> wide(Linear<double>(4, 3, Init::he_normal(), rng));
  check_error([&] { wide(V(x0)); }, {"[scaled_residual] x is (5, 4), the branch gives (5, 3)"});
}

BOOST_AUTO_TEST_CASE(rezero_begins_as_the_identity) {
  ScaledResidual<double> block(branch());
  const V x = parameter(x0);
  Tape<double> tape;
  const V y = block(x);
  BOOST_TEST(largest(y.value() - x0) == 0);
  y.backward(dy);
  BOOST_TEST(largest(x.grad() - dy) == 0);
  for (const auto& parameter : block.parameters())
    BOOST_TEST((largest(parameter.variable.grad()) > 0) == (parameter.name == "alpha"), parameter.name);
}

BOOST_AUTO_TEST_CASE(fixup_is_its_formula) {
  auto block = fixup(3, 2);
  Rng rng(6);
  for (auto& parameter : block.parameters())
    for (double& entry : parameter.variable.mutable_value()) entry += rng.normal();
  const V x = x0;
  const V expected =
      x + block.multiplier *
              linear(tanh(linear(x + block.before[0], block.layers[0].weight, V()) + block.activated[0]) +
                         block.before[1],
                     block.layers[1].weight, V());
  BOOST_TEST(largest(block(x).value() - expected.value()) < 1e-14);
  std::string names;
  for (const auto& parameter : block.parameters()) names += parameter.name + ' ';
  BOOST_TEST(names == "before.0 layers.0.weight activated.1 before.1 layers.1.weight multiplier ");
}

BOOST_AUTO_TEST_CASE(fixup_begins_as_the_identity_with_weights_scaled_by_depth) {
  for (const std::size_t matrices : {2, 3}) {
    auto one = fixup(1, matrices), many = fixup(16, matrices);
    BOOST_TEST(largest(many(V(x0)).value() - x0) == 0);
    for (std::size_t i = 0; i + 1 < matrices; ++i)  // 16^-½, and 16^-¼ each of two
      BOOST_TEST(largest(many.layers[i].weight.value() * (matrices == 2 ? 4. : 2.) -
                         one.layers[i].weight.value()) < 1e-15);
    BOOST_TEST(largest(one.layers[0].weight.value()) > 0);
    BOOST_TEST(largest(many.layers[matrices - 1].weight.value()) == 0);
  }
  rejects("[fixup] there are 1 matrices in each of 4 blocks", [] { fixup(4, 1); });
  rejects("[fixup] there are 2 matrices in each of 0 blocks", [] { fixup(0, 2); });
}

BOOST_AUTO_TEST_SUITE_END()
