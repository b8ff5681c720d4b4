#pragma once
// Two tasks for a network with a normalisation in front: the answer lies in what plain layer normalisation
// removes, or in a condition that comes with the input.

#include <iomanip>
#include <map>

#include "show.hpp"

namespace tasks {

using namespace xgrad;
using V = Variable<float>;

constexpr std::size_t features = 16, hidden = 32, samples = 1000, steps = 300;

/// A label, the vector that it belongs to, and perhaps a question about it.
struct Samples {
  Array<float> x, condition;
  Indices labels;
};

// [scale]
/// 16 normal numbers with deviation 1 (label 0) or 3 (label 1).
inline Samples scales(std::uint64_t seed) {
  Rng rng(seed);
  Samples s{rng.normal<float>({samples, features}), {}, Indices::from_shape({samples})};
  for (std::size_t n = 0; n < samples; ++n) {
    s.labels(n) = std::int64_t(rng.below(2));
    for (std::size_t i = 0; i < features; ++i) s.x(n, i) *= s.labels(n) ? 3 : 1;
  }
  return s;
}
// [/scale]

// [question]
/// 16 normal numbers. Label 1 when the first eight have the larger sum (question 0), or the last eight
/// (question 1).
inline Samples questions(std::uint64_t seed) {
  Rng rng(seed);
  Samples s{rng.normal<float>({samples, features}), zeros<float>({samples, 2}),
            Indices::from_shape({samples})};
  for (std::size_t n = 0; n < samples; ++n) {
    float difference = 0;
    for (std::size_t i = 0; i < features; ++i) difference += i < features / 2 ? s.x(n, i) : -s.x(n, i);
    const std::size_t asked = rng.below(2);
    s.condition(n, asked) = 1;
    s.labels(n) = (difference > 0) == (asked == 0);
  }
  return s;
}
// [/question]

using Forward = std::function<V(const V& x, const V& condition)>;

/// Trains y = W₂ relu(W₁ norm(x)) on one sample of the task and returns the accuracy on another.
inline double accuracy(const Forward& norm, const Parameters<float>& of_norm, const Samples& train,
                       const Samples& test, Rng& rng) {
  const std::size_t width = norm(train.x, train.condition).extent(-1);
  Linear<float> first(width, hidden, Init::uniform_fan_in(), rng),
      second(hidden, 2, Init::uniform_fan_in(), rng);
  const auto model = [&](const Samples& s) { return second(relu(first(norm(s.x, s.condition)))); };
  Parameters<float> parameters = of_norm;
  for (auto* layer : {&first, &second})
    for (const auto& p : layer->parameters()) parameters.push_back(p);
  Adam<float> optimizer(parameters, 3e-3);
  for (std::size_t step = 0; step < steps; ++step) {
    Tape<float> tape;
    cross_entropy(model(train), train.labels).backward();
    optimizer.step();
    optimizer.zero_grad();
  }
  return double(count_correct(model(test).value(), test.labels)) / double(samples);
}

using Make = std::function<std::unique_ptr<Module<float>>()>;

inline const std::vector<std::pair<std::string, Make>>& norms() {
  static const std::vector<std::pair<std::string, Make>> all{
      {"none", [] { return std::make_unique<Function<float>>(activation<float>("identity")); }},
      {"LN", [] { return std::make_unique<LayerNorm<float>>(features); }},
      {"adaptive, (μ, σ²)",
       [] { return std::make_unique<AdaptiveLayerNorm<float>>(features, RowStatistics::variance); }},
      {"adaptive, (μ, ln σ)",
       [] { return std::make_unique<AdaptiveLayerNorm<float>>(features, RowStatistics::log_deviation); }}};
  return all;
}

inline double scale(const Make& make, std::uint64_t seed) {
  Rng rng(seed);
  const auto norm = make();
  return accuracy([&](const V& x, const V&) { return (*norm)(x); }, norm->parameters(), scales(seed),
                  scales(seed + 50), rng);
}

/// Where the question enters.
enum class Asks { nobody, the_norm, the_input };

inline double question(Asks asks, std::uint64_t seed) {
  Rng rng(seed);
  LayerNorm<float> plain(features);
  AdaptiveLayerNorm<float> adaptive(features, 2);
  const bool hears = asks == Asks::the_norm;
  const Forward norm = [&](const V& x, const V& condition) {
    if (hears) return adaptive(x, condition);
    return asks == Asks::the_input ? concatenate<float>({plain(x), condition}, -1) : plain(x);
  };
  return accuracy(norm, hears ? adaptive.parameters() : plain.parameters(), questions(seed),
                  questions(seed + 50), rng);
}

inline void print(const std::string& name, const std::vector<double>& accuracies) {
  double total = 0;
  for (double a : accuracies) total += a;
  std::cout << std::fixed << std::setprecision(3) << total / double(accuracies.size()) << " ("
            << *std::min_element(accuracies.begin(), accuracies.end()) << " to "
            << *std::max_element(accuracies.begin(), accuracies.end()) << ")  " << name << '\n'
            << std::defaultfloat;
}

}  // namespace tasks
