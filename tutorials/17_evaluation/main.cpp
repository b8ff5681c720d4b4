// Evaluation: residual add x LayerNorm, four variants of one network on two tasks, with every measure that D4
// Q30 asks for.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <numeric>

#include "show.hpp"
#include "systems.hpp"

using namespace xgrad;

namespace {

using V = Variable<float>;
using Data = Labelled<float>;

const std::vector<Switches> variants = {{false, false}, {true, false}, {false, true}, {true, true}};
const std::vector<std::uint64_t> seeds =
    show::quick ? std::vector<std::uint64_t>{1} : std::vector<std::uint64_t>{1, 2, 3};

// [task]
struct Task {
  std::string name;
  std::function<Data(std::size_t n, std::uint64_t seed)> data;
  std::size_t inputs, classes, training;  // numbers in a sample, classes, training samples
  std::size_t width, blocks;
  std::size_t batch, steps;
  double rate, target;                   // Adam's rate; the loss that counts as reached
  double noise, perturbation, outliers;  // deviation, ε, share of the entries
};

// clang-format off
const Task tasks[] = {
    {"digits", [](std::size_t n, std::uint64_t seed) { return small_digits<float>(n, seed); },
     100, 10, 500,   64, 6,    32, 320,   1e-3, .2,   .4, .1, .02},
    {"spiral", [](std::size_t n, std::uint64_t seed) { return spiral<float>(n, .02, seed); },
     2, 2, 256,      32, 12,   256, 250,  3e-3, .1,   .05, .05, .02}};
// clang-format on
// [/task]

// [network]
Sequential<float> network(const Task& task, const Switches& switches, std::uint64_t seed) {
  Rng rng(seed);
  const auto inputs = std::ptrdiff_t(task.inputs);
  Sequential<float> model{Function<float>("flatten",
                                          [=](const V& x) {
                                            return reshape(x, {-1, inputs});
                                          }),
                          Linear<float>(task.inputs, task.width, Init::uniform_fan_in(), rng),
                          activation<float>("relu")};
  for (std::size_t i = 0; i < task.blocks; ++i)
    model.add(SwitchedBlock<float>(
        Sequential<float>{Linear<float>(task.width, task.width, Init::lecun_normal(), rng),
                          activation<float>("relu")},
        task.width, switches));
  if (switches.norm) model.add(LayerNorm<float>(task.width));
  model.add(Linear<float>(task.width, task.classes, Init::uniform_fan_in(), rng));
  return model;
}
// [/network]

/// What one training of one variant came to.
struct Outcome {
  std::map<std::string, double> measures;
  std::vector<double> right;  // 1 or 0 for each test sample
};

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// --- what a test set can be put through --------------------------------------------------------------------

// [robustness]
Data noisy(const Data& data, double deviation, Rng& rng) {
  return {with_noise(data.x, deviation, rng), data.labels};
}

Data perturbed(const Data& data, Module<float>& model, double epsilon) {
  const auto loss = [&](const V& logits) { return cross_entropy(logits, data.labels); };
  return {fast_gradient_sign<float>(model, data.x, epsilon, loss), data.labels};
}

Data with_outliers(Data data, double share, Rng& rng) {
  for (float& entry : data.x)
    if (rng.uniform() < share) entry = 3;
  return data;
}
// [/robustness]

// [train]
History train(const Task& task, Module<float>& model, const Data& data, std::uint64_t seed) {
  Adam<float> optimizer(model.parameters(), task.rate);
  const std::size_t steps_per_epoch = (data.size() + task.batch - 1) / task.batch;
  TrainerOptions options;
  options.epochs = (show::quick ? task.steps / 10 : task.steps) / steps_per_epoch;
  options.batch = task.batch;
  options.seed = seed;
  options.clip = 1;  // the residual add alone needs it, so all four get it
  Trainer<float> trainer(model, optimizer, options);
  return trainer.fit(data.size(), [&](const Batch& batch) {
    const Data some = samples(data, batch);
    return cross_entropy(model(some.x), some.labels);
  });
}
// [/train]

/// Steps until the loss, averaged over the last 16, was below the target; infinite when it never was.
double steps_to_target(const History& history, double target) {
  const std::size_t window = std::min<std::size_t>(16, history.steps());
  for (std::size_t t = window; t <= history.steps(); ++t) {
    const auto end = history.loss.begin() + std::ptrdiff_t(t);
    if (std::accumulate(end - std::ptrdiff_t(window), end, 0.) / double(window) < target) return double(t);
  }
  return INFINITY;
}

// [measure]
Outcome measure(const Task& task, const Switches& switches, std::uint64_t seed) {
  const Data data = task.data(task.training, seed), test = task.data(1000, 1000 + seed);
  auto model = network(task, switches, seed);
  Outcome o;
  History history;
  o.measures["training time, ms"] = 1e3 * seconds_of([&] { history = train(task, model, data, seed); });
  o.measures["steps to the target"] = steps_to_target(history, task.target);
  Evaluation result = evaluate(model, test);
  o.measures["run time of 1000, ms"] = 1e3 * seconds_of([&] { result = evaluate(model, test); });
  o.measures["parameters"] = double(model.parameter_count());
  o.measures["training accuracy"] = evaluate(model, data).accuracy();
  o.measures["test accuracy"] = result.accuracy();
  o.measures["test cross-entropy"] = result.loss;
  o.measures["recall, macro"] = result.confusion.macro().recall;
  o.measures["F1, macro"] = result.confusion.macro().f1;
  Rng rng(seed);
  o.measures["accuracy with noise"] = evaluate(model, noisy(test, task.noise, rng)).accuracy();
  o.measures["accuracy, perturbed"] = evaluate(model, perturbed(test, model, task.perturbation)).accuracy();
  o.measures["accuracy, outliers"] = evaluate(model, with_outliers(test, task.outliers, rng)).accuracy();
  for (std::size_t i = 0; i < test.size(); ++i) o.right.push_back(result.answers(i) == test.labels(i));
  return o;
}
// [/measure]

// --- tables ------------------------------------------------------------------------------------------------

using Outcomes = std::vector<std::vector<Outcome>>;  // of each variant, of each seed

std::string cell(const std::string& name, const std::vector<Outcome>& outcomes) {
  double sum = 0, squares = 0;
  std::string list;
  for (const auto& o : outcomes) {
    const double v = o.measures.at(name);
    sum += v;
    list += (list.empty() ? "" : "/") + (std::isfinite(v) ? show::text(v) : "never");
  }
  const double n = double(outcomes.size()), mean = sum / n;
  for (const auto& o : outcomes) squares += (o.measures.at(name) - mean) * (o.measures.at(name) - mean);
  char text[60];
  if (name == "parameters") return show::text(mean);
  if (name == "steps to the target") return list;
  if (name.find("ms") != std::string::npos)
    std::snprintf(text, sizeof text, "%.0f ms", mean);
  else
    std::snprintf(text, sizeof text, "%.3f ± %.3f", mean, std::sqrt(squares / std::max(1., n - 1)));
  return text;
}

void table(const Task& task, const Outcomes& outcomes) {
  show::section("All measures: " + task.name);
  std::printf("%-22s", "");
  for (const auto& v : variants) std::printf("%18s", v.describe().c_str());
  std::printf("\n");
  for (const std::string name :
       {"training accuracy", "test accuracy", "test cross-entropy", "recall, macro", "F1, macro",
        "steps to the target", "training time, ms", "accuracy with noise", "accuracy, perturbed",
        "accuracy, outliers", "parameters", "run time of 1000, ms"}) {
    std::printf("%-22s", name.substr(0, name.find(", ms")).c_str());
    for (const auto& of_variant : outcomes) std::printf("%18s", cell(name, of_variant).c_str());
    std::printf("\n");
  }
}

std::vector<double> column(const std::vector<Outcome>& outcomes, const std::string& name) {
  std::vector<double> values;
  for (const auto& o : outcomes) values.push_back(o.measures.at(name));
  return values;
}

// [compare]
/// The test samples of all seeds in one row: each was answered by both variants.
std::vector<double> all_right(const std::vector<Outcome>& outcomes) {
  std::vector<double> all;
  for (const auto& o : outcomes) all.insert(all.end(), o.right.begin(), o.right.end());
  return all;
}

void compare(const Outcomes& outcomes, std::size_t a, std::size_t b) {
  Rng rng(1);
  const Comparison c = paired_bootstrap(all_right(outcomes[a]), all_right(outcomes[b]), rng);
  std::printf("%-14s minus %-14s %+.3f, 95 %% between %+.3f and %+.3f; p %.3f; by seed:",
              variants[a].describe().c_str(), variants[b].describe().c_str(), c.difference, c.low, c.high,
              c.p);
  for (std::size_t s = 0; s < seeds.size(); ++s)
    std::printf(" %+.3f",
                outcomes[a][s].measures.at("test accuracy") - outcomes[b][s].measures.at("test accuracy"));
  std::printf("\n");
}
// [/compare]

void comparisons(const Task& task, const Outcomes& outcomes) {
  show::section("Is the difference real? " + task.name);
  for (const auto& [a, b] : {std::pair(3, 0), {3, 1}, {3, 2}, {1, 0}, {2, 0}})
    compare(outcomes, std::size_t(a), std::size_t(b));
}

void report(const Task& task, const Outcomes& outcomes) {
  std::vector<show::Result> results;
  for (std::size_t v = 0; v < variants.size(); ++v)
    results.push_back(show::reported(task.name + ", " + variants[v].describe() + ": test accuracy",
                                     column(outcomes[v], "test accuracy")));
  if (task.name == "spiral") {
    auto ratios = column(outcomes[3], "steps to the target");
    for (std::size_t i = 0; i < ratios.size(); ++i)
      ratios[i] /= outcomes[0][i].measures.at("steps to the target");
    results.push_back(show::at_most("spiral, steps to the target: residual + LN over neither", ratios, .7));
  }
  const bool complete = outcomes.size() == 4 && outcomes[0][0].measures.size() == 12;
  results.push_back(show::holds(task.name + ": twelve measures of four variants", complete));
  show::experiment({"E18", "every measure of D4 Q30 for four variants, three seeds", results});
  show::system({"S24", "",
                "the ablation as one program: quality, speed, robustness, cost, comparison, errors",
                results});
}

// --- error analysis ----------------------------------------------------------------------------------------

void errors() {
  show::section("Error analysis: digits, residual + LN, seed 1");
  const Task& task = tasks[0];
  const Data data = task.data(task.training, 1), test = task.data(1000, 1001);
  auto model = network(task, {true, true}, 1);
  train(task, model, data, 1);
  const Evaluation result = evaluate(model, test);
  std::cout << result.confusion.to_string();
  show::expect_true("every sample is counted", result.confusion.samples() == test.size());

  // [worst]
  const Array<float> log_p = log_softmax(model(test.x)).value();
  const auto log_p_of_label = [&](std::size_t i) { return log_p(i, std::size_t(test.labels(i))); };
  std::vector<std::size_t> order(test.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::sort(order.begin(), order.end(),
            [&](auto a, auto b) { return log_p_of_label(a) < log_p_of_label(b); });
  // [/worst]
  show::section("Error analysis: the largest losses");
  for (std::size_t i = 0; i < 4; ++i)
    std::printf("  sample %zu: label %d, answer %d, probability of the label %.2g\n", order[i],
                int(test.labels(order[i])), int(result.answers(order[i])),
                std::exp(double(log_p_of_label(order[i]))));
  std::cout << picture(samples(test, Batch(order.begin(), order.begin() + 4)).x);
  show::expect_true("the confusion matrix has counted every sample",
                    result.confusion.samples() == test.size());
}

void accuracy_is_not_enough() {
  show::section("Accuracy alone misleads when classes are rare");
  auto labels = full<std::int64_t>({1000}, 0), always = labels, careful = labels;
  for (std::size_t i = 0; i < 50; ++i) labels(i) = 1;                     // five in a hundred are ill
  for (std::size_t i = 0; i < 40; ++i) careful(i) = careful(50 + i) = 1;  // 40 found, 40 false alarms
  for (const auto& [name, answers] : {std::pair("always \"well\"", always), {"a real test", careful}}) {
    const ConfusionMatrix m(2, labels, answers);
    std::printf("%-16s accuracy %.3f, recall of \"ill\" %.3f, precision %.3f, F1 %.3f\n", name, m.accuracy(),
                m.of_class(1).recall, m.of_class(1).precision, m.of_class(1).f1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  show::options(argc, argv, "The residual x LayerNorm ablation with every measure of D4 Q30.");
  for (const Task& task : tasks) {
    Outcomes outcomes;
    for (const Switches& v : variants) {
      outcomes.emplace_back();
      for (const std::uint64_t seed : seeds) outcomes.back().push_back(measure(task, v, seed));
    }
    table(task, outcomes);
    comparisons(task, outcomes);
    report(task, outcomes);
  }
  errors();
  accuracy_is_not_enough();
  return show::finish();
}
