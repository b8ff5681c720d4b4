// 12 Adaptive normalisation: what D4 calls adaptive and is not, a layer whose gain and shift follow from the
// input or from a condition, and two tasks that plain layer normalisation cannot learn.

#include <iomanip>

#include "quick.hpp"
#include "show.hpp"
#include "systems.hpp"
#include "tasks.hpp"

using namespace xgrad;
using A = Array<double>;
using V = Variable<double>;

namespace {

double difference(const V& a, const V& b) { return max(abs(a - b)).item(); }

// [literal]
// D4 Q11 and Q15 under the name LayerNormalization, Q18 and Q22 under the name AdaptiveLayerNormalization.
// Only the names of class and parameters differ.
V as_printed(const V& x, const V& scale, const V& bias) {
  return (x - mean(x, {1}, true)) / sqrt(variance(x, {1}, true, Divisor::sample) + V(1e-8)) * scale + bias;
}
// [/literal]

void called_adaptive() {
  show::section("D4 Q18: what is adaptive about it");
  const V x = Rng(1).normal<double>({4, 6}, 1, 2), scale = Rng(2).normal<double>({6}),
          bias = Rng(3).normal<double>({6});
  const V y = as_printed(x, scale, bias);
  const double same = difference(y, layer_norm(x, scale, bias, {1e-8, Divisor::sample, 1}));
  show::expect_true("it is layer_norm with divisor n - 1: largest difference below 1e-12", same < 1e-12);
  const double blind = difference(as_printed(3 * x + 5, scale, bias), y);
  show::expect_true("3x + 5 for x: the output changes by less than 1e-7", blind < 1e-7);
  const bool refused = show::refused("images (2, 8, 6, 5), 8 gains", [&] {
    as_printed(V(zeros<double>({2, 8, 6, 5})), V(zeros<double>({8})), V(0.));
  });
  std::cout << "its gain and shift are parameters like those of every LayerNorm: the same for each input\n";
  show::system({"S21",
                "the layer of Q11 (S17) under another name: γ and β do not depend on the input, and on "
                "images they meet the wrong axis",
                "AdaptiveLayerNorm (S23); as printed it is layer_norm with divisor n - 1",
                {show::at_most("difference from layer_norm, divisor n - 1", {same}, 1e-12),
                 show::at_most("change of the output when x becomes 3x + 5", {blind}, 1e-7),
                 show::holds("8 gains for (2, 8, 6, 5) are refused", refused)}});

  // Q28's layer (chapter 11) is instance normalisation; its γ and β are constants too.
  const V images = Rng(4).normal<double>({2, 3, 4, 4});
  const ChannelNormOptions q28{1e-8, Divisor::sample};
  const double third = difference(group_norm<double>(3 * images + 5, 3, {}, {}, q28),
                                  group_norm<double>(images, 3, {}, {}, q28));
  show::expect_true("Q28's layer, 3x + 5 for x: less than 1e-7, too", third < 1e-7);
  show::system({"S22",
                "its γ and β do not depend on the input either",
                "",
                {show::at_most("change of the output when x becomes 3x + 5", {third}, 1e-7)}});
}

// [by-hand]
// s = (μ, σ²) of the row;   (Δγ, Δβ) = W s;   y = (1 + Δγ) ⊙ LN(x) + Δβ
V by_hand(const V& x, const V& weight) {
  const std::ptrdiff_t d = std::ptrdiff_t(x.extent(-1));
  const V statistics = concatenate<double>({mean(x, {-1}, true), variance(x, {-1}, true)}, -1);
  const V modulation = linear(statistics, weight);
  return (1 + slice(modulation, -1, 0, d)) * layer_norm(x) + slice(modulation, -1, d, 2 * d);
}
// [/by-hand]

void worked_example() {
  show::section("Gain and shift from the row's own mean and variance");
  const A x0{{1, 2, 3, 4}, {2, 4, 6, 8}}, c{{1, -1, 2, .5}, {.5, 1, -1, 2}};
  const A w0{{.1, .2}, {0, .1}, {-.1, .3}, {.2, -.2}, {.05, .1}, {0, .2}, {.1, 0}, {-.1, .1}};
  show::value("LN", layer_norm(V(x0)).value(), 6);
  const V x = parameter(x0), weight = parameter(w0);
  Tape<double> tape;
  const V y = by_hand(x, weight), loss = sum(V(c) * y);
  loss.backward();
  show::expect("y", y.value(),
               {-1.76245313, -.2531132825, .7531132825, 1.552044275, -2.604098612, .3291802776, 1.394426297,
                1.341639445});
  show::expect("L", loss.item(), 1.08889242);
  show::expect("dx", x.grad(),
               {.8477592663, -1.636905134, 1.244972146, -.3452686404, .8270863511, .5950861881, -1.313963281,
                .1310858622});
  show::expect("dW", weight.grad(),
               {-6.708187162, -5.031142887, -1.118036225, -1.677050983, -6.708153621e-06, -1.118036225,
                15.09343872, 14.25491659, 5, 3.75, 2.5, 3.75, 0, -2.5, 11.25, 10.625});
  // [module]
  AdaptiveLayerNorm<double> module(4, RowStatistics::variance);
  const double at_first = difference(module(x), layer_norm(x));  // W and b are 0 to start with
  module.weight = weight;
  const double then = difference(module(x), y);
  // [/module]
  show::expect("AdaptiveLayerNorm: from LN at first", at_first, 0);
  show::expect("                   from y with this W", then, 0, 1e-14);
}

void by_scale() {
  show::section("Task 1: how large is the vector?");
  const std::uint64_t seeds = show::quick ? 1 : 5;
  std::cout << "16 normal numbers with deviation 1 or 3: which? Test accuracy, " << seeds << " seeds\n";
  std::map<std::string, std::vector<double>> accuracy;
  for (const auto& [name, norm] : tasks::norms()) {
    accuracy[name] =
        show::over_seeds([&, make = norm](std::uint64_t seed) { return tasks::scale(make, seed); }, seeds);
    tasks::print(name, accuracy[name]);
  }
  show::experiment(
      {"E12",
       "LN on the input cannot tell the scale (at most 0.6); adaptive LN from mean and log-deviation can (at "
       "least 0.95)",
       {show::reported("accuracy without normalisation", accuracy["none"]),
        show::at_most("accuracy, LN", accuracy["LN"], .6),
        show::at_least("accuracy, adaptive from (μ, ln σ)", accuracy["adaptive, (μ, ln σ)"], .95),
        show::reported("accuracy, adaptive from (μ, σ²)", accuracy["adaptive, (μ, σ²)"])}});
}

void by_condition() {
  show::section("Task 2: a question that comes with the vector");
  const std::uint64_t seeds = show::quick ? 1 : 5;
  std::cout
      << "is the larger half of the row the first or the second one, asked either way round? Test accuracy, "
      << seeds << " seeds\n";
  const auto accuracy = [&](tasks::Asks asks) {
    return show::over_seeds([=](std::uint64_t seed) { return tasks::question(asks, seed); }, seeds);
  };
  const auto without = accuracy(tasks::Asks::nobody), adaptive = accuracy(tasks::Asks::the_norm),
             appended = accuracy(tasks::Asks::the_input);
  tasks::print("LN, which does not hear the question", without);
  tasks::print("adaptive LN with the question as its condition", adaptive);
  tasks::print("LN, the question appended to its output", appended);
  show::system({"S23",
                "in words only (D4 Q17, Q18, Q20, Q22, Q28): gain and shift computed from mean and variance; "
                "no code does it",
                "AdaptiveLayerNorm, from the row's own statistics or from a condition; starts as a plain LN",
                {show::at_most("accuracy without the condition", without, .6),
                 show::at_least("accuracy, condition through the norm", adaptive, .9),
                 show::reported("accuracy, condition appended instead", appended)}});
}

}  // namespace

int main(int argc, char** argv) {
  show::options(argc, argv, "Adaptive layer normalisation, as D4 describes it and as it prints it.");
  called_adaptive();
  worked_example();
  by_scale();
  by_condition();
  return show::finish();
}
