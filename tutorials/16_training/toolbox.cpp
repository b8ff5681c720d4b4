#include "toolbox.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace toolbox {

namespace {
/// y = f(f(…f(x))): the same parameters each time.
class Repeated : public Module<float> {
 public:
  Repeated(SwitchedBlock<float> block, std::size_t times) : block_(std::move(block)), times_(times) {}
  V forward(const V& x) override {
    V y = x;
    for (std::size_t i = 0; i < times_; ++i) y = block_(y);
    return y;
  }
  std::vector<Part<float>> parts() override { return {{"block", block_}}; }
  std::string describe() const override { return "Repeated(" + std::to_string(times_) + ")"; }

 private:
  SwitchedBlock<float> block_;
  std::size_t times_;
};

Function<float> rounding(bool half) {
  return half ? Function<float>("half", through_half<float>) : activation<float>("identity");
}
}  // namespace

Sequential<float> network(const NetworkOptions& options, std::uint64_t seed) {
  Rng rng(seed);
  const auto linear = [&](std::size_t in, std::size_t out, const Init& init) {
    return Sequential<float>{rounding(options.half), Linear<float>(in, out, init, rng),
                             rounding(options.half)};
  };
  const auto block = [&] {
    Sequential<float> f{linear(width, width, Init::he_normal()), activation<float>("relu")};
    return SwitchedBlock<float>(std::move(f), width, options.switches);
  };
  Sequential<float> model;
  model.add(Function<float>("flatten", [](const V& x) { return reshape(x, {-1, 100}); }));
  model.add(Dropout<float>(options.input_dropout, rng));
  model.add(linear(100, width, Init::uniform_fan_in())).add(activation<float>("relu"));
  if (options.shared) model.add(Repeated(block(), options.blocks));
  for (std::size_t i = 0; i < options.blocks && !options.shared; ++i) model.add(block());
  if (options.switches.norm) model.add(LayerNorm<float>(width));
  model.add(linear(width, 10, Init::uniform_fan_in()));
  return model;
}

Data training_images(std::size_t n, std::uint64_t seed) { return small_digits<float>(n, seed); }
Data test_images(std::uint64_t seed) { return small_digits<float>(1000, 1000 + seed); }

std::function<std::unique_ptr<Optimizer<float>>(const Parameters<float>&)> Recipe::adam(double rate) {
  return [=](const Parameters<float>& p) { return std::make_unique<Adam<float>>(p, rate); };
}

// [run]
Outcome run(const Recipe& recipe, std::uint64_t seed, Sequential<float>& model) {
  Data train = training_images(recipe.images, seed);
  const Data test = test_images(seed);
  Rng rng(seed);
  for (auto& label : train.labels)
    if (rng.uniform() < recipe.label_noise) label = std::int64_t(rng.below(10));

  const auto optimizer = recipe.optimizer(model.parameters());
  TrainerOptions options = recipe.trainer;
  options.epochs = recipe.epochs;
  options.seed = seed;
  options.schedule = recipe.schedule;
  Trainer<float> trainer(model, *optimizer, options);
  trainer.validate = [&] {
    const Evaluation e = evaluate(model, test);
    return Measures{{"loss", e.loss}, {"accuracy", e.accuracy()}};
  };
  const History history = trainer.fit(train.size(), [&](const Batch& batch) {
    Data some = samples(train, batch);
    if (recipe.change) some = recipe.change(some, model, rng);
    return cross_entropy(model(some.x), some.labels, {-100, recipe.label_smoothing});
  });
  return {evaluate(model, train).accuracy(), history.measure("accuracy").back(),
          history.measure("loss").back(), history};
}
// [/run]

Outcome run(const Recipe& recipe, std::uint64_t seed) {
  auto model = network(recipe.network, seed);
  return run(recipe, seed, model);
}

std::vector<Outcome> over_seeds(const Recipe& recipe) {
  std::vector<Outcome> outcomes;
  for (std::uint64_t seed = 1; seed <= (show::quick ? 1 : 3); ++seed) outcomes.push_back(run(recipe, seed));
  return outcomes;
}

std::vector<double> column(const std::vector<Outcome>& outcomes, double Outcome::*what) {
  std::vector<double> values;
  for (const auto& outcome : outcomes) values.push_back(outcome.*what);
  return values;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.) / double(values.size());
}

std::string spread(const std::vector<double>& values, int decimals) {
  const double m = mean(values);
  double squares = 0;
  for (const double v : values) squares += (v - m) * (v - m);
  char text[60];
  std::snprintf(text, sizeof text, "%.*f ± %.*f", decimals, m, decimals,
                std::sqrt(squares / std::max(1., double(values.size()) - 1)));
  return text;
}

std::vector<double> differences(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> result;
  for (std::size_t i = 0; i < a.size(); ++i) result.push_back(a[i] - b[i]);
  return result;
}

}  // namespace toolbox
