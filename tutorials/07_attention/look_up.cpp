// One attention layer learns to find the value that belongs to a key.
#include <iomanip>

#include "sections.hpp"

namespace {

// A memory of six (key, value) pairs in random order, and one key that is asked for.
const std::size_t keys = 6, values = 4;

struct Memories {
  Indices stored, contents, asked, answer;  // (batch, keys), (batch, keys), (batch, 1), (batch, 1)
};

Memories draw_memories(std::size_t size, Rng& rng) {
  Memories b{Indices::from_shape({size, keys}), Indices::from_shape({size, keys}),
             Indices::from_shape({size, 1}), Indices::from_shape({size, 1})};
  for (std::size_t i = 0; i < size; ++i) {
    const auto order = rng.permutation(keys);
    for (std::size_t j = 0; j < keys; ++j) {
      b.stored(i, j) = std::int64_t(order[j]);
      b.contents(i, j) = std::int64_t(rng.below(values));
    }
    const auto place = rng.below(keys);
    b.asked(i, 0) = b.stored(i, place);
    b.answer(i, 0) = b.contents(i, place);
  }
  return b;
}

double accuracy(const V& logits, const Indices& answer) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < answer.size(); ++i) {
    const double* row = logits.value().data() + i * values;
    right += std::size_t(std::max_element(row, row + values) - row) == std::size_t(answer.data()[i]);
  }
  return double(right) / double(answer.size());
}

// weights: (batch, 1 query, 6 keys); with several heads (batch, heads, 1, 6)
void what_it_looks_at(const Memories& test, const A& weights) {
  show::section("What it looks at");
  const auto weight = [&](std::size_t sample, std::size_t key) {  // of the first head
    return weights.data()[sample * weights.size() / test.asked.size() + key];
  };
  double table[keys][keys] = {}, asked_how_often[keys] = {};
  for (std::size_t i = 0; i < test.asked.size(); ++i) {
    const auto asked = std::size_t(test.asked(i, 0));
    ++asked_how_often[asked];
    for (std::size_t j = 0; j < keys; ++j) table[asked][std::size_t(test.stored(i, j))] += weight(i, j);
  }
  std::cout << "mean attention weight; row: key asked for, column: key stored\n      a     b     c     d     "
               "e     f\n";
  double smallest = 1;
  for (std::size_t asked = 0; asked < keys; ++asked) {
    std::cout << char('a' + int(asked));
    for (std::size_t stored = 0; stored < keys; ++stored)
      std::cout << "  " << std::fixed << std::setprecision(2)
                << table[asked][stored] / asked_how_often[asked];
    smallest = std::min(smallest, table[asked][asked] / asked_how_often[asked]);
    std::cout << '\n';
  }
  std::cout << "one memory:";
  for (std::size_t j = 0; j < keys; ++j)
    std::cout << "  " << char('a' + int(test.stored(0, j))) << '=' << test.contents(0, j);
  std::cout << "   asked: " << char('a' + int(test.asked(0, 0))) << "\nweights:   ";
  for (std::size_t j = 0; j < keys; ++j) std::cout << " " << weight(0, j);
  std::cout << "   answer: " << test.answer(0, 0) << '\n';
  show::expect_true("every key finds itself with a mean weight above 0.8", smallest > .8);
}

}  // namespace

void look_up() {
  show::section("Learning to look up");
  Rng rng(42);
  const std::size_t d = 16;
  // [look-up]
  Embedding<double> key_table(keys, d, rng), value_table(values, d, rng);
  MultiHeadAttention<double> attend(d, 1, Init::xavier_uniform(), rng);
  Linear<double> read(d, values, Init::xavier_uniform(), rng);
  const auto model = [&](const Memories& b) {
    const V memory = key_table(b.stored) + value_table(b.contents);  // (batch, 6, d): one token a pair
    return read(attend(key_table(b.asked), memory));                 // (batch, 1, 4)
  };
  Parameters<double> parameters;
  for (Module<double>* module : std::vector<Module<double>*>{&key_table, &value_table, &attend, &read})
    for (const auto& p : module->parameters()) parameters.push_back(p);
  Adam<double> adam(parameters, 1e-2);
  // [/look-up]
  Rng test_rng(43);
  const Memories test = draw_memories(1000, test_rng);
  std::cout << "step   loss     accuracy on 1000 new memories (chance: 0.25)\n";
  double final_accuracy = 0;
  for (int step = 0; step <= 100; ++step) {
    // [step]
    const Memories batch = draw_memories(64, rng);
    Tape<double> tape;
    const V loss = cross_entropy(model(batch), batch.answer);
    adam.zero_grad();
    loss.backward();
    adam.step();
    // [/step]
    if (step % 20 == 0) {
      NoGrad pause;
      final_accuracy = accuracy(model(test), test.answer);
      std::printf("%4d   %.4f   %.3f\n", step, loss.item(), final_accuracy);
      std::fflush(stdout);
    }
  }
  show::expect_true("accuracy above 0.99", final_accuracy > .99);

  A weights;
  attend.weights = &weights;
  model(test);
  what_it_looks_at(test, weights);
}
