// 11 Which axes? Layer, batch, instance, group and channel normalisation: one formula over different axes,
// what the documents' code normalises, and what batch statistics cost when batches are small.

#include <algorithm>
#include <iomanip>

#include "as_written.hpp"
#include "early_and_late.hpp"
#include "quick.hpp"
#include "small_batches.hpp"

using namespace xgrad;
using as_written::A;
using as_written::difference;
using as_written::largest;
using as_written::Norm;
using as_written::rounded;
using as_written::V;

namespace {

// [axes]
const std::vector<std::pair<std::string, Norm>> norms{
    {"batch", [](const V& x) { return batch_norm(x).y; }},
    {"channel LN", [](const V& x) { return channel_layer_norm(x); }},
    {"instance", [](const V& x) { return group_norm(x, x.extent(1)); }},
    {"group", [](const V& x) { return group_norm(x, 2); }},
    {"sample LN", [](const V& x) { return group_norm(x, 1); }}};

// Which entries of x (3, 4, 3) does y[1, 1, 1] depend on? Those with a gradient.
A reach(const Norm& norm) {
  const V x = parameter(Rng(1).normal<double>({3, 4, 3}));
  A one = zeros<double>({3, 4, 3});
  one(1, 1, 1) = 1;
  Tape<double> tape;
  norm(x).backward(one);
  return x.grad();
}
// [/axes]

void picture_of_axes() {
  show::section("Who is normalised with whom");
  std::cout << "three samples (rows) of four channels with three positions each; o: the entry y[1, 1, 1];\n"
               "#: the entries of x that it depends on, found by its gradient\n\n          ";
  std::vector<A> reached;
  for (const auto& [name, norm] : norms) {
    std::cout << std::left << std::setw(18) << name;
    reached.push_back(reach(norm));
  }
  for (std::size_t n = 0; n < 3; ++n) {
    std::cout << "\nsample " << n << "  ";
    for (const A& dx : reached) {
      for (std::size_t c = 0; c < 4; ++c) {
        for (std::size_t p = 0; p < 3; ++p)
          std::cout << (n == 1 && c == 1 && p == 1 ? 'o' : std::abs(dx(n, c, p)) > 1e-12 ? '#' : '.');
        std::cout << ' ';
      }
      std::cout << "  ";
    }
  }
  std::cout << std::right << "\n\n";
  for (std::size_t i = 0; i < norms.size(); ++i) {
    const std::size_t expected[] = {9, 4, 3, 6, 12};
    const auto counted =
        std::count_if(reached[i].begin(), reached[i].end(), [](double g) { return std::abs(g) > 1e-12; });
    show::expect_true(
        norms[i].first + ": " + std::to_string(counted) + " values have one mean and one variance",
        std::size_t(counted) == expected[i]);
  }
}

// --- the same numbers under every norm ---------------------------------------------------------------------

void worked_image() {
  show::section("One image, (1, 4, 2, 2), four ways");
  auto x = empty<double>({1, 4, 2, 2}), c = empty<double>({1, 4, 2, 2});
  for (std::size_t i = 0; i < 16; ++i) {
    x.data()[i] = double(7 * i % 16) / 4;
    c.data()[i] = (double(5 * i % 7) - 3) / 2;
  }
  const auto expect = [&](const std::string& name, const auto& norm, double loss,
                          const std::vector<double>& dgamma) {
    const V gamma = parameter(A{1, 2, .5, -1}), beta = parameter(A{0, .1, -.1, .2});
    Tape<double> tape;
    const V total = sum(V(c) * norm(V(x), gamma, beta));
    total.backward();
    show::expect(name + "  L", total.item(), loss);
    show::expect(std::string(28, ' ') + "dγ", gamma.grad(), dgamma);
  };
  using P = const V&;
  const ChannelNormOptions d4{1e-8, Divisor::sample};
  expect("channels, n-1, 1e-8 (D4 Q11)", [&](P x, P g, P b) { return channel_layer_norm(x, g, b, d4); },
         6.430896252, {1.742842501, 2.711088334, 2.517439167, 1.742842501});
  expect("channels, n,   1e-5         ", [&](P x, P g, P b) { return channel_layer_norm(x, g, b); },
         7.464403665, {2.01245313, 3.130482647, 2.906876743, 2.01245313});
  expect("plane,    n-1, 1e-8 (D4 Q28)", [&](P x, P g, P b) { return group_norm(x, 4, g, b, d4); },
         5.975602051, {2.025059584, 2.442274728, 1.368013979, 1.368013979});
  expect("sample,   n,   1e-5         ", [&](P x, P g, P b) { return group_norm(x, 1, g, b); }, 8.020442569,
         {2.874317745, 2.820085335, 2.223528822, 1.355810257});
}

void worked_batch() {
  show::section("One batch, three samples of three features");
  const V x = A{{1, 2, 3}, {-1, .5, 2}, {0, -2, 1}};
  const std::vector<double> rows{-1.224735686, 0,           1.224735686,  -1.224740789, 0,
                                 1.224740789,  .2672603829, -1.336301914, 1.069041531};
  show::expect(
      "BN", batch_norm(x).y.value(),
      {1.224735686, 1.111165758, 1.224735686, -1.224735686, .2020301378, 0, 0, -1.313195896, -1.224735686});
  show::expect("LN", layer_norm(x).value(), rows);
  std::cout << "the third sample leaves:\n";
  const V two = slice(x, 0, 0, 2);
  show::expect("BN", batch_norm<double>(two, {}, {}, 0).y.value(), {1, 1, 1, -1, -1, -1});
  show::expect("LN", layer_norm(two).value(), {rows.begin(), rows.begin() + 6});
  V pair = parameter(two.value());
  Tape<double> tape;
  batch_norm(pair).y.backward(A{{1, -1, 2}, {.5, 2, -1}}, Keep::yes);
  const double through_bn = largest(pair.grad());
  pair.zero_grad();
  layer_norm(pair).backward(A{{1, -1, 2}, {.5, 2, -1}});
  show::expect_true(
      "  largest |dx| behind BN " + rounded(through_bn) + ", behind LN " + rounded(largest(pair.grad())),
      through_bn < 1e-3 * largest(pair.grad()));
  std::cout << "the second one too:\n";
  show::refused("BN", [&] { batch_norm(slice(x, 0, 0, 1)); });
  show::expect("LN", layer_norm(slice(x, 0, 0, 1)).value(), {rows.begin(), rows.begin() + 3});
}

// --- E11 ---------------------------------------------------------------------------------------------------

struct Dependence {
  double alone, modes;  // largest change of the first sample's output: without the others; by evaluation mode
};

Dependence dependence(Module<double>& norm) {
  const V x = Rng(8).normal<double>({8, 6}, 1, 2);
  const V together = norm(x), first = slice(together, 0, 0, 1);
  norm.train(false);
  const double modes = difference(norm(x), together);
  norm.train(true);
  // A single sample is no batch for BN, so it gets one companion.
  const double alone = difference(slice(norm(slice(x, 0, 0, 2)), 0, 0, 1), first);
  return {alone, modes};
}

void layer_against_batch() {
  show::section("Alone or in company, training or evaluation");
  LayerNorm<double> layer(6);
  BatchNorm<double> batch(6);
  const Dependence ln = dependence(layer), bn = dependence(batch);
  std::cout << "largest change of an output   from a batch of 8 to 2   from training to evaluation\n"
            << "LN " << std::setw(50) << rounded(ln.alone) << std::setw(30) << rounded(ln.modes) << "\nBN "
            << std::setw(50) << rounded(bn.alone) << std::setw(30) << rounded(bn.modes) << '\n';

  show::section("Small batches");
  const std::uint64_t seeds = show::quick ? 1 : 5;
  const auto table = small_batches::measure(seeds);
  const auto in_company = [&](std::size_t company) {
    return show::over_seeds(
        [=](std::uint64_t seed) { return small_batches::accuracy("batch", 2, seed, company); }, seeds);
  };
  const auto all = in_company(1000), pairs = in_company(2);
  std::vector<double> ahead = table.of("layer", 2);
  for (std::size_t i = 0; i < ahead.size(); ++i) ahead[i] -= table.of("batch", 2)[i];
  std::cout << table.text << "trained in batches of 2, LN is " << rounded(small_batches::mean(ahead))
            << " ahead of BN\nthe same BN networks with the statistics of all test images: "
            << rounded(small_batches::mean(all))
            << ", of pairs of them: " << rounded(small_batches::mean(pairs)) << '\n';
  if (show::quick) return;
  show::experiment({"E11",
                    "LN gives a sample the same output alone and in company, in training and in evaluation; "
                    "BN does not; in batches of 2 LN is at least 0.2 ahead",
                    {show::at_most("LN: change in other company", {ln.alone}, 1e-12),
                     show::at_most("LN: change by evaluation mode", {ln.modes}, 1e-12),
                     show::above("BN: change in other company", {bn.alone}, .1),
                     show::above("BN: change by evaluation mode", {bn.modes}, .1),
                     show::reported("accuracy, batches of 2, LN", table.of("layer", 2)),
                     show::reported("accuracy, batches of 2, BN", table.of("batch", 2)),
                     show::reported("the same, statistics of all test images", all),
                     show::reported("the same, statistics of pairs", pairs),
                     show::at_least("LN ahead of BN in batches of 2", ahead, .2)}});
}

}  // namespace

int main(int argc, char** argv) {
  show::options(argc, argv, "Layer, batch, instance, group and channel normalisation.");
  picture_of_axes();
  as_written::layer_norm_of_d2();
  as_written::layer_norm_of_d4();
  as_written::keras_and_the_third_one();
  worked_image();
  worked_batch();
  layer_against_batch();
  early_and_late::measure();
  return show::finish();
}
