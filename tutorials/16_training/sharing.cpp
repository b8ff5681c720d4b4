#include <algorithm>
#include <cstdio>

#include "toolbox.hpp"

using namespace toolbox;

namespace {

void weight_sharing() {
  show::section("One block used six times");
  std::printf("%-28s%12s%16s%18s\n", "", "parameters", "test", "products/image");
  std::vector<double> separate, shared;
  std::vector<std::size_t> parameters;
  for (const auto& [name, blocks, together] : {std::tuple("six blocks", std::size_t(6), false),
                                               {"one block, six times", 6, true},
                                               {"one block", 1, false}}) {
    Recipe recipe;
    recipe.network.blocks = blocks;
    recipe.network.shared = together;
    const auto test = column(over_seeds(recipe), &Outcome::test_accuracy);
    auto model = network(recipe.network, 1);
    // Multiplications of the linear layers: they are done whether or not a matrix has been used before.
    const std::size_t products = 100 * width + blocks * width * width + width * 10;
    std::printf("%-28s%12zu%16s%18zu\n", name, model.parameter_count(), spread(test).c_str(), products);
    if (blocks == 6) (together ? shared : separate) = test;
    parameters.push_back(model.parameter_count());
  }
  show::experiment(
      {"E17",
       "sharing divides the blocks' parameters by six and costs at most three points of accuracy",
       {show::equals("parameters saved: those of five blocks", double(parameters[0] - parameters[1]),
                     5. * (width * width + 3 * width)),
        show::at_most("mean test accuracy: separate minus shared", {mean(separate) - mean(shared)}, .03)}});
}

void tuning() {
  show::section("Tuning a trained network: which parameters may move?");
  std::printf(
      "trained on 500 digits; then 100 digits on a lighter ground (+1), 30 epochs\n%-22s%12s%16s%16s\n", "",
      "moving", "lighter", "originals");
  const auto lighter = [](Data data) {
    for (float& pixel : data.x) pixel += 1;
    return data;
  };
  // [freeze]
  const std::vector<std::pair<std::string, std::function<bool(const std::string& name)>>> choices = {
      {"nothing", [](const std::string&) { return false; }},
      {"the head", [](const std::string& name) { return name.rfind("8.", 0) == 0; }},
      {"LN's gains and shifts",
       [](const std::string& name) {
         return name.find("gamma") != std::string::npos || name.find("beta") != std::string::npos;
       }},
      {"everything", [](const std::string&) { return true; }}};
  // [/freeze]
  std::vector<double> frozen, tuned;
  for (const auto& [name, moves] : choices) {
    std::size_t moving = 0;
    std::vector<double> on_lighter, on_originals;
    for (std::uint64_t seed = 1; seed <= (show::quick ? 1 : 3); ++seed) {
      auto model = network({}, seed);
      run({}, seed, model);
      moving = 0;
      for (auto& p : model.parameters()) {
        p.variable.requires_grad(moves(p.name));
        moving += moves(p.name) ? p.variable.size() : 0;
      }
      const Data few = lighter(training_images(100, 50 + seed)), test = test_images(seed);
      Adam<float> optimizer(model.parameters(), 3e-3);
      TrainerOptions options;
      options.epochs = 30;
      Trainer<float> trainer(model, optimizer, options);
      if (moving)
        trainer.fit(few.size(), [&](const Batch& batch) {
          const Data some = samples(few, batch);
          return cross_entropy(model(some.x), some.labels);
        });
      on_lighter.push_back(evaluate(model, lighter(test)).accuracy());
      on_originals.push_back(evaluate(model, test).accuracy());
    }
    std::printf("%-22s%12zu%16s%16s\n", name.c_str(), moving, spread(on_lighter).c_str(),
                spread(on_originals).c_str());
    if (name == "nothing") frozen = on_lighter;
    if (name == "LN's gains and shifts") tuned = on_lighter;
  }
  show::system({"S25",
                "",
                "training of LN's parameters alone",
                {show::above("accuracy on the lighter ground: LN tuned minus frozen",
                             differences(tuned, frozen), .1)}});
}

// --- data parallelism --------------------------------------------------------------------------------------

/// The largest difference between the gradient of a batch and the mean of the gradients of its four parts.
double shard_difference(Module<double>& model, const Labelled<double>& data) {
  const auto gradient = [&](std::size_t begin, std::size_t end) {
    const auto part = samples(data, begin, end);
    model.zero_grad();
    Tape<double> tape;
    cross_entropy(model(part.x), part.labels).backward();
    std::vector<double> all;
    for (const auto& p : model.parameters())
      all.insert(all.end(), p.variable.grad().begin(), p.variable.grad().end());
    return all;
  };
  const auto whole = gradient(0, 64);
  std::vector<double> mean(whole.size());
  for (std::size_t part = 0; part < 4; ++part) {
    const auto g = gradient(16 * part, 16 * part + 16);
    for (std::size_t i = 0; i < g.size(); ++i) mean[i] += g[i] / 4;
  }
  double largest = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) largest = std::max(largest, std::abs(whole[i] - mean[i]));
  return largest;
}

template <class Norm>
Sequential<double> normalised(std::uint64_t seed) {
  Rng rng(seed);
  Sequential<double> model{Function<double>("flatten",
                                            [](const auto& x) {
                                              return reshape(x, {-1, 100});
                                            }),
                           Linear<double>(100, 32, Init::he_normal(), rng)};
  if constexpr (!std::is_same_v<Norm, void>) model.add(Norm(32));
  return std::move(model.add(activation<double>("relu")).add(Linear<double>(32, 10, Init::he_normal(), rng)));
}

void parallel() {
  show::section("A batch in parts");
  const auto differences_of = [](auto make) {
    return show::over_seeds([&](std::uint64_t seed) {
      auto model = make(seed);
      return shard_difference(model, small_digits<double>(64, seed));
    });
  };
  const auto none = differences_of([](std::uint64_t s) { return normalised<void>(s); });
  const auto ln = differences_of([](std::uint64_t s) { return normalised<LayerNorm<double>>(s); });
  const auto bn = differences_of([](std::uint64_t s) { return normalised<BatchNorm<double>>(s); });
  std::cout << "largest difference of a gradient entry, whole batch of 64 or mean of four parts:\n"
            << "  no norm below 1e-12: "
            << (*std::max_element(none.begin(), none.end()) < 1e-12 ? "yes" : "no")
            << ", LN below 1e-12: " << (*std::max_element(ln.begin(), ln.end()) < 1e-12 ? "yes" : "no")
            << ", BN: " << show::text(bn, 2) << '\n';
  show::experiment({"E31",
                    "averaged gradients of parts are the batch's, with LN or without, not with BN",
                    {show::below("largest difference, no norm", none, 1e-12),
                     show::below("with LN", ln, 1e-12), show::above("with BN", bn, 1e-3)}});
}

}  // namespace

void sharing() {
  weight_sharing();
  tuning();
  parallel();
}
