// What a sentence says: one class for all of it.
#include "reader.hpp"

namespace {

// [classify]
V verdict(Reader& model, const Indices& tokens) {
  return model.head(mean_of_words(model.encoder(tokens), tokens));
}
// [/classify]

/// The baseline that sees which words there are, but not where: a weight for each word, their mean, a bias.
struct BagOfWords : Module<float> {
  BagOfWords(std::size_t vocabulary, Rng& rng)
      : weights(vocabulary, 2, rng, .1), bias(parameter(zeros<float>({2}))) {}
  V operator()(const Indices& tokens) { return mean_of_words(weights(tokens), tokens) + bias; }
  V forward(const V& x) override { return (*this)(whole_numbers(x.value())); }
  std::vector<Part<float>> parts() override { return {{"weights", weights}, {"bias", bias}}; }
  std::string describe() const override { return "BagOfWords"; }
  using Module<float>::operator();
  Embedding<float> weights;
  V bias;
};

}  // namespace

void sentiment() {
  show::section("What a sentence says");
  const std::size_t n = 2000, tests = 500;
  const auto all = reviews(n + tests, 1);
  Tokens words;
  std::vector<Ids> x;
  Ids y;
  for (const auto& review : all) words.insert(words.end(), review.words.begin(), review.words.end());
  const Vocabulary vocabulary(words, Vocabulary::Specials::with_unknown);
  for (const auto& review : all) {
    x.push_back(vocabulary.encode(review.words));
    y.push_back(review.positive);
  }
  for (std::size_t i = 0; i < 3; ++i) std::cout << (y[i] ? "+ " : "- ") << join_words(all[i].words) << '\n';
  const Indices test = pick(x, range(n, n + tests)), labels = pick(y, range(n, n + tests));

  std::vector<double> bags;
  std::unique_ptr<Reader> last;
  const auto accuracies = show::over_seeds([&](std::uint64_t seed) {
    Rng rng(seed);
    BagOfWords bag(vocabulary.size(), rng);
    train(bag, n, 20, 3e-2, seed, [&](const Batch& b) { return cross_entropy(bag(pick(x, b)), pick(y, b)); });
    bags.push_back(share_right(predicted_classes(bag(test).value()), labels));
    last = std::make_unique<Reader>(vocabulary.size(), 2, 32, 2, rng);
    train(*last, n, 6, 3e-3, seed,
          [&](const Batch& b) { return cross_entropy(verdict(*last, pick(x, b)), pick(y, b)); });
    return share_right(predicted_classes(verdict(*last, test).value()), labels);
  });
  const Indices majority = full<std::int64_t>({tests}, most_frequent(Ids(y.begin(), y.begin() + n)));
  std::cout << n << " sentences to learn from, " << tests << " others to judge by\n"
            << "the more frequent class: " << show::text(share_right(majority, labels), 3)
            << "\nbag of words:            " << show::text(bags, 3)
            << "\nencoder:                 " << show::text(accuracies, 3) << '\n';
  if (!show::quick)
    show::expect_true("encoder at least 0.95 with each seed",
                      *std::min_element(accuracies.begin(), accuracies.end()) >= .95);

  show::section("Class and probability");
  for (const char* text : {"the film was not bad.", "the music was fine, but the ending was really awful.",
                           "the cast was boring and the story was not."}) {
    const Indices tokens = padded({vocabulary.encode(split_words(text))});
    const Array<float> p = softmax(verdict(*last, tokens)).value();
    std::cout << (p(0, 1) > p(0, 0) ? "positive " : "negative ") << show::text(std::max(p(0, 0), p(0, 1)), 2)
              << "  " << text << '\n';
  }
  const Indices alone = padded({x[0]});
  Indices with_padding = full<std::int64_t>({1, alone.size() + 5}, Vocabulary::pad);
  std::copy(alone.begin(), alone.end(), with_padding.begin());
  const Array<float> a = verdict(*last, alone).value(), b = verdict(*last, with_padding).value();
  show::expect_true("five places of padding change nothing", std::abs(a(0, 0) - b(0, 0)) < 1e-4);
}
