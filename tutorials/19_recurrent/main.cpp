// 19 Recurrent networks: remembering over many steps, and what residual and LN
// do to the gradient through time.

#include <algorithm>
#include <iomanip>
#include <numeric>

#include "show.hpp"
#include "systems.hpp"

using namespace xgrad;
using V = Variable<float>;

namespace {

constexpr std::size_t vocabulary = 8, classes = 4, d = 32;
// U(±1/√(2d)) for W and U: as one matrix on x and h together would start in
// PyTorch.
const Init init = Init::uniform_fan_in().scaled(std::sqrt(.5));
std::size_t seeds() { return show::quick ? 1 : 3; }
std::vector<std::size_t> distances() {
  return show::quick ? std::vector<std::size_t>{8} : std::vector<std::size_t>{8, 32, 64};
}

// [reader]
// A recurrent network over token vectors; the answer is read from its last
// state.
class Reader : public Module<float> {
 public:
  Reader(const RecurrentOptions& options, Rng& rng)
      : tokens(vocabulary, d, rng),
        rnn(d, d, init, rng, options),
        head(d, classes, Init::uniform_fan_in(), rng) {}

  std::vector<V> states(const Indices& x) {
    std::vector<V> steps;
    for (std::size_t t = 0; t < x.shape(1); ++t) {
      Indices column = Indices::from_shape({x.shape(0)});
      for (std::size_t i = 0; i < x.shape(0); ++i) column(i) = x(i, t);
      steps.push_back(tokens(column));
    }
    return rnn(steps);
  }
  V forward(const V& x) override { return head(states(whole_numbers(x.value())).back()); }
  std::vector<Part<float>> parts() override { return {{"tokens", tokens}, {"rnn", rnn}, {"head", head}}; }
  std::string describe() const override { return "Reader"; }

  Embedding<float> tokens;
  RNN<float> rnn;
  Linear<float> head;
};
// [/reader]

// [attender]
// The same with attention: one encoder layer over all tokens at once, and the
// mean of its rows.
class Attender : public Module<float> {
 public:
  explicit Attender(Rng& rng)
      : embedding({vocabulary, d}, rng),
        layer(d, 4, 64, NormPlacement::post, Init::xavier_uniform(), rng),
        head(d, classes, Init::uniform_fan_in(), rng) {}
  V forward(const V& x) override { return head(mean(layer(embedding(x)), {1})); }
  std::vector<Part<float>> parts() override {
    return {{"embedding", embedding}, {"layer", layer}, {"head", head}};
  }
  std::string describe() const override { return "Attender"; }

  TokenEmbedding<float> embedding;
  TransformerEncoderLayer<float> layer;
  Linear<float> head;
};
// [/attender]

struct Kind {
  const char* name;
  bool attention;
  RecurrentOptions options;
};
const std::vector<Kind> kinds{{"attention", true, {}},
                              {"RNN", false, {}},
                              {"RNN + LN", false, {false, true}},
                              {"RNN + residual + LN", false, {true, true}}};

std::unique_ptr<Module<float>> make(const Kind& kind, Rng& rng) {
  if (kind.attention) return std::make_unique<Attender>(rng);
  return std::make_unique<Reader>(kind.options, rng);
}

Array<float> rows(const Indices& x, const std::vector<std::size_t>& which) {
  const std::size_t width = x.shape(1);
  auto result = empty<float>({which.size(), width});
  for (std::size_t i = 0; i < which.size(); ++i)
    for (std::size_t t = 0; t < width; ++t) result(i, t) = float(x(which[i], t));
  return result;
}

double accuracy(Module<float>& model, const LabelledTokens& data) {
  const V logits = model(V(cast<float>(data.x)));
  std::size_t right = 0;
  for (std::size_t i = 0; i < data.size(); ++i) {
    const float* row = logits.value().data() + i * classes;
    right += std::max_element(row, row + classes) - row == data.labels(i);
  }
  return double(right) / double(data.size());
}

// Trains on 512 rows and returns the accuracy on 256 others.
double recall(const Kind& kind, std::size_t steps, std::uint64_t seed) {
  const auto data = recall_first(512, steps, seed), test = recall_first(256, steps, seed + 100);
  Rng rng(seed);
  const auto model = make(kind, rng);
  // [train]
  Adam<float> adam(model->parameters(), 3e-3);
  for (std::size_t step = 0; step < 200; ++step) {
    std::vector<std::size_t> which;
    Indices labels = Indices::from_shape({64});
    for (std::size_t i = 0; i < 64; ++i) {
      which.push_back(rng.below(data.size()));
      labels(i) = data.labels(which.back());
    }
    Tape<float> tape;
    cross_entropy((*model)(V(rows(data.x, which))), labels).backward();
    adam.step();
    adam.zero_grad();
  }
  // [/train]
  return accuracy(*model, test);
}

void recall_table() {
  show::section("Recall the first token");
  std::cout << "accuracy on 256 new rows, guessing .25; " << seeds() << " seeds each\nsteps  ";
  for (const Kind& kind : kinds) std::cout << std::left << std::setw(24) << kind.name;
  std::cout << std::right << '\n';
  std::vector<std::vector<std::vector<double>>> found;  // of each distance and kind
  for (const std::size_t steps : distances()) {
    std::cout << std::setw(5) << steps << "  ";
    found.emplace_back();
    for (const Kind& kind : kinds) {
      found.back().push_back(show::over_seeds([&](std::uint64_t seed) { return recall(kind, steps, seed); }));
      std::cout << std::left << std::setw(24) << show::text(found.back().back(), 2) << std::right;
    }
    std::cout << '\n';
  }
  if (show::quick) return;
  const auto mean = [](const std::vector<double>& v) {
    return std::accumulate(v.begin(), v.end(), 0.) / double(v.size());
  };
  const auto &middle = found[1], &far = found[2];
  show::experiment(
      {"E26",
       "attention recalls after 64 steps, a plain tanh RNN does not; with "
       "residual and LN through time a network recalls "
       "better than the plain one",
       {show::at_least("attention, 64 steps", far[0], .95), show::at_most("RNN, 64 steps", far[1], .5),
        show::above("32 steps: mean with residual + LN beyond the plain RNN's",
                    {mean(middle[3]) - mean(middle[1])}, .1),
        show::reported("RNN + LN, 64 steps", far[2]),
        show::reported("RNN + residual + LN, 64 steps", far[3])},
       "residual + LN at 64 steps: 1.00 for both seeds; here for some seeds "
       "only"});
}

// [gradient]
// log₁₀ of the gradient's size at each state h₁ … h_T, at initialisation: the
// mean over seeds. The loss is read from the last state; the handles hold
// ∂L/∂h_t after the backward pass.
std::vector<double> through_time(const RecurrentOptions& options, std::size_t steps) {
  std::vector<double> logs(steps + 1, 0);
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    Rng rng(seed);
    Reader model(options, rng);
    const auto data = recall_first(64, steps, seed);
    Tape<float> tape;
    const auto states = model.states(data.x);
    cross_entropy(model.head(states.back()), data.labels).backward();
    const auto found = log10_gradients<float>(states);
    for (std::size_t t = 0; t < found.size(); ++t) logs[t] += (found[t] - found.back()) / 3;
  }
  return logs;
}
// [/gradient]

void gradients() {
  show::section("The gradient through time");
  constexpr std::size_t steps = 64;
  std::cout << "size of the gradient at state t beside that at the last state, "
               "before training\n";
  std::vector<double> first;
  for (std::size_t k = 1; k < kinds.size(); ++k) {
    const auto logs = through_time(kinds[k].options, steps);
    first.push_back(logs.front());
    std::cout << kinds[k].name << '\n';
    for (std::size_t t = 0; t <= steps; t += 8)  // one # for each power of ten above 10⁻²⁶
      std::cout << "  t = " << std::setw(2) << t << "  10^" << std::setw(6) << std::fixed
                << std::setprecision(2) << (std::abs(logs[t]) < .005 ? 0 : logs[t]) << std::defaultfloat
                << "  " << std::string(std::size_t(std::max(0., 26 + std::round(logs[t]))), '#') << '\n';
  }
  show::expect_true("RNN: less than 10⁻¹⁰ of the gradient arrives", first[0] < -10);
  show::expect_true("RNN + residual + LN: more than 10⁻² arrives", first[2] > -2);
}

}  // namespace

int main(int argc, char** argv) {
  show::options(argc, argv, "Chapter 19: recurrent networks");
  gradients();
  recall_table();
  return show::finish();
}
