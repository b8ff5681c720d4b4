#include <algorithm>
#include <cmath>
#include <cstdio>

#include "toolbox.hpp"

using namespace toolbox;

namespace {

using Make = std::function<std::unique_ptr<Optimizer<float>>(const Parameters<float>&)>;

template <class O, class... Options>
Make make(double rate, Options... options) {
  return [=](const Parameters<float>& p) { return std::make_unique<O>(p, rate, options...); };
}

const SgdOptions momentum{.9};

// [optimisers]
const std::vector<std::pair<std::string, Make>> optimisers_to_try = {
    {"SGD 0.01", make<SGD<float>>(.01)},
    {"SGD 0.1", make<SGD<float>>(.1)},
    {"SGD, momentum, 0.01", make<SGD<float>>(.01, momentum)},
    {"SGD, momentum, 0.1", make<SGD<float>>(.1, momentum)},
    {"Adam 0.001", make<Adam<float>>(1e-3)},
    {"Adam 0.01", make<Adam<float>>(1e-2)},
    {"AdamW 0.001", make<AdamW<float>>(1e-3)},
    {"AdamW 0.01", make<AdamW<float>>(1e-2)},
    {"Adafactor 0.01", make<Adafactor<float>>(1e-2)},
    // AdamW for 120 steps, then SGD with momentum and 20 times the rate
    {"AdamW, then SGD", make<AdamWThenSGD<float>>(1e-3, HandOver{120, 20, momentum})}};
// [/optimisers]

void on_digits() {
  show::section("Optimisers on digits");
  std::printf("%-22s%16s%16s\n", "", "training", "test");
  std::vector<double> slow, fast;
  std::vector<show::Result> results;
  for (const auto& [name, optimizer] : optimisers_to_try) {
    Recipe recipe;
    recipe.optimizer = optimizer;
    const auto outcomes = over_seeds(recipe);
    const auto test = column(outcomes, &Outcome::test_accuracy);
    std::printf("%-22s%16s%16s\n", name.c_str(), spread(column(outcomes, &Outcome::train_accuracy)).c_str(),
                spread(test).c_str());
    if (name == "SGD 0.01") slow = test;
    if (name == "SGD 0.1") fast = test;
    if (name.rfind("Ada", 0) == 0) results.push_back(show::above(name + ", test accuracy", test, .5));
  }
  show::experiment(
      {"E13",
       "the best rate is the optimiser's own: SGD needs about a hundred times Adam's",
       {show::above("SGD, test accuracy: rate 0.1 minus rate 0.01", differences(fast, slow), 0)}});
}

// [schedules]
std::vector<std::pair<std::string, Schedule>> schedules_to_try(std::size_t steps) {
  return {{"constant", schedule::constant(3e-3)},
          {"step", schedule::step(3e-3, steps / 3)},
          {"linear", schedule::linear(3e-3, steps)},
          {"cosine", schedule::cosine(3e-3, steps)},
          {"warm-up, cosine", schedule::warm_up(steps / 10, schedule::cosine(3e-3, steps - steps / 10))}};
}
// [/schedules]

void on_schedules() {
  show::section("Schedules");
  std::printf("Adam from 0.003, 240 steps\n%-20s%10s%10s%10s%16s\n", "", "step 0", "120", "239", "test");
  for (const auto& [name, schedule] : schedules_to_try(240)) {
    Recipe recipe;
    recipe.schedule = schedule;
    const auto test = column(over_seeds(recipe), &Outcome::test_accuracy);
    std::printf("%-20s%10.2g%10.2g%10.2g%16s\n", name.c_str(), schedule(0), schedule(120), schedule(239),
                spread(test).c_str());
    show::experiment(
        {"E13", "schedules are reported only", {show::reported(name + ", test accuracy", test)}});
  }
}

void sweep() {
  show::section("Which rate to begin with?");
  const Data data = training_images(500, 1);
  for (const std::string name : {"SGD", "Adam"}) {
    auto model = network({}, 1);
    const Make optimizer_of = name == "SGD" ? make<SGD<float>>(1) : make<Adam<float>>(1);
    const auto optimizer = optimizer_of(model.parameters());
    Rng rng(1);
    // [sweep]
    const auto points = sweep_rates(1e-5, 10, 120, [&](double rate) {
      optimizer->learning_rate = rate;
      const Data some = samples(data, Batch{rng.permutation(data.size())});
      Tape<float> tape;
      const auto loss = cross_entropy(model(some.x), some.labels);
      optimizer->zero_grad();
      loss.backward();
      optimizer->step();
      return double(loss.item());
    });
    // [/sweep]
    std::printf("%-5s ended at rate %.2g; suggested: %.1g\n", name.c_str(), points.back().rate,
                suggested_rate(points));
    const bool good = name == "SGD" ? suggested_rate(points) > .01 : suggested_rate(points) < .01;
    show::expect_true(name == "SGD" ? "above 0.01" : "below 0.01", good);
  }
}

// --- tasks that are not about the optimiser ----------------------------------------------------------------

struct Stack {
  std::string name, activation;
  std::size_t blocks;
  Switches switches;
};

/// 2 → 32, blocks of φ(A x), x + φ(A x) or x + φ(A LN(x)), → 2.
Sequential<float> stack(const Stack& s, std::uint64_t seed) {
  Rng rng(seed);
  Sequential<float> model{Linear<float>(2, 32, Init::uniform_fan_in(), rng), activation<float>("relu")};
  for (std::size_t i = 0; i < s.blocks; ++i)
    model.add(SwitchedBlock<float>(
        Sequential<float>{Linear<float>(32, 32, Init::lecun_normal(), rng), activation<float>(s.activation)},
        32, s.switches));
  return std::move(model.add(Linear<float>(32, 2, Init::uniform_fan_in(), rng)));
}

/// The loss after some steps on two spiral arms, whole batch; NaN when it is not finite.
double loss_after(std::size_t steps, const Stack& s, const Make& optimizer_of, std::uint64_t seed) {
  const auto data = spiral<float>(256, .02, seed);
  auto model = stack(s, seed);
  const auto optimizer = optimizer_of(model.parameters());
  double last = 0;
  for (std::size_t t = 0; t <= steps; ++t) {
    Tape<float> tape;
    const auto loss = cross_entropy(model(data.x), data.labels);
    last = double(loss.item());
    if (!std::isfinite(last)) return NAN;
    if (last < .1) return last;
    optimizer->zero_grad();
    loss.backward();
    optimizer->step();
  }
  return last;
}

std::string text_of(double loss) {
  if (std::isnan(loss)) return "nan";
  return loss > 100 ? "over 100" : show::text(loss, 2);
}

void no_rescue() {
  show::section("Does an optimiser cure vanishing or exploding gradients?");
  const std::vector<std::pair<std::string, Make>> four = {{"SGD 0.1", make<SGD<float>>(.1)},
                                                          {"momentum 0.1", make<SGD<float>>(.1, momentum)},
                                                          {"Adam 0.003", make<Adam<float>>(3e-3)},
                                                          {"AdamW 0.003", make<AdamW<float>>(3e-3)}};
  const std::size_t steps = show::quick ? 20 : 150;
  const Stack vanishing{"plain, sigmoid, 15 blocks", "sigmoid", 15, {false, false}};
  const Stack exploding{"residual, ReLU, 60 blocks", "relu", 60, {true, false}};
  const Stack repaired{"residual and LN, sigmoid, 15 blocks", "sigmoid", 15, {true, true}};
  std::printf("loss on the spiral after %zu steps (0.1 ends it), three seeds; guessing is 0.693\n", steps);
  std::vector<double> vanished, exploded, learnt;
  for (const Stack& s : {vanishing, exploding, repaired}) {
    std::printf("%s\n", s.name.c_str());
    const std::size_t n = s.blocks == 60 ? steps / 5 : steps;  // it is beyond hope by then
    for (const auto& [name, made] : four) {
      const Make& optimizer = made;  // a lambda cannot take a structured binding along
      const auto losses =
          show::over_seeds([&](std::uint64_t seed) { return loss_after(n, s, optimizer, seed); });
      std::printf("  %-14s", name.c_str());
      for (const double loss : losses) std::printf("%12s", text_of(loss).c_str());
      std::printf("\n");
      auto& all = s.blocks == 60 ? exploded : s.switches.norm ? learnt : vanished;
      if (s.blocks == 60 || !s.switches.norm || name[0] == 'A')
        all.insert(all.end(), losses.begin(), losses.end());
    }
  }
  const auto hopeless = [](double loss) { return !(loss < 1); };
  show::experiment(
      {"E13",
       "no optimiser rescues a vanishing or an exploding stack; residual adds with LN do, with Adam or AdamW",
       {show::above("vanishing stack, four optimisers: loss", vanished, .65),
        show::holds("exploding stack, four optimisers: every loss is above 1 or NaN",
                    std::all_of(exploded.begin(), exploded.end(), hopeless)),
        show::below("residual and LN, Adam and AdamW: loss", learnt, .2)}});
}

}  // namespace

void optimisers() {
  on_digits();
  on_schedules();
  sweep();
  no_rescue();
}
