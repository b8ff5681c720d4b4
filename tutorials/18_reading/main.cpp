// 18 Reading: one encoder, three heads: what a sentence says, which names are in it, and an answer to a
// question.

#include <algorithm>
#include <iomanip>
#include <map>

#include "quick.hpp"
#include "show.hpp"
#include "systems.hpp"

using namespace xgrad;
using V = Variable<float>;

namespace {

// [encoder]
/// Tokens (n, T) to vectors (n, T, d). Padding is hidden from every query.
class Encoder : public Module<float> {
 public:
  Encoder(std::size_t vocabulary, std::size_t d, std::size_t depth, Rng& rng)
      : embedding({vocabulary, d}, rng), norm(d) {
    for (std::size_t i = 0; i < depth; ++i)
      layers.emplace_back(d, 4, 4 * d, NormPlacement::pre, Init::xavier_uniform(), rng);
  }
  V operator()(const Indices& tokens) {
    V x = embedding(tokens);
    for (auto& layer : layers) x = layer(x, padding_mask(tokens));
    return norm(x);
  }
  V forward(const V& x) override { return (*this)(whole_numbers(x.value())); }
  std::vector<Part<float>> parts() override {
    std::vector<Part<float>> all{{"embedding", embedding}};
    for (std::size_t i = 0; i < layers.size(); ++i)
      all.emplace_back("layers." + std::to_string(i), layers[i]);
    all.emplace_back("norm", norm);
    return all;
  }
  std::string describe() const override { return "Encoder"; }
  using Module<float>::operator();

  TokenEmbedding<float> embedding;
  std::vector<TransformerEncoderLayer<float>> layers;
  LayerNorm<float> norm;
};
// [/encoder]

/// An encoder with a linear layer on top of it.
class Reader : public Module<float> {
 public:
  Reader(std::size_t vocabulary, std::size_t answers, std::size_t d, std::size_t depth, Rng& rng)
      : encoder(vocabulary, d, depth, rng), head(d, answers, Init::xavier_uniform(), rng) {}
  V forward(const V& x) override { return head(encoder(x)); }
  std::vector<Part<float>> parts() override { return {{"encoder", encoder}, {"head", head}}; }
  std::string describe() const override { return "Reader"; }
  Encoder encoder;
  Linear<float> head;
};

// [pooling]
/// The mean of the vectors of each sentence, padding left out: (n, T, d) to (n, d).
V mean_of_words(const V& x, const Indices& tokens) {
  auto share = zeros<float>({tokens.shape(0), tokens.shape(1), 1});
  for (std::size_t i = 0; i < tokens.shape(0); ++i) {
    const Ids words = row(tokens, i);
    const auto length = words.size() - std::size_t(std::count(words.begin(), words.end(), Vocabulary::pad));
    for (std::size_t t = 0; t < length; ++t) share(i, t, 0) = 1 / float(length);
  }
  return sum(x * V(share), {1});
}
// [/pooling]

Indices pick(const std::vector<Ids>& sentences, const Batch& batch) {
  std::vector<Ids> some;
  for (std::size_t i : batch) some.push_back(sentences[i]);
  return padded(some);
}

Indices pick(const Ids& labels, const Batch& batch) {
  Indices some = empty<std::int64_t>({batch.size()});
  for (std::size_t i = 0; i < batch.size(); ++i) some(i) = labels[batch[i]];
  return some;
}

Batch range(std::size_t begin, std::size_t end) {
  Batch all(end - begin);
  std::iota(all.begin(), all.end(), begin);
  return all;
}

double share_right(const Indices& answers, const Indices& labels) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) right += answers.data()[i] == labels.data()[i];
  return double(right) / double(labels.size());
}

void train(Module<float>& model, std::size_t n, std::size_t epochs, double rate, std::uint64_t seed,
           const Trainer<float>::Loss& loss) {
  Adam<float> adam(model.parameters(), rate);
  TrainerOptions options{show::quick ? 1 : epochs, 32};
  options.seed = seed;
  options.schedule = schedule::cosine(rate, options.epochs * ((n + 31) / 32));
  Trainer<float>(model, adam, options).fit(n, loss);
}

std::int64_t most_frequent(const Ids& labels) {
  std::map<std::int64_t, int> times;
  for (auto label : labels) ++times[label];
  return std::max_element(times.begin(), times.end(), [](auto& a, auto& b) { return a.second < b.second; })
      ->first;
}

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

void tagging() {
  show::section("Which names are in it");
  const std::size_t n = 1500, tests = 500;
  const auto all = tagged_sentences(n + tests, 1);
  Tokens words, tags;
  for (const auto& s : all) {
    words.insert(words.end(), s.words.begin(), s.words.end());
    tags.insert(tags.end(), s.tags.begin(), s.tags.end());
  }
  const Vocabulary vocabulary(words), tag_names(tags);
  std::vector<Ids> x, y;
  std::map<std::int64_t, Ids> tags_of;  // in training, for the baseline
  for (std::size_t i = 0; i < all.size(); ++i) {
    x.push_back(vocabulary.encode(all[i].words));
    y.push_back(tag_names.encode(all[i].tags));
    for (std::size_t t = 0; i < n && t < x[i].size(); ++t) tags_of[x[i][t]].push_back(y[i][t]);
  }
  CrossEntropyOptions not_padding;
  not_padding.ignore_index = Vocabulary::pad;
  // Words that are tagged right, and sentences in which all are.
  const auto score = [&](const std::function<std::int64_t(std::size_t i, std::size_t t)>& answer) {
    double right = 0, count = 0, whole = 0;
    for (std::size_t i = n; i < n + tests; ++i) {
      bool good = true;
      for (std::size_t t = 0; t < x[i].size(); ++t, ++count) {
        const bool same = answer(i, t) == y[i][t];
        right += same;
        good = good && same;
      }
      whole += good;
    }
    return std::pair(right / count, whole / double(tests));
  };
  const auto often = score([&](std::size_t i, std::size_t t) {
    const auto seen = tags_of.find(x[i][t]);
    return seen == tags_of.end() ? tag_names.id("O") : most_frequent(seen->second);
  });
  std::vector<double> sentences;
  Ids shown;
  const auto accuracies = show::over_seeds([&](std::uint64_t seed) {
    Rng rng(seed);
    Reader model(vocabulary.size(), tag_names.size(), 32, 2, rng);
    train(model, n, 6, 3e-3, seed, [&](const Batch& b) {
      return cross_entropy(model.head(model.encoder(pick(x, b))), pick(y, b), not_padding);
    });
    const Indices test = pick(x, range(n, n + tests));
    const Indices answers = predicted_classes(model.head(model.encoder(test)).value());
    const auto [right, whole] = score([&](std::size_t i, std::size_t t) { return answers(i - n, t); });
    sentences.push_back(whole);
    const Ids text = vocabulary.encode(split_words("victoria stone met sydney and left victoria."));
    shown = row(predicted_classes(model.head(model.encoder(padded({text}))).value()), 0);
    return right;
  });
  std::cout << "                             words right           sentences right\n"
            << "the word's most frequent tag " << show::text(often.first, 3) << "                 "
            << show::text(often.second, 3) << "\nencoder                      " << show::text(accuracies, 3)
            << "  " << show::text(sentences, 3) << '\n';
  if (!show::quick)
    show::expect_true("encoder at least 0.95 of the words with each seed",
                      *std::min_element(accuracies.begin(), accuracies.end()) >= .95);
  const Tokens text = split_words("victoria stone met sydney and left victoria.");
  for (std::size_t t = 0; t < text.size(); ++t)
    std::cout << (t ? " " : "") << text[t] << '/' << tag_names.token(shown[t]);
  std::cout << '\n';
}

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

}  // namespace

int main(int argc, char** argv) {
  show::options(argc, argv, "One encoder reads sentences for three tasks.");
  set_gemm_threads(1);
  sentiment();
  tagging();
  answering();
  return show::finish();
}
