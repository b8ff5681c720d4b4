// What normalisations promise as modules: who depends on whom, in which mode, and what is kept.
#include <boost/test/unit_test.hpp>

#include "differences.hpp"
#include "xgrad/xgrad.hpp"

using namespace xgrad;
using A = Array<double>;
using V = Variable<double>;

namespace {

/// How much the first sample's output changes when it is alone.
double change_when_alone(Module<double>& module, const A& x) {
  const V together = slice(module(V(x)), 0, 0, 1), alone = module(slice(V(x), 0, 0, 1));
  return largest_difference(together.value(), alone.value());
}

const std::vector<std::string> of_images{"batch", "channel", "instance", "group"};

}  // namespace

BOOST_AUTO_TEST_SUITE(norms_test)

BOOST_AUTO_TEST_CASE(only_batch_norm_mixes_samples) {
  const A images = Rng(1).normal<double>({4, 8, 3, 3}, 1, 2);
  for (const auto& name : of_images) {
    const auto module = normalisation<double>(name, 8);
    const double change = change_when_alone(*module, images);
    BOOST_TEST((name == "batch" ? change > .1 : change < 1e-12), name << " changes by " << change);
    module->train(false);
    BOOST_TEST(change_when_alone(*module, images) < 1e-12, name << " in evaluation mode");
  }
  const A rows = Rng(2).normal<double>({4, 8});
  for (const char* name : {"layer", "rms"}) {
    const auto module = normalisation<double>(name, 8);
    BOOST_TEST(change_when_alone(*module, rows) < 1e-12, name);
  }
}

BOOST_AUTO_TEST_CASE(each_has_mean_0_and_variance_1_over_its_own_axes) {
  const V x = Rng(3).normal<double>({4, 8, 3, 3}, 5, 2);
  const std::vector<Axes> axes{{0, 2, 3}, {1}, {2, 3}};
  for (std::size_t which = 0; which < axes.size(); ++which)
    for (std::size_t other = 0; other < axes.size(); ++other) {
      if (axes[which] == Axes{2, 3} && axes[other] == Axes{0, 2, 3}) continue;  // in each sample, so in all
      const V y = (*normalisation<double>(of_images[which], 8))(x);
      const V means = abs(mean(y, axes[other])), off = abs(variance(y, axes[other]) - V(1.));
      const double largest = std::max(max(means).item(), max(off).item());
      BOOST_TEST((which == other ? largest < 1e-4 : largest > .05),
                 of_images[which] << " over the axes of " << of_images[other] << ": " << largest);
    }
}

BOOST_AUTO_TEST_CASE(every_normalisation_can_stand_where_another_stood) {
  for (const char* name : {"layer", "rms", "batch", "channel", "group"}) {
    Rng rng(4);
    const auto norm = normalisation<double>(name, 8);
    Linear<double> first(3, 8, Init::he_normal(), rng), last(8, 2, Init::he_normal(), rng);
    const V x = rng.normal<double>({5, 3});
    Tape<double> tape;
    sum(last((*norm)(first(x))) * V(rng.normal<double>({5, 2}))).backward();
    BOOST_TEST(first.weight.has_grad(), name);
    for (const auto& p : norm->parameters()) BOOST_TEST(p.variable.has_grad(), name << " " << p.name);
  }
}

BOOST_AUTO_TEST_CASE(batch_norm_keeps_its_running_statistics_as_buffers) {
  BatchNorm<double> module(2);
  const auto buffers = module.buffers();
  BOOST_REQUIRE_EQUAL(buffers.size(), 2u);
  BOOST_TEST(buffers[0].name == "running_mean");
  BOOST_TEST(buffers[1].name == "running_variance");
  BOOST_TEST(module.parameter_count() == 4u);
  {
    NoGrad pause;  // recording is one thing, training mode another
    module(V(A{{1, 0}, {3, 0}}));
  }
  BOOST_TEST(module.running_mean(0) == .1 * 2);  // mean 2, variance with divisor n - 1: 2
  BOOST_TEST(std::abs(module.running_variance(0) - (.9 + .1 * 2)) < 1e-15);
  const A before = module.running_variance;
  summary(module, {1, 2});  // evaluation mode
  module.train(false);
  module(V(A{{5, 5}}));
  BOOST_TEST(module.running_variance == before);
}

BOOST_AUTO_TEST_CASE(adaptive_layer_norm_starts_as_layer_norm) {
  const V x = Rng(5).normal<double>({3, 6}, 2, 3);
  const A plain = layer_norm(x).value();
  BOOST_TEST(
      largest_difference(AdaptiveLayerNorm<double>(6, RowStatistics::log_deviation)(x).value(), plain) == 0);
  BOOST_TEST(
      largest_difference(AdaptiveLayerNorm<double>(6, 4)(x, V(full<double>({4}, 9.))).value(), plain) == 0);
}

BOOST_AUTO_TEST_CASE(a_frozen_standardisation_is_that_of_its_training_set) {
  const A data{{1, 7}, {2, 7}, {3, 7}};
  FrozenStandardize<double> module(2);
  module.fit(data);
  BOOST_TEST(module.parameter_count() == 0u);
  BOOST_TEST(module.buffers().size() == 2u);
  const double deviation = std::sqrt(2. / 3);
  const A y = module(V(A{{1, 7}, {5, 9}})).value();
  BOOST_TEST(largest_difference(y, A{{-1 / deviation, 0}, {3 / deviation, 2}}) < 1e-15);
}

BOOST_AUTO_TEST_SUITE_END()
