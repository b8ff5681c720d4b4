// The recorders, which look inside a model while it trains, against closed forms and hand-made steps.

#include "xgrad/probe/recorder.hpp"

#include <cmath>

#include "errors.hpp"
#include "temporary_file.hpp"
#include "xgrad/nn/language_model.hpp"
#include "xgrad/probe/residual_gradient.hpp"
#include "xgrad/probe/units.hpp"
#include "xgrad/train/trainer.hpp"

using namespace xgrad;

BOOST_AUTO_TEST_SUITE(recorder_test)

const auto exact = boost::test_tools::tolerance(1e-12);

Function<double> times(double factor) {
  return Function<double>("times", [=](const Variable<double>& x) { return factor * x; });
}

template <class T>
std::vector<std::string> names(Module<T>& model, Watch watch = Watch::layers) {
  std::vector<std::string> result;
  for (const auto& module : watched_modules(model, watch)) result.push_back(module.name);
  return result;
}

BOOST_AUTO_TEST_CASE(which_modules_are_watched) {
  using Names = std::vector<std::string>;
  Rng rng(1);
  Sequential<double> model(times(2), Sequential<double>(times(3), Residual<double>(times(4))));
  BOOST_TEST((names(model) == Names{"0", "1.0", "1.1"}));
  BOOST_TEST((names(model, Watch::all) == Names{"0", "1", "1.0", "1.1", "1.1.branch"}));
  auto alone = times(2);
  BOOST_TEST((names(alone) == Names{"model"}));
  LanguageModelOptions options;
  options.vocabulary = 5;
  options.d = 8;
  options.layers = 2;
  LanguageModel<float> language(options, rng);
  BOOST_TEST((names(language) == Names{"embedding", "layers.0", "layers.1", "norm", "head"}));
}

// y₁ = 2x, y₂ = 3y₁, y₃ = 5y₂ = L's slope 7: values 2, 6, 30 times the RMS of x; gradients 7·15, 7·5, 7.
BOOST_AUTO_TEST_CASE(flow_through_a_stack) {
  Sequential<double> model(times(2), times(3), times(5));
  FlowRecorder<double> flow(model);
  const auto x = parameter(Array<double>{3, -4});  // RMS √12.5
  for (int step = 0; step < 2; ++step) {
    Tape<double> tape;
    tape.backward(model(x), full<double>({2}, 7));
    flow.step();
  }
  {
    model(Variable<double>(full<double>({2}, 1e9)));  // an evaluation does not count, without a tape
    Tape<double> tape;
    const NoGrad pause;  // or with one that pauses
    model(x);
  }
  flow.step();
  BOOST_REQUIRE(flow.values().rows.size() == 3u);
  const double values[] = {2, 6, 30}, gradients[] = {105, 35, 7};
  for (std::size_t step = 0; step < 2; ++step)
    for (std::size_t i = 0; i < 3; ++i) {
      BOOST_TEST(std::pow(10, flow.values().rows[step][i]) == values[i] * std::sqrt(12.5), exact);
      BOOST_TEST(std::pow(10, flow.gradients().rows[step][i]) == gradients[i], exact);
    }
  BOOST_TEST(std::isnan(flow.values().rows[2][0]));
  BOOST_TEST(std::isnan(flow.gradients().rows[2][2]));
}

// One module at two places: the RMS over both outputs, 2 and 4 times (1, 1) and of gradients 6 and 3.
BOOST_AUTO_TEST_CASE(a_layer_that_runs_twice) {
  auto twice = times(2);
  FlowRecorder<double> flow(twice);
  Tape<double> tape;
  const auto x = parameter(Array<double>{1, 1});
  tape.backward(twice(twice(x)), full<double>({2}, 3));
  flow.step();
  BOOST_TEST(std::pow(10, flow.values().rows[0][0]) == std::sqrt(10.), exact);      // √((4 + 16)/2)
  BOOST_TEST(std::pow(10, flow.gradients().rows[0][0]) == std::sqrt(22.5), exact);  // √((36 + 9)/2)
}

// Against hidden_states, at the embedding and at every layer; the training itself is not disturbed.
BOOST_AUTO_TEST_CASE(flow_through_a_language_model) {
  LanguageModelOptions options;
  options.vocabulary = 7;
  options.d = 8;
  options.heads = 2;
  options.layers = 2;
  Rng rng(3);
  LanguageModel<float> model(options, rng);
  const Indices text{{1, 2, 3, 4}, {6, 5, 0, 1}};
  const auto weights = rng.normal<float>({2, 4, 7});
  const auto pass = [&](const std::function<void()>& then) {
    model.zero_grad();
    Tape<float> tape;
    sum(Variable<float>(weights) * model(text)).backward();
    then();
    return model.head.weight.grad();
  };
  const auto alone = pass([] {});
  FlowRecorder<float> flow(model);
  UnitRecorder<float> units(model);
  const auto watched = pass([&] { flow.step(), units.step(); });
  BOOST_TEST((alone == watched));

  Tape<float> tape;
  std::vector<Variable<float>> states{model.embedding(text)};
  for (auto& layer : model.layers) states.push_back(layer(states.back()));
  states.push_back(model.norm(states.back()));
  states.push_back(model.head(states.back()));
  tape.backward(states.back(), weights);
  BOOST_TEST((flow.values().rows[0] == log10_values(states)));
  BOOST_TEST((flow.gradients().rows[0] == log10_gradients(states)));
  BOOST_TEST((units.dead().names == std::vector<std::string>{"layers.0.feed_forward.activation",
                                                             "layers.1.feed_forward.activation"}));
}

BOOST_AUTO_TEST_CASE(tables) {
  const TemporaryFile file(".csv");
  StepTable table{{"a", "b"}, {{1, -.5}, {2, 0}}};
  BOOST_TEST((table.column("b") == std::vector<double>{-.5, 0}));
  BOOST_TEST((table.last("x/") == Scalars{{"x/a", 2}, {"x/b", 0}}));
  table.save_csv(file.path);
  BOOST_TEST(file.read() == "step,a,b\n1,1,-0.5\n2,2,0\n");
  rejects("[step_table] there is no column 'c': there are a, b", [&] { table.column("c"); });
  rejects("[step_table] there is no row yet", [] { StepTable{}.last(); });
}

// SGD: Δθ = -η g. Weight (3, 4), so ‖θ‖ = 5; g = (6, 8).
BOOST_AUTO_TEST_CASE(updates_of_sgd) {
  const Parameters<double> parameters{{"w", parameter(Array<double>{3, 4})},
                                      {"bias", parameter(zeros<double>({1}))},
                                      {"unused", parameter(Array<double>{1})}};
  UpdateRecorder<double> updates(parameters);
  SGD<double> optimizer(parameters, .01);
  for (int step = 0; step < 2; ++step) {
    optimizer.zero_grad();
    Tape<double> tape;
    const auto& w = parameters[0].variable;
    (sum(w * w) + sum(parameters[1].variable)).backward();
    optimizer.step();
    updates.step();
  }
  BOOST_TEST((updates.ratios().names == std::vector<std::string>{"w", "bias", "unused"}));
  const auto ratio = updates.ratios().column("w"), gradient = updates.gradients().column("w");
  for (std::size_t step = 0; step < 2; ++step) {  // g = 2θ: the ratio is 2η, and θ shrinks by 1 - 2η
    BOOST_TEST(ratio[step] == std::log10(.02), exact);
    BOOST_TEST(std::pow(10, gradient[step]) == std::sqrt(50.) * std::pow(.98, double(step)), exact);
  }
  BOOST_TEST(updates.ratios().rows[0][1] == std::numeric_limits<double>::infinity());  // from 0 to -.01
  BOOST_TEST(updates.ratios().rows[1][1] == 0, boost::test_tools::tolerance(1e-9));
  BOOST_TEST(updates.ratios().rows[0][2] == -std::numeric_limits<double>::infinity());
  BOOST_TEST(std::isnan(updates.gradients().rows[0][2]));
}

BOOST_AUTO_TEST_CASE(with_a_trainer) {
  Rng rng(4);
  Sequential<float> model(Linear<float>(3, 4, Init::named("xavier_uniform"), rng), activation<float>("relu"),
                          Linear<float>(4, 1, Init::named("xavier_uniform"), rng));
  const auto x = rng.normal<float>({8, 3});
  SGD<float> optimizer(model.parameters(), .1);
  TrainerOptions options;
  options.epochs = 3;
  options.batch = 4;
  Trainer<float> trainer(model, optimizer, options);
  FlowRecorder<float> flow(model);
  UpdateRecorder<float> updates(model.parameters());
  trainer.validate = [&] { return Measures{{"loss", mean(model(Variable<float>(x))).item()}}; };
  trainer.on_step = [&](const History&) { flow.step(), updates.step(); };
  const auto history = trainer.fit(8, [&](const Batch&) {
    return mse_loss(model(Variable<float>(x)), zeros<float>({8, 1}));
  });
  BOOST_REQUIRE(flow.gradients().rows.size() == 6u);
  BOOST_REQUIRE(updates.ratios().rows.size() == 6u);
  for (std::size_t step = 0; step < 6; ++step) {
    for (double entry : flow.gradients().rows[step]) BOOST_TEST(std::isfinite(entry));
    double squares = 0;  // the parameters' gradients make up the norm that the trainer reports
    for (std::size_t i = 0; i < updates.gradients().names.size(); ++i)
      squares +=
          double(model.parameters()[i].variable.size()) * std::pow(10, 2 * updates.gradients().rows[step][i]);
    BOOST_TEST(std::sqrt(squares) == history.gradient_norm[step], boost::test_tools::tolerance(1e-5));
  }
}

// y = x + Ax, g: the branch's gradient is Aᵀg. A = [[0, 2], [0, 0]], g = (1, 3): Aᵀg = (0, 2).
BOOST_AUTO_TEST_CASE(residual_gradient_of_a_linear_branch) {
  Rng rng(5);
  Linear<double> branch(2, 2, Init::named("xavier_uniform"), rng, Bias::no);
  branch.weight.mutable_value() = Array<double>{{0, 2}, {0, 0}};
  Residual<double> block(std::move(branch));
  const Array<double> x{5, 7}, g{1, 3};
  const auto r = residual_gradient(block, x, g);
  BOOST_TEST(r.identity == std::sqrt(10.), exact);
  BOOST_TEST(r.branch == 2, exact);
  BOOST_TEST(r.cosine == 3 / std::sqrt(10.), exact);
  BOOST_TEST(r.share == 10. / 14, exact);
  const Array<double> dx = input_gradient(block, x, g);
  BOOST_TEST(std::pow(10, 2 * log10_norm(dx)) == 10 + 4 + 2 * r.cosine * r.identity * r.branch, exact);

  const auto tiny = residual_gradient(Array<double>{1e-200, 0}, Array<double>{1e-200, 3e-200});
  BOOST_TEST(tiny.share == .1, exact);
  BOOST_TEST(tiny.cosine == 0);
  BOOST_TEST(std::isnan(residual_gradient(Array<double>{0.}, Array<double>{0.}).share));
  rejects("[residual_gradient] dy is (1,), dx is (2,)",
          [] { residual_gradient(zeros<double>({1}), zeros<double>({2})); });
}

// x + cx in a row: the share is 1/(1 + c²) in every step, the cosine the sign of c.
BOOST_AUTO_TEST_CASE(identity_shares_of_a_stack) {
  Sequential<double> model(Residual<double>(times(.5)), Residual<double>(times(-2)),
                           Function<double>("sum", [](const Variable<double>& x) { return sum(x); }));
  ResidualRecorder<double> residual(model);
  for (int step = 0; step < 2; ++step) {
    Tape<double> tape;
    model(parameter(Array<double>{1, -2, 4})).backward();
    residual.step();
  }
  BOOST_REQUIRE(residual.shares().rows.size() == 2u);
  for (std::size_t step = 0; step < 2; ++step) {
    BOOST_TEST(residual.shares().rows[step][0] == .8, exact);
    BOOST_TEST(residual.shares().rows[step][1] == .2, exact);
    BOOST_TEST(residual.cosines().rows[step][0] == 1, exact);
    BOOST_TEST(residual.cosines().rows[step][1] == -1, exact);
    BOOST_TEST(std::isnan(residual.shares().rows[step][2]));  // the shape changes
  }
  Sequential<double> one(Residual<double>(times(.5)));
  ResidualRecorder<double> twice(one);
  Tape<double> tape;
  tape.backward(one(one(parameter(Array<double>{1, 2}))), Array<double>{1, 1});
  twice.step();
  BOOST_TEST(std::isnan(twice.shares().rows[0][0]));
}

BOOST_AUTO_TEST_CASE(saturated_and_dead_shares) {
  BOOST_TEST(saturated_share(Array<double>{.98, -.995, 1, 0}) == .5);
  BOOST_TEST(saturated_share(Array<double>{.98, -.995, 1, 0}, -1, 1, .9) == .75);
  BOOST_TEST(saturated_share(Array<float>{.996f, .004f, .994f, .5f}, 0, 1) == .5);  // sigmoid: .005 and .995
  BOOST_TEST(std::isnan(saturated_share(zeros<double>({0}))));
  rejects("[saturated_share] the range is 1 to 1", [] { saturated_share(zeros<double>({2}), 1, 1); });

  const Array<double> y{{0, 2, 0}, {0, 0, 0}};
  BOOST_TEST(dead_share(y) == 2. / 3, exact);
  BOOST_TEST(dead_share(y, 0) == .5);
  const Array<double> images{{{{0, 0}}, {{1, 2}}}, {{{0, 0}}, {{0, 0}}}};  // (2, 2, 1, 2)
  BOOST_TEST(dead_share(images, 1) == .5);
  Sequential<double> model(activation<double>("relu"));
  UnitRecorder<double> units(model);
  Tape<double> tape;
  for (int call = 0; call < 2; ++call)
    model(parameter(Array<double>{{{{0, 1}}, {{0, 0}}, {{-1, 0}}}, {{{0, 0}}, {{0, 0}}, {{0, 0}}}}));
  units.step();
  BOOST_TEST(units.dead().rows[0][0] == 2. / 3, exact);  // of the channels
  rejects("[dead_share]", [] { dead_share(zeros<double>({0, 3})); });
  BOOST_CHECK_THROW(dead_share(y, 2), Error);
}

// (-1, 2, -3) leaves one of three ReLUs alive; of sigmoid(-9, 4.8, 3) one is saturated, as 0.992 is below
// 0.995; of tanh(-9, 0.1, 9) two are.
BOOST_AUTO_TEST_CASE(units_of_a_model) {
  const auto fixed = [](Array<float> value) {
    return Function<float>("fixed",
                           [=](const Variable<float>& x) { return 0.f * x + Variable<float>(value); });
  };
  Sequential<float> model(fixed({-1, 2, -3}), activation<float>("relu"), fixed({-9, 4.8f, 3}),
                          activation<float>("sigmoid"), fixed({-9, .1f, 9}), activation<float>("tanh"),
                          Residual<float>(activation<float>("relu")));
  UnitRecorder<float> units(model);
  Tape<float> tape;
  sum(model(parameter(zeros<float>({5, 3})))).backward();
  units.step();
  BOOST_TEST((units.dead().names == std::vector<std::string>{"1", "6.branch"}));
  BOOST_TEST((units.saturated().names == std::vector<std::string>{"3", "5"}));
  BOOST_TEST(units.dead().rows[0][0] == 2. / 3, exact);
  BOOST_TEST(units.dead().rows[0][1] == 1. / 3, exact);
  BOOST_TEST(units.saturated().rows[0][0] == 1. / 3, exact);
  BOOST_TEST(units.saturated().rows[0][1] == 2. / 3, exact);
}

BOOST_AUTO_TEST_SUITE_END()
