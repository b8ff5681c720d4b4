#include <cstdio>

#include "toolbox.hpp"

using namespace toolbox;

namespace {

void print(const std::string& name, const std::vector<Outcome>& outcomes) {
  std::printf("%-26s%16s%16s%16s\n", name.c_str(), spread(column(outcomes, &Outcome::train_accuracy)).c_str(),
              spread(column(outcomes, &Outcome::test_accuracy)).c_str(),
              spread(column(outcomes, &Outcome::test_loss)).c_str());
}

void header() { std::printf("%-26s%16s%16s%16s\n", "", "training", "test", "test loss"); }

std::vector<double> losses(const std::vector<Outcome>& outcomes) {
  return column(outcomes, &Outcome::test_loss);
}

Recipe thirty_epochs() {
  Recipe recipe;
  recipe.epochs = show::quick ? 4 : 30;
  return recipe;
}

void dropout_and_decay() {
  show::section("Dropout, weight decay, label smoothing");
  header();
  const auto base = over_seeds(thirty_epochs());
  print("nothing", base);
  std::vector<Outcome> best_dropout, best_decay;
  for (const double p : {.2, .5}) {
    Recipe recipe = thirty_epochs();
    recipe.network.input_dropout = p;
    const auto outcomes = over_seeds(recipe);
    print("input dropout " + show::text(p), outcomes);
    if (p == .2) best_dropout = outcomes;
  }
  for (const double decay : {.1, 1.}) {
    Recipe recipe = thirty_epochs();
    recipe.optimizer = [=](const Parameters<float>& parameters) {
      return std::make_unique<AdamW<float>>(parameters, 1e-3, AdamOptions{.9, .999, 1e-8, decay});
    };
    const auto outcomes = over_seeds(recipe);
    print("AdamW, decay " + show::text(decay), outcomes);
    if (decay == 1) best_decay = outcomes;
  }
  Recipe smooth = thirty_epochs();
  smooth.label_smoothing = .1;
  print("label smoothing 0.1", over_seeds(smooth));
  show::experiment(
      {"E14",
       "input dropout 0.2 and decay 1 lower the test loss",
       {show::above("test loss: nothing minus dropout 0.2", differences(losses(base), losses(best_dropout)),
                    0),
        show::above("test loss: nothing minus decay 1", differences(losses(base), losses(best_decay)), 0)}});
}

void early_stopping() {
  show::section("Early stopping, 40 % of the training labels drawn at random");
  std::printf("%-8s%12s%14s%14s%14s%16s\n", "seed", "best epoch", "loss there", "loss at 40", "acc. there",
              "stops after");
  const auto gains = show::over_seeds([](std::uint64_t seed) {
    Recipe recipe;
    recipe.epochs = show::quick ? 6 : 40;
    recipe.label_noise = .4;
    recipe.trainer.watch = "loss";
    const auto whole = run(recipe, seed).history;
    // [patience]
    recipe.trainer.patience = 5;
    recipe.trainer.keep_best = true;
    auto model = network(recipe.network, seed);
    const auto stopped = run(recipe, seed, model).history;
    // [/patience]
    const std::size_t best = whole.best_epoch;
    const auto& loss = whole.measure("loss");
    std::printf("%-8d%12zu%14.3f%14.3f%14.3f%16zu\n", int(seed), best + 1, loss[best], loss.back(),
                whole.measure("accuracy")[best], stopped.epochs());
    show::expect_true("the parameters kept are those of the best epoch",
                      evaluate(model, test_images(seed)).loss == stopped.measure("loss")[stopped.best_epoch]);
    return loss.back() - loss[best];
  });
  show::experiment({"E14",
                    "with noisy labels the test loss is lowest long before the end",
                    {show::above("test loss: at the end minus at the best epoch", gains, 0)}});
}

void augmentation() {
  show::section("Augmentation of images");
  header();
  const auto base = over_seeds(thirty_epochs());
  print("nothing", base);
  // [augmentation]
  Recipe noise = thirty_epochs();
  noise.change = [](const Data& some, Module<float>&, Rng& rng) {
    return Data{with_noise(some.x, .5, rng), some.labels};
  };
  Recipe shift = thirty_epochs();
  shift.change = [](const Data& some, Module<float>&, Rng& rng) {
    return Data{shifted(some.x, 1, rng), some.labels};
  };
  // [/augmentation]
  const auto noisy = over_seeds(noise), moved = over_seeds(shift);
  print("noise 0.5", noisy);
  print("shift by up to 1 pixel", moved);
  const auto accuracy = [](const std::vector<Outcome>& o) { return column(o, &Outcome::test_accuracy); };
  show::experiment(
      {"E15",
       "noise and shift raise the test accuracy",
       {show::above("test accuracy: noise minus nothing", differences(accuracy(noisy), accuracy(base)), 0),
        show::above("test accuracy: shift minus nothing", differences(accuracy(moved), accuracy(base)), 0)}});
}

// --- words -------------------------------------------------------------------------------------------------

// Sixty words in twenty groups of three that mean the same: 3g, 3g+1, 3g+2. Ten groups speak for, ten
// against; a sentence of nine words is labelled by the majority.
struct Texts {
  Indices words, labels;
};

Texts texts(std::size_t n, std::uint64_t seed) {
  Rng rng(seed);
  Texts t{Indices::from_shape({n, 9}), Indices::from_shape({n})};
  for (std::size_t i = 0; i < n; ++i) {
    int votes = 0;
    for (std::size_t j = 0; j < 9; ++j) {
      const auto word = std::int64_t(rng.below(60));
      t.words(i, j) = word;
      votes += word / 3 < 10 ? 1 : -1;
    }
    t.labels(i) = votes > 0;
  }
  return t;
}

double text_accuracy(std::uint64_t seed, const std::function<Indices(const Indices&, Rng&)>& change) {
  const Texts train = texts(80, seed), test = texts(1000, 1000 + seed);
  Rng rng(seed);
  Embedding<float> table(60, 16, rng, .1);
  Linear<float> head(16, 2, Init::xavier_uniform(), rng);
  const auto logits = [&](const Indices& words) { return head(mean(table(words), {1})); };
  auto parameters = table.parameters();
  for (const auto& p : head.parameters()) parameters.push_back(p);
  Adam<float> optimizer(parameters, 1e-2);
  for (int step = 0; step < 200; ++step) {
    Tape<float> tape;
    const auto loss = cross_entropy(logits(change(train.words, rng)), train.labels);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  }
  return double(count_correct(logits(test.words).value(), test.labels)) / 1000;
}

void words() {
  show::section("Augmentation of words: 80 sentences of 60 words, three of each meaning");
  std::vector<std::vector<std::int64_t>> groups;
  for (std::int64_t g = 0; g < 20; ++g) groups.push_back({3 * g, 3 * g + 1, 3 * g + 2});
  const auto measure = [](const std::string& name,
                          const std::function<Indices(const Indices&, Rng&)>& change) {
    const auto accuracy = show::over_seeds([&](std::uint64_t seed) { return text_accuracy(seed, change); });
    std::printf("%-34s%16s\n", name.c_str(), spread(accuracy).c_str());
    return accuracy;
  };
  const auto none = measure("nothing", [](const Indices& w, Rng&) { return w; });
  // [words]
  const auto synonyms = measure("synonyms, each word with p = 2/3", [&](const Indices& w, Rng& rng) {
    return with_synonyms(w, 2. / 3, groups, rng);
  });
  measure("any word, each with p = 0.1",
          [](const Indices& w, Rng& rng) { return with_random_tokens(w, .1, 60, rng); });
  // [/words]
  show::experiment({"E15",
                    "synonyms raise the test accuracy of a text classifier",
                    {show::above("test accuracy: synonyms minus nothing", differences(synonyms, none), 0)}});
}

}  // namespace

void regularisation() {
  dropout_and_decay();
  early_stopping();
  augmentation();
  words();
}
