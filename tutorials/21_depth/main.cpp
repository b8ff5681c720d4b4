// 21 Depth: what a skip path is good for. Three experiments on stacks of blocks: Pre-LN and Post-LN in depth,
// a block that is left out after training, and the identity as the function to learn.

#include <algorithm>
#include <cstdio>

#include "show.hpp"
#include "systems.hpp"

using namespace xgrad;

namespace {

using V = Variable<float>;
using Data = Labelled<float>;

constexpr std::size_t width = 32;
const std::size_t seeds = show::quick ? 1 : 3;

// [block]
/// f(x), x + f(x), LN(x + f(x)) or x + f(LN(x)).
class Block : public Module<float> {
 public:
  template <class Branch>
  Block(NormPlacement placement, std::size_t features, Branch f)
      : placement_(placement), f_(std::make_unique<Branch>(std::move(f))), norm_(features) {}
  V forward(const V& x) override {
    const V fx = (*f_)(placement_ == NormPlacement::pre ? norm_(x) : x);
    if (placement_ == NormPlacement::neither) return fx;
    return placement_ == NormPlacement::post ? norm_(x + fx) : x + fx;
  }
  std::vector<Part<float>> parts() override {
    if (!Wiring(placement_).has_norm()) return {{"branch", *f_}};
    return {{"branch", *f_}, {"norm", norm_}};
  }
  std::string describe() const override { return "Block(" + Wiring(placement_).describe() + ")"; }

 private:
  NormPlacement placement_;
  std::unique_ptr<Module<float>> f_;
  LayerNorm<float> norm_;
};
// [/block]

// [network]
/// Two numbers in, `depth` blocks with f(x) = ReLU(Wx + b), two logits out. Block j is module 2 + j.
Sequential<float> network(NormPlacement placement, std::size_t depth, std::uint64_t seed) {
  Rng rng(100 + seed);
  Sequential<float> model{Linear<float>(2, width, Init::uniform_fan_in(), rng), activation<float>("relu")};
  for (std::size_t j = 0; j < depth; ++j)
    model.add(Block(placement, width,
                    Sequential<float>{Linear<float>(width, width, Init::lecun_normal(), rng),
                                      activation<float>("relu")}));
  if (placement == NormPlacement::pre) model.add(LayerNorm<float>(width));
  model.add(Linear<float>(width, 2, Init::uniform_fan_in(), rng));
  return model;
}
// [/network]

// [train]
/// The loss before each step: up to `steps` of them, and none behind the first one below `target`.
std::vector<double> train(Module<float>& model, const std::function<V()>& loss_of_model, std::size_t steps,
                          const Schedule& rate, double target = 0) {
  Adam<float> optimizer(model.parameters(), rate(0));
  std::vector<double> losses;
  while (losses.size() < steps) {
    optimizer.learning_rate = rate(losses.size());
    optimizer.zero_grad();
    Tape<float> tape;
    const V loss = loss_of_model();
    losses.push_back(double(loss.item()));
    if (losses.back() < target) break;
    loss.backward();
    optimizer.step();
  }
  return losses;
}

std::vector<double> learn_spiral(Sequential<float>& model, std::uint64_t seed, std::size_t steps,
                                 const Schedule& rate, double target = 0) {
  const Data data = spiral<float>(256, .02, seed);
  return train(
      model, [&] { return cross_entropy(model(data.x), data.labels); }, steps, rate, target);
}
// [/train]

void print_row(const std::string& name, const std::vector<double>& values, const char* format) {
  std::printf("%s", name.c_str());
  for (const double v : values) std::printf(format, v);
  std::printf("\n");
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / double(values.size());
}

// --- Pre-LN and Post-LN in depth ---------------------------------------------------------------------------

constexpr std::size_t limit = 300;

/// For each seed the steps to a loss of 0.1; `limit` means that it was not reached.
std::vector<double> steps_to_learn(NormPlacement placement, std::size_t depth, double rate) {
  return show::over_seeds([&](std::uint64_t seed) {
    auto model = network(placement, depth, seed);
    const auto losses = learn_spiral(model, seed, limit, schedule::constant(rate), .1);
    return double(losses.back() < .1 ? losses.size() - 1 : limit);
  });
}

/// The share of the values that are below the bound, as a list of one for show::at_least.
std::vector<double> share_below(double bound, const std::vector<double>& values) {
  const auto below = std::count_if(values.begin(), values.end(), [&](double v) { return v < bound; });
  return {double(below) / double(values.size())};
}

void two_orders_in_depth() {
  show::section("Steps to a loss of 0.1 (300: not reached), by seed");
  std::vector<show::Result> results;
  for (const std::size_t depth : {30, 60})
    for (const double rate : {1e-3, 1e-2})
      for (const auto placement : {NormPlacement::post, NormPlacement::pre}) {
        const auto steps = steps_to_learn(placement, depth, rate);
        const std::string name =
            Wiring(placement).describe() + ", " + std::to_string(depth) + " blocks, rate " + show::text(rate);
        print_row(name + std::string(32 - name.size(), ' '), steps, "%6.0f");
        const auto learned = share_below(limit, steps);
        results.push_back(placement == NormPlacement::post && rate == 1e-2
                              ? show::at_most(name + ": share that learns", learned, .34)
                              : show::at_least(name + ": share that learns", learned, .66));
      }
  show::experiment(
      {"E19", "at the rate 0.001 both learn the spiral; at 0.01 Pre-LN does and Post-LN does not", results,
       "the same with up to 300 steps instead of 150: one Pre-LN stack of 60 takes longer than "
       "150. 100 blocks are left out for time"});
}

void warm_up() {
  show::section("Post-LN with a warm-up, 30 blocks, all of 150 steps");
  std::vector<show::Result> results;
  for (const auto& [rate, up] : {std::pair(1e-2, 0), {1e-2, 50}, {1e-2, 100}, {3e-3, 0}}) {
    // [warm-up]
    const auto constant = schedule::constant(rate);
    const auto rates = up ? schedule::warm_up(std::size_t(up), constant) : constant;
    std::vector<double> lowest, last;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      auto model = network(NormPlacement::post, 30, seed);
      const auto losses = learn_spiral(model, seed, 150, rates);
      lowest.push_back(*std::min_element(losses.begin(), losses.end()));
      last.push_back(losses.back());
    }
    // [/warm-up]
    const std::string name =
        "rate " + show::text(rate) + (up ? ", warm-up of " + std::to_string(up) : ", no warm-up");
    print_row(name + std::string(26 - name.size(), ' ') + "lowest", lowest, "%9.4f");
    print_row(name + std::string(26 - name.size(), ' ') + "last  ", last, "%9.4f");
    const std::string what = "Post-LN, 30 blocks, " + name;
    const auto learned = share_below(.1, lowest);
    results.push_back(up || rate < 1e-2 ? show::at_least(what + ": share that gets below 0.1", learned, .66)
                                        : show::at_most(what + ": share that gets below 0.1", learned, .34));
  }
  show::experiment({"E19", "at 0.01 Post-LN reaches a loss of 0.1 with a warm-up, and not without", results,
                    "new here: after a warm-up of 50 steps the loss rises again at the full rate. A rate of "
                    "0.003 needs no warm-up"});
}

// --- leaving out a block -----------------------------------------------------------------------------------

// [leave-out]
/// The accuracy with each of the blocks left out in turn.
std::vector<double> without_each_block(Sequential<float>& model, const Data& data, std::size_t depth) {
  std::vector<double> result;
  for (std::size_t j = 0; j < depth; ++j) {
    V x = data.x;
    for (std::size_t i = 0; i < model.size(); ++i)
      if (i != 2 + j) x = model[i](x);
    std::size_t right = 0;
    for (std::size_t i = 0; i < data.size(); ++i)
      right += (x.value()(i, 1) > x.value()(i, 0)) == (data.labels(i) == 1);
    result.push_back(double(right) / double(data.size()));
  }
  return result;
}
// [/leave-out]

void leave_out_a_block() {
  show::section("Accuracy without block 1, 2, … 10 (seed 1)");
  std::vector<show::Result> results;
  std::vector<double> means;
  for (const auto placement :
       {NormPlacement::neither, NormPlacement::residual_only, NormPlacement::post, NormPlacement::pre}) {
    const std::string name = Wiring(placement).describe();
    const auto accuracies = show::over_seeds([&](std::uint64_t seed) {
      auto model = network(placement, 10, seed);
      learn_spiral(model, seed, 400, schedule::constant(3e-3), .05);
      const auto without = without_each_block(model, spiral<float>(256, .02, seed), 10);
      if (seed == 1) print_row(name + std::string(24 - name.size(), ' '), without, "%6.2f");
      return mean_of(without);
    });
    means.push_back(mean_of(accuracies));
    results.push_back(show::reported("accuracy without a block, " + name, accuracies));
  }
  show::section("Mean accuracy without a block");
  print_row("neither, residual, Post-LN, Pre-LN ", means, "%6.2f");
  results.push_back(show::at_least("residual minus plain", {means[1] - means[0]}, .2));
  results.push_back(show::at_least("Post-LN minus plain", {means[2] - means[0]}, .2));
  results.push_back(show::at_least("Pre-LN minus plain", {means[3] - means[0]}, .2));
  show::experiment({"E23",
                    "one of ten blocks deleted after training: with a skip path the mean accuracy is "
                    "higher by at least 0.2",
                    results});
}

// --- learning the identity ---------------------------------------------------------------------------------

// [identity]
/// The mean squared error of a stack that has learnt y = x for 300 steps.
double error_of_identity(NormPlacement placement, std::size_t depth, std::uint64_t seed) {
  Rng rng(seed);
  Sequential<float> model;
  for (std::size_t j = 0; j < depth; ++j)
    model.add(Block(placement, 16, FeedForward<float>(16, 16, Init::uniform_fan_in(), rng)));
  const auto x = rng.normal<float>({256, 16});
  return train(
             model, [&] { return mse_loss(model(x), x); }, 300, schedule::constant(1e-3))
      .back();
}
// [/identity]

void learn_the_identity() {
  show::section("Mean squared error after 300 steps towards y = x, by seed");
  std::vector<show::Result> results;
  for (const std::size_t depth : {2, 10, 20}) {
    std::vector<double> plain;
    for (const auto placement : {NormPlacement::neither, NormPlacement::residual_only, NormPlacement::pre}) {
      const std::string name = std::to_string(depth) + " blocks, " + Wiring(placement).describe();
      auto errors =
          show::over_seeds([&](std::uint64_t seed) { return error_of_identity(placement, depth, seed); });
      print_row(name + std::string(34 - name.size(), ' '), errors, "%9.4f");
      results.push_back(show::reported(name + ": error", errors));
      if (placement == NormPlacement::neither) plain = errors;
      if (placement != NormPlacement::residual_only) continue;
      for (std::size_t i = 0; i < errors.size(); ++i) errors[i] /= plain[i];
      results.push_back(show::at_most(name + ": error over that of neither", errors, .05));
    }
  }
  show::experiment({"E24", "with a skip path the error is at most 1/20 of that without", results});
}

}  // namespace

int main(int argc, char** argv) {
  show::options(argc, argv, "Pre-LN and Post-LN in depth, a block left out, and the identity to learn.");
  two_orders_in_depth();
  warm_up();
  leave_out_a_block();
  learn_the_identity();
  return show::finish();
}
