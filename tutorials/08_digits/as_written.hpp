#pragma once
// D0 §5.2 and §5.4 as they are written: what works, and what cannot.

#include "network.hpp"
#include "show.hpp"
#include "systems.hpp"

namespace as_written {

/// y = 1 where the product of two projections of ten normal numbers is positive: no straight line parts it.
inline Labelled<float> two_projections(std::size_t n, Rng& rng) {
  const auto a = rng.normal<float>({10}), b = rng.normal<float>({10});
  Labelled<float> data{rng.normal<float>({n, 10}), Indices::from_shape({n})};
  for (std::size_t i = 0; i < n; ++i) {
    float along_a = 0, along_b = 0;
    for (std::size_t j = 0; j < 10; ++j) along_a += a(j) * data.x(i, j), along_b += b(j) * data.x(i, j);
    data.labels(i) = along_a * along_b > 0;
  }
  return data;
}

// [binary]
/// Binary cross-entropy of one logit a sample, with the class number itself as target, as D0 §5.4 has it.
inline Variable<float> binary_loss(const Variable<float>& logits, const Indices& labels) {
  return bce_with_logits(logits, reshaped(cast<float, std::int64_t>(labels), logits.shape()));
}
// [/binary]

/// Share of samples for which "logit above 0" is the label.
inline double binary_accuracy(Module<float>& model, const Labelled<float>& data) {
  const Array<float> logits = model(data.x).value();
  std::size_t right = 0;
  for (std::size_t i = 0; i < data.size(); ++i) right += (logits.data()[i] > 0) == (data.labels(i) == 1);
  return double(right) / double(data.size());
}

struct Binary {
  Sequential<float> model;
  std::vector<double> losses;  // of the epochs
};

inline Binary train_binary(const Labelled<float>& data, std::size_t inputs, int epochs, std::uint64_t seed) {
  Rng rng(seed);
  Binary result{network(inputs, 1, rng), {}};
  Adam<float> optimizer(result.model.parameters(), 1e-3, adam_options);
  while (epochs-- > 0)
    result.losses.push_back(train_epoch(result.model, optimizer, data, 32, binary_loss, rng).loss());
  return result;
}

inline void show_ten_features() {
  show::section("D0 §5.2 as it is written: ten features, one answer");
  Rng rng(1);
  auto model = network(10, 1, rng);
  std::cout << summary(model, {1, 10});
  show::expect("parameters", double(model.parameter_count()), 18049, 0, 17);
  auto block = residual_block(64, Init::xavier_uniform(), rng);
  const bool refused = show::refused("a ResidualBlock(64) directly behind ten features", [&] {
    block(zeros<float>({2, 10}));
  });

  Rng data_rng(1);
  const auto all = two_projections(2000, data_rng);
  const auto data = samples(all, 0, 1500), test = samples(all, 1500, 2000);
  const auto accuracies = show::over_seeds([&](std::uint64_t seed) {
    auto trained = train_binary(data, 10, 10, seed);
    return binary_accuracy(trained.model, test);
  });
  std::cout << "is the product of two projections positive? test accuracy " << show::text(accuracies, 3)
            << '\n';
  show::system(
      {"S1",
       "`LayerNormalization` is not imported, and no summary can be printed before data are seen (read, not "
       "run); a ResidualBlock(64) directly on the ten inputs is refused",
       "the same stack, built for its inputs at once",
       {show::equals("parameters", double(model.parameter_count()), 18049),
        show::holds("64 units on 10 columns are refused", refused),
        show::at_least("test accuracy, sign of a product of two projections", accuracies, .85)}});
}

inline void show_missing_flatten() {
  show::section("D0 §5.4 has no flatten");
  Rng rng(1);
  const Init glorot = Init::xavier_uniform();
  Sequential<float> dense{Linear<float>(1, 64, glorot, rng), activation<float>("relu"),
                          Linear<float>(64, 1, glorot, rng)};
  const auto y = dense(zeros<float>({2, 28, 28, 1}));
  std::cout << "two images (2, 28, 28, 1) through Dense(64) and Dense(1) give " << to_string(y.shape())
            << '\n';
  const bool refused = show::refused("against labels of shape (2, 1)", [&] {
    bce_with_logits(y, zeros<float>({2, 1}));
  });
  show::system(
      {"S2",
       "no flatten: (B, 28, 28, 1) answers to (B, 1) labels; one sigmoid and binary cross-entropy for ten "
       "classes (E30); test data as validation data",
       "",
       {show::holds("labels of shape (2, 1) are refused", refused)}});
}

inline double share_of_ones(const Labelled<float>& data) {
  return double(std::count(data.labels.begin(), data.labels.end(), 1)) / double(data.size());
}

/// Binary cross-entropy of one logit, and its derivative.
inline std::vector<double> binary(double logit, double target) {
  const auto z = parameter(Array<double>{logit});
  Tape<double> tape;
  const auto loss = bce_with_logits(z, Array<double>{target});
  loss.backward();
  return {loss.item(), z.grad()(0)};
}

inline void show_wrong_loss() {
  show::section("D0 §5.4 has one sigmoid for ten classes");
  show::expect("logit 0.5, target 1: loss, dz", binary(.5, 1), {.4740769842, -.3775406688});
  show::expect("logit 0.5, target 7: loss, dz", binary(.5, 7), {-2.525923016, -6.377540669});
  show::expect("logit 20,  target 7: loss    ", binary(20, 7)[0], -120, 1e-7);

  const auto data = digits<float>(3000, 1), test = digits<float>(1000, 2);
  const double ones = share_of_ones(test);
  std::cout << "generated digits, mean loss of three epochs, test accuracy (share of ones "
            << show::text(ones) << "):\n";
  bool falls = true, shares = true;
  std::vector<double> last_losses, accuracies;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    auto trained = train_binary(data, 784, 3, seed);
    last_losses.push_back(trained.losses.back());
    accuracies.push_back(binary_accuracy(trained.model, test));
    shares = shares && accuracies.back() == ones;
    falls = falls && trained.losses[1] < trained.losses[0] && trained.losses[2] < trained.losses[1];
    std::cout << "  seed " << seed << ": " << show::text(trained.losses, 2) << ", "
              << show::text(accuracies.back()) << '\n';
  }
  show::expect_true("the loss falls below 0; the accuracy is the share of ones",
                    falls && shares && last_losses.back() < 0);
  show::experiment(
      {"E30",
       "the loss is below 0 and falls; the answer is always 1, so the accuracy is the share of ones",
       {show::below("loss of the third epoch", last_losses, 0), show::holds("it falls", falls),
        show::reported("accuracy", accuracies), show::holds("it is the share of ones", shares)},
       "-437 and -313 on other data: the number only says how long one has waited"});

  show::section("One sigmoid for a question of yes or no");
  const auto is_one = [](Labelled<float> digits) {
    for (std::int64_t& label : digits.labels) label = label == 1;
    return digits;
  };
  const auto binary_test = is_one(test), binary_data = is_one(data);
  const auto right = show::over_seeds([&](std::uint64_t seed) {
    auto trained = train_binary(binary_data, 784, 3, seed);
    return binary_accuracy(trained.model, binary_test);
  });
  std::cout << "is it a 1? test accuracy " << show::text(right, 4) << '\n';
  show::system({"S2",
                "",
                "(b) one sigmoid for the question whether it is a 1",
                {show::at_least("accuracy, is it a 1?", right, .98)}});
}

}  // namespace as_written
