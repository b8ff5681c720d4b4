// An answer to a question: attention from the question to the facts.
#include <iomanip>

#include "reader.hpp"

namespace {

constexpr std::size_t facts = 4, words_in_fact = 5;

/// Columns begin … end-1 of rows of tokens.
Indices columns(const Indices& x, std::size_t begin, std::size_t end) {
  Indices some = empty<std::int64_t>({x.shape(0), end - begin});
  for (std::size_t i = 0; i < x.shape(0); ++i)
    for (std::size_t t = begin; t < end; ++t) some(i, t - begin) = x(i, t);
  return some;
}

// [memory]
/// Reads rows of four facts and a question. Each fact becomes one vector, the question another; attention
/// looks for the fact that fits.
struct Memory : Module<float> {
  Memory(std::size_t vocabulary, std::size_t d, Rng& rng)
      : encoder(vocabulary, d, 1, rng),
        look(d, 1, Init::xavier_uniform(), rng),
        head(2 * d, vocabulary, Init::xavier_uniform(), rng) {}
  V operator()(const Indices& rows) {
    const std::size_t n = rows.shape(0), said = facts * words_in_fact;
    const Indices each_fact = reshaped(columns(rows, 0, said), {n * facts, words_in_fact}),
                  asked = columns(rows, said, rows.shape(1));
    const auto samples = std::ptrdiff_t(n), d = std::ptrdiff_t(look.query.weight.extent(0));
    const V memory = reshape(mean_of_words(encoder(each_fact), each_fact), {samples, -1, d});
    const V question = reshape(mean_of_words(encoder(asked), asked), {samples, 1, d});
    const V found = look(question, memory);
    return reshape(head(concatenate<float>({question, found}, -1)), {samples, -1});
  }
  V forward(const V& x) override { return (*this)(whole_numbers(x.value())); }
  std::vector<Part<float>> parts() override { return {{"encoder", encoder}, {"look", look}, {"head", head}}; }
  std::string describe() const override { return "Memory"; }
  using Module<float>::operator();

  Encoder encoder;
  MultiHeadAttention<float> look;
  Linear<float> head;
};
// [/memory]

}  // namespace

void answering() {
  show::section("An answer to a question");
  const std::size_t n = 2000, tests = 500;
  const auto all = questions(n + tests, facts, 1);
  Tokens words;
  for (const auto& q : all) words.insert(words.end(), q.words.begin(), q.words.end());
  const Vocabulary vocabulary(words);
  std::vector<Ids> x;
  Ids y;
  for (const auto& q : all) {
    x.push_back(vocabulary.encode(q.words));
    y.push_back(vocabulary.id(q.answer));
  }
  Array<float> weights;
  const auto accuracies = show::over_seeds([&](std::uint64_t seed) {
    Rng rng(seed);
    Memory model(vocabulary.size(), 32, rng);
    train(model, n, 8, 3e-3, seed,
          [&](const Batch& b) { return cross_entropy(model(pick(x, b)), pick(y, b)); });
    model.look.weights = &weights;
    model(pick(x, Batch{n}));
    model.look.weights = nullptr;
    const Batch test = range(n, n + tests);
    return share_right(predicted_classes(model(pick(x, test)).value()), pick(y, test));
  });
  const Indices common = full<std::int64_t>({tests}, most_frequent(Ids(y.begin(), y.begin() + n)));
  std::cout << "the most frequent answer:       "
            << show::text(share_right(common, pick(y, range(n, n + tests))), 3)
            << "\nany of the four facts, guessed: 0.25\nattention to the facts:         "
            << show::text(accuracies, 3) << "\n\nweight  fact\n";
  const auto& shown = all[n].words;
  const auto part = [&](std::size_t begin, std::size_t end) {
    return join_words(Tokens(shown.begin() + std::ptrdiff_t(begin), shown.begin() + std::ptrdiff_t(end)));
  };
  for (std::size_t f = 0; f < facts; ++f)
    std::cout << std::fixed << std::setprecision(3) << weights.data()[f] << "   "
              << part(words_in_fact * f, words_in_fact * (f + 1)) << '\n'
              << std::defaultfloat;
  std::cout << "        " << part(words_in_fact * facts, shown.size()) << "  " << all[n].answer << '\n';
  if (!show::quick)
    show::expect_true("at least 0.95 with each seed",
                      *std::min_element(accuracies.begin(), accuracies.end()) >= .95);
}
