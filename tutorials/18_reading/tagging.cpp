// Which names are in a sentence: one class for each word.
#include "reader.hpp"

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
