#include <cstdio>

#include "toolbox.hpp"

using namespace toolbox;

namespace {

void the_format() {
  show::section("What half precision can hold");
  show::expect("65504 in half", round_to_half(65504.), 65504);
  show::expect_true("65520 in half is infinite", std::isinf(round_to_half(65520.)));
  show::expect("2^-24 and 2^-25 in half",
               {round_to_half(std::ldexp(1, -24)), round_to_half(std::ldexp(1, -25))},
               {std::ldexp(1, -24), 0}, 1e-12);
  show::expect("1 + 2^-10 and 1 + 2^-11",
               {round_to_half(1 + std::ldexp(1, -10)), round_to_half(1 + std::ldexp(1, -11))},
               {1.0009765625, 1});
  double half = 0, exact = 0;
  for (const double x : {300., -300., 299., 1.}) {
    half = round_to_half(half + round_to_half(x * x));
    exact += x * x;
  }
  show::expect("the squares of (300, -300, 299, 1) sum to", exact, 269402);
  show::expect_true("in half the sum is infinite", std::isinf(half));
}

/// LN of one row, with every intermediate result rounded to half, as naive kernels would have it.
std::vector<double> layer_norm_in_half(const std::vector<double>& x) {
  const auto r = [](double v) { return round_to_half(v); };
  const double n = double(x.size());
  double mean = 0, variance = 0;
  for (const double v : x) mean = r(mean + v);
  mean = r(mean / n);
  for (const double v : x) variance = r(variance + r(r(v - mean) * r(v - mean)));
  variance = r(variance / n);
  std::vector<double> y;
  for (const double v : x) y.push_back(r(r(v - mean) / r(std::sqrt(r(variance + 1e-5)))));
  return y;
}

void layer_norm_statistics() {
  show::section("LayerNorm's statistics in half");
  for (const std::vector<double>& x : {std::vector<double>{300, -300, 299, 1}, {.003, -.001, .002, 0}}) {
    auto row = empty<float>({1, 4});
    std::copy(x.begin(), x.end(), row.data());
    const auto right = round_to_half(layer_norm<float>(row).value());
    std::cout << "x = " << show::text(x) << '\n';
    std::cout << "  statistics in half:  " << show::text(layer_norm_in_half(x), 4) << '\n';
    std::cout << "  statistics in float: " << show::text(show::entries(right), 4) << '\n';
  }
  const auto lost = layer_norm_in_half({300, -300, 299, 1});
  show::expect_true("an infinite variance makes every answer 0", lost == std::vector<double>{0, -0., 0, 0});
}

// --- training ----------------------------------------------------------------------------------------------

struct Precision {
  std::string name;
  bool half;
  double scale;       // of the loss, against lost gradients
  double shrink = 1;  // the loss is multiplied by this: a stand-in for a model with tiny gradients
};

/// Test accuracy; 0 when the training diverges or nothing is learnt for lack of finite numbers.
double accuracy(const Precision& p, std::uint64_t seed) {
  NetworkOptions options;
  options.half = p.half;
  auto model = network(options, seed);
  const auto parameters = model.parameters();
  const Data train = training_images(500, seed), test = test_images(seed);
  SGD<float> optimizer(parameters, .05 / p.shrink, SgdOptions{.9});
  Rng rng(seed);
  // [step]
  LossScale scale(p.scale);
  for (int epoch = 0; epoch < (show::quick ? 3 : 15); ++epoch)
    for (const auto& batch : Batches<float>(train, 32, rng)) {
      optimizer.zero_grad();
      {
        const HalfWeights<float> half(p.half ? parameters : Parameters<float>{});
        Tape<float> tape;
        const auto loss = cross_entropy(model(batch.x), batch.labels) * V(float(p.shrink));
        (loss * V(float(scale.factor()))).backward();
      }  // the master weights are back
      if (p.half && !scale.unscale(parameters)) continue;
      optimizer.step();
    }
  // [/step]
  return evaluate(model, test).accuracy();
}

void mixed_precision() {
  show::section("Training in half precision, emulated");
  const auto measure = [](const Precision& p) {
    const auto values = show::over_seeds([&](std::uint64_t seed) { return accuracy(p, seed); });
    std::printf("%-50s%16s\n", p.name.c_str(), spread(values).c_str());
    return values;
  };
  const double big = std::ldexp(1, 20);
  const auto single = measure({"float", false, 1});
  const auto scaled = measure({"half, loss times 1024", true, 1024});
  measure({"half, loss as it is", true, 1});
  const auto lost = measure({"half, loss shrunk by 10^-6", true, 1, 1e-6});
  const auto saved = measure({"half, loss shrunk by 10^-6, then times 2^20", true, big, 1e-6});
  show::experiment(
      {"E16",
       "half with loss scaling is within 4 points of float; tiny gradients are lost without it",
       {show::at_most("test accuracy: float minus half, scaled", differences(single, scaled), .04),
        show::at_most("test accuracy, tiny gradients, not scaled", lost, .5),
        show::at_most("test accuracy: float minus tiny gradients, scaled", differences(single, saved),
                      .05)}});
}

void dynamic_scale() {
  show::section("Dynamic loss scaling finds its factor");
  auto w = parameter(Array<float>{0});
  LossScale scale(std::ldexp(1, 24), 4);
  std::string factors;
  for (int step = 0; step < 24; ++step) {
    factors += " " + show::text(std::log2(scale.factor()));
    w.zero_grad();
    w.accumulate(Array<float>{3 * float(scale.factor())});  // the gradient is 3
    scale.unscale<float>({{"w", w}});
  }
  std::cout << "log2 of the factor, step by step, for a gradient of 3:" << factors << '\n';
  show::expect("steps skipped", double(scale.skipped()), 12);
}

}  // namespace

void half_precision() {
  the_format();
  layer_norm_statistics();
  mixed_precision();
  dynamic_scale();
}
