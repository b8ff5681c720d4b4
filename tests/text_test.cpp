// Characters, words, vocabularies, padding, windows of a text, and the generated sentence pairs.
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "errors.hpp"
#include "xgrad/xgrad.hpp"

using namespace xgrad;
namespace fs = std::filesystem;
using Specials = Vocabulary::Specials;

namespace {

std::string joined(const Tokens& tokens) {
  std::string text;
  for (const auto& token : tokens) text += (text.empty() ? "" : "|") + token;
  return text;
}

/// The French side of an English sentence, as a reader would write it.
std::string translation(Grammar grammar, const std::string& english) {
  for (const auto& pair : english_french(grammar))
    if (join_words(pair.source) == english) return join_words(pair.target);
  return "(none)";
}

std::set<std::string> sentences(const std::vector<SentencePair>& pairs) {
  std::set<std::string> all;
  for (const auto& pair : pairs) all.insert(join_words(pair.source));
  return all;
}

std::set<std::string> words(const std::vector<SentencePair>& pairs) {
  std::set<std::string> all;
  for (const auto& pair : pairs) {
    for (const auto& word : pair.source) all.insert("en " + word);
    for (const auto& word : pair.target) all.insert("fr " + word);
  }
  return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(text_test)

BOOST_AUTO_TEST_CASE(characters) {
  BOOST_TEST(joined(split_characters("aé爱😀.")) == "a|é|爱|😀|.");
  BOOST_TEST(join_characters(split_characters("残差连接 x + f(x)\n")) == "残差连接 x + f(x)\n");
  BOOST_TEST(split_characters("").empty());
  BOOST_TEST(split_characters(std::string(1, '\0')).size() == 1U);
  // The first and the last character of each length, and the neighbours of the surrogates.
  for (const char* good : {"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    BOOST_TEST(split_characters(good).size() == 1U);
}

BOOST_AUTO_TEST_CASE(not_utf8) {
  // A continuation alone, overlong forms, surrogates, above U+10FFFF, cut short, Latin-1, GBK.
  for (const char* bad : {"\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
                          "\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
                          "\xc3", "\xe7\x88", "\xf0\x9f\x98", "\xe7\x88.", "\xe9t\xe9", "\xb0\xae"}) {
    check_error([&] { split_characters(std::string("ab") + bad); }, {"[text]", "byte 2 of", "UTF-8"});
    check_error([&] { split_words(std::string("a ") + bad); }, {"byte 2 of", "UTF-8"});
  }
}

BOOST_AUTO_TEST_CASE(words_and_back) {
  BOOST_TEST(joined(split_words("Je t'aime.")) == "je|t'|aime|.");
  BOOST_TEST(joined(split_words("  J’aime l’ÉTOILE,\tÇa\n")) == "j'|aime|l'|étoile|,|ça");
  BOOST_TEST(joined(split_words("A × B")) == "a|×|b");  // × lies among the capitals and is none
  BOOST_TEST(join_words({"je", "t'", "aime"}) == "je t'aime");
  BOOST_TEST(join_words({"who", "has", "it", "?", "i", ",", "too", "."}) == "who has it? i, too.");
  for (const char* text : {"il ne m'écoute pas.", "don't, he said; why? no!", ""})
    BOOST_TEST(join_words(split_words(text)) == text);
}

BOOST_AUTO_TEST_CASE(vocabularies) {
  const Vocabulary words(split_words("the cat sees the dog"));
  BOOST_TEST(words.size() == 7U);
  BOOST_TEST(words.id("cat") == 3);  // behind pad, bos, eos, in the order of their bytes
  BOOST_TEST(words.id("the") == 6);
  BOOST_TEST(words.token(3) == "cat");
  BOOST_TEST(words.token(0) == "<pad>");
  BOOST_TEST((words.encode({"the", "dog"}) == Ids{6, 4}));
  BOOST_TEST(joined(words.decode({1, 6, 4, 2, 3, 0, 0})) == "the|dog");  // without bos, up to eos
  BOOST_TEST(joined(words.decode({6, 0, 4})) == "the|dog");
  BOOST_TEST(words.has("dog"));
  BOOST_TEST(!words.has("<pad>"));
  check_error([&] { words.id("bird"); }, {"[vocabulary]", "\"bird\"", "4 tokens"});
  check_error([&] { words.encode({"cat", "bird"}); }, {"\"bird\""});
  check_error([&] { words.token(7); }, {"no token 7", "0 to 6"});
  check_error([&] { words.token(-1); }, {"no token -1"});
  check_error([&] { words.decode({-1}); }, {"no token -1"});

  const Vocabulary open(split_words("the cat"), Specials::with_unknown);
  BOOST_TEST((open.encode({"the", "bird"}) == Ids{5, Vocabulary::unk}));
  BOOST_TEST(joined(open.decode({5, 3})) == "the|<unk>");

  const Vocabulary letters(split_characters("爱a\nb爱"), Specials::none);
  BOOST_TEST(letters.size() == 4U);
  BOOST_TEST((letters.encode(split_characters("a爱\n")) == Ids{1, 3, 0}));
  BOOST_TEST(join_characters(letters.decode({0, 1, 2, 3})) == "\nab爱");  // 0, 1, 2 are ordinary tokens here
  check_error([] { Vocabulary({"a", ""}); }, {"a token is empty"});
  check_error([] { Vocabulary({"a", "<eos>"}); }, {"<eos> is a special token"});
  check_error([] { Vocabulary({}, Specials::none).token(0); }, {"no token 0"});
}

BOOST_AUTO_TEST_CASE(padding) {
  const Indices batch = padded({{5, 6, 7}, {8}, {9, 4}});
  BOOST_TEST((batch == Indices{{5, 6, 7}, {8, 0, 0}, {9, 4, 0}}));
  BOOST_TEST((padded({{5, 6}, {8}}, -1) == Indices{{5, 6}, {8, -1}}));
  BOOST_TEST((row(batch, 2) == Ids{9, 4, 0}));
  check_error([&] { row(batch, 3); }, {"no row 3 in (3, 3)"});
  check_error([] { row(Indices{1, 2}, 0); }, {"(2,)", "(n, T)"});
  check_error([] { padded({}); }, {"no sequences"});
  check_error([] { padded({{1}, {}}); }, {"sequence 1 is empty"});
  const Mask mask = padding_mask(batch);
  BOOST_TEST(shape_of(mask) == (Shape{3, 1, 1, 3}));
  BOOST_TEST(
      (reshaped(mask, {3, 3}) == Mask{{false, false, false}, {false, true, true}, {false, false, true}}));
  check_error([] { padding_mask(Indices{1, 2}); }, {"(2,)", "(n, T)"});
}

BOOST_AUTO_TEST_CASE(padding_does_not_change_attention) {
  Rng rng(1);
  MultiHeadAttention<double> attention(8, 2, Init::xavier_uniform(), rng);
  const auto three = rng.normal<double>({1, 3, 8});
  Array<double> five = rng.normal<double>({1, 5, 8});  // any numbers stand where the padding is
  std::copy_n(three.data(), three.size(), five.data());
  AttentionOptions options;
  options.mask = padding_mask(Indices{{4, 4, 4, 0, 0}});
  const auto y3 = attention(three, three).value(), y5 = attention(five, five, options).value();
  for (std::size_t i = 0; i < 24; ++i)
    BOOST_TEST(y3.data()[i] == y5.data()[i], boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(windows) {
  Ids text(23);
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = std::int64_t(i);
  const auto split = split_text(text, .2);
  BOOST_TEST(split.train.size() == 18U);
  BOOST_TEST(split.validation.size() == 5U);
  BOOST_TEST(split.validation.front() == 18);

  const auto batches = consecutive_windows(text, 2, 4);  // 22 predictions: 5 windows and a remainder of 2
  BOOST_REQUIRE(batches.size() == 3U);
  BOOST_TEST((batches[0].x == Indices{{0, 1, 2, 3}, {4, 5, 6, 7}}));
  BOOST_TEST((batches[0].next == Indices{{1, 2, 3, 4}, {5, 6, 7, 8}}));
  BOOST_TEST((batches[2].next == Indices{{17, 18, 19, 20}}));
  BOOST_TEST(consecutive_windows(text, 100, 22).at(0).next(0, 21) == 22);  // the longest window

  Rng rng(1);
  std::set<std::int64_t> places;
  for (int i = 0; i < 50; ++i) {
    const auto random = random_windows(text, 10, 20, rng);
    BOOST_TEST(shape_of(random.x) == (Shape{10, 20}));
    for (std::size_t w = 0; w < 10; ++w) {
      places.insert(random.x(w, 0));
      for (std::size_t t = 0; t < 20; ++t)
        BOOST_REQUIRE(random.next(w, t) == random.x(w, 0) + std::int64_t(t) + 1);
    }
  }
  BOOST_TEST((places == std::set<std::int64_t>{0, 1, 2}));  // all that there are

  BOOST_TEST((windows_at(text, {3, 18}, 4).next == Indices{{4, 5, 6, 7}, {19, 20, 21, 22}}));
  check_error([&] { windows_at(text, {3, 19}, 4); }, {"begins at 19", "begins at 18"});
  check_error([&] { windows_at(text, {}, 4); }, {"0 windows of 4"});
  check_error([&] { random_windows(text, 1, 23, rng); }, {"23 tokens", "at least 24"});
  check_error([&] { random_windows(text, 0, 4, rng); }, {"0 windows of 4"});
  check_error([&] { consecutive_windows(text, 1, 0); }, {"1 windows of 0"});
  check_error([&] { split_text(text, 1.); }, {"fraction", "is 1", "between 0 and 1"});
  check_error([&] { split_text(text, std::nan("")); }, {"between 0 and 1"});
  check_error([&] { split_text({1, 2, 3}, .5); }, {"of 3 tokens 2", "at least 2"});
}

BOOST_AUTO_TEST_CASE(entropy_of_pairs) {
  // a is followed by b and by c, once each; b and c by a, always: (2 ln 2 + 0) / 4.
  BOOST_TEST(bigram_entropy({0, 1, 0, 2, 0}) == std::log(2.) / 2, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(bigram_entropy({7, 7, 7}) == 0.);
  check_error([] { bigram_entropy({1}); }, {"1 tokens"});
}

BOOST_AUTO_TEST_CASE(text_files) {
  const fs::path path = fs::temp_directory_path() / ("xgrad_text_test_" + std::to_string(getpid()));
  std::ofstream(path, std::ios::binary) << "línea\r\n爱";
  BOOST_TEST(read_text(path.string()) == "línea\r\n爱");
  std::ofstream(path, std::ios::binary | std::ios::trunc);
  check_error([&] { read_text(path.string()); }, {"[text]", path.string(), "is empty"});
  fs::remove(path);
  check_error([&] { read_text(path.string()); }, {path.string(), "cannot be opened: No such file"});
  check_error([] { read_text("/tmp"); }, {"/tmp cannot be read: Is a directory"});
}

BOOST_AUTO_TEST_CASE(our_own_texts) {
  for (const auto& [name, characters] : {std::pair("lamp", 1700U), {"river", 332U}})
    BOOST_TEST(split_characters(read_text(std::string(XGRAD_TEXTS "/") + name + ".txt")).size() ==
               characters);
}

BOOST_AUTO_TEST_CASE(pronoun_grammar) {
  const auto pairs = english_french(Grammar::pronouns);
  BOOST_TEST(pairs.size() == 217U);
  BOOST_TEST(sentences(pairs).size() == 217U);
  for (const auto& pair : pairs) BOOST_REQUIRE((pair.source.size() == 3 && pair.target.size() == 3));
  const auto french = [](const char* english) { return translation(Grammar::pronouns, english); };
  BOOST_TEST(french("i love you") == "je t'aime");
  BOOST_TEST(french("she calls him") == "elle l'appelle");
  BOOST_TEST(french("we call them") == "nous les appelons");
  BOOST_TEST(french("they watch us") == "ils nous regardent");
  BOOST_TEST(french("you hate her") == "tu la détestes");
  BOOST_TEST(french("he listens me") == "il m'écoute");
  BOOST_TEST(french("he helps him") == "il l'aide");
  for (const char* same : {"i love me", "i love us", "we love me", "we love us", "you love you"})
    BOOST_TEST(french(same) == "(none)");
}

BOOST_AUTO_TEST_CASE(sentence_grammar) {
  const auto pairs = english_french(Grammar::sentences);
  BOOST_TEST(pairs.size() == 2912U);
  BOOST_TEST(sentences(pairs).size() == 2912U);
  const auto french = [](const char* english) { return translation(Grammar::sentences, english); };
  BOOST_TEST(french("i love you.") == "je t'aime.");
  BOOST_TEST(french("i do not love you.") == "je ne t'aime pas.");
  BOOST_TEST(french("i do not love the sea.") == "je n'aime pas la mer.");
  BOOST_TEST(french("she does not listen to the child.") == "elle n'écoute pas l'enfant.");
  BOOST_TEST(french("they listen to us.") == "ils nous écoutent.");
  BOOST_TEST(french("he carries the star.") == "il porte l'étoile.");
  BOOST_TEST(french("you do not forget her.") == "tu ne l'oublies pas.");
  BOOST_TEST(french("we imitate the cat.") == "nous imitons le chat.");
}

BOOST_AUTO_TEST_CASE(parallel_corpora) {
  for (const Grammar grammar : {Grammar::pronouns, Grammar::sentences})
    for (const std::uint64_t seed : {1, 2, 3}) {
      const auto corpus = english_french(grammar, 30, seed);
      const auto train = sentences(corpus.train), held_out = sentences(corpus.held_out);
      BOOST_TEST(held_out.size() == 30U);
      BOOST_TEST(train.size() + 30 == english_french(grammar).size());
      for (const auto& sentence : held_out)
        BOOST_TEST((!train.count(sentence) && sentence.rfind("i love you", 0) != 0));
      BOOST_TEST((words(corpus.train) == words(english_french(grammar))));
    }
  const auto corpus = english_french(Grammar::pronouns, 30, 1);
  BOOST_TEST(corpus.source.size() == 28U);
  BOOST_TEST(corpus.target.size() == 45U);
  BOOST_TEST((sentences(corpus.held_out) == sentences(english_french(Grammar::pronouns, 30, 1).held_out)));
  BOOST_TEST((sentences(corpus.held_out) != sentences(english_french(Grammar::pronouns, 30, 2).held_out)));
  BOOST_TEST(english_french(Grammar::pronouns, 0, 1).train.size() == 217U);
  check_error([] { english_french(Grammar::pronouns, 216, 1); }, {"216 of 217", "would lack words"});
}

BOOST_AUTO_TEST_CASE(translation_batches) {
  const Vocabulary english(split_words("i love you .")), french(split_words("je t' aime ."));
  const auto batch = encode({{split_words("i love you ."), split_words("je t' aime .")},
                             {split_words("love"), split_words("aime")}},
                            english, french);
  // . i love you and . aime je t', behind three special tokens
  BOOST_TEST((batch.source == Indices{{4, 5, 6, 3, 2}, {5, 2, 0, 0, 0}}));
  BOOST_TEST((batch.target == Indices{{1, 5, 6, 4, 3}, {1, 4, 0, 0, 0}}));
  BOOST_TEST((batch.expected == Indices{{5, 6, 4, 3, 2}, {4, 2, 0, 0, 0}}));
  check_error([&] { encode({}, english, french); }, {"no sequences"});
  check_error([&] { encode({{{"hate"}, {"aime"}}}, english, french); }, {"\"hate\""});
}

BOOST_AUTO_TEST_CASE(generated_reviews) {
  const std::set<std::string> good{"good", "fine", "clever", "funny", "moving", "brilliant", "fresh", "warm"};
  const std::set<std::string> bad{"bad", "dull", "silly", "boring", "slow", "awful", "stale", "cold"};
  const auto all = reviews(4000, 1);
  std::set<Tokens> seen;
  int positive = 0, two = 0, contrasts = 0;
  for (const auto& review : all) {
    seen.insert(review.words);
    std::vector<bool>
        verdicts;  // read again by the rule: "not" turns the next adjective, the last clause decides
    bool negated = false;
    for (const auto& word : review.words) {
      if (word == "not") negated = true;
      if (!good.count(word) && !bad.count(word)) continue;
      verdicts.push_back(bool(good.count(word)) != negated);
      negated = false;
    }
    const bool but = std::count(review.words.begin(), review.words.end(), "but");
    BOOST_REQUIRE((verdicts.size() == 1 || verdicts.size() == 2));
    BOOST_REQUIRE(verdicts.back() == bool(review.positive));
    if (verdicts.size() == 2) BOOST_REQUIRE((verdicts[0] != verdicts[1]) == but);
    positive += int(review.positive);
    two += verdicts.size() == 2;
    contrasts += but;
  }
  BOOST_TEST(seen.size() == 4000U);
  BOOST_TEST((positive > 1850 && positive < 2150));
  BOOST_TEST((two >= 4000 - 8 * 16 * 2 * 4 && two < 3200));  // more than half: single clauses run out
  BOOST_TEST((contrasts > two * .45 && contrasts < two * .55));
  BOOST_TEST(join_words(reviews(3, 7).at(2).words) == join_words(reviews(9, 7).at(2).words));
  check_error([] { reviews(100001, 1); }, {"[reviews]", "up to 100000"});
}

BOOST_AUTO_TEST_CASE(generated_tags) {
  std::map<std::string, std::set<std::string>> tags_of;
  for (const auto& sentence : tagged_sentences(3000, 2)) {
    BOOST_REQUIRE(sentence.words.size() == sentence.tags.size());
    for (std::size_t i = 0; i < sentence.tags.size(); ++i) {
      const auto& tag = sentence.tags[i];
      tags_of[sentence.words[i]].insert(tag);
      if (tag[0] != 'I') continue;  // a name goes on only behind its own beginning
      BOOST_REQUIRE(i > 0);
      BOOST_REQUIRE(sentence.tags[i - 1].substr(1) == tag.substr(1));
    }
  }
  BOOST_TEST((tags_of["victoria"] == std::set<std::string>{"B-LOC", "B-ORG", "B-PER"}));
  BOOST_TEST((tags_of["jordan"] == std::set<std::string>{"B-LOC", "B-ORG", "I-PER"}));
  BOOST_TEST((tags_of["and"] == std::set<std::string>{"I-ORG", "O"}));
  BOOST_TEST((tags_of["anna"] == std::set<std::string>{"B-PER"}));
  BOOST_TEST((tags_of["bank"] == std::set<std::string>{"I-ORG"}));
  BOOST_TEST((tags_of["."] == std::set<std::string>{"O"}));
  tagged_sentences(10000, 1);  // as many as are promised
  check_error([] { tagged_sentences(10001, 1); }, {"up to 10000"});
}

BOOST_AUTO_TEST_CASE(generated_questions) {
  int for_person = 0;
  for (std::size_t facts : {1, 3, 8}) {
    const auto all = questions(64, facts, 3);
    for (const auto& question : all) {
      const auto& words = question.words;
      std::map<std::string, std::string> has, with;
      for (std::size_t i = 0; i < facts; ++i) {
        BOOST_REQUIRE((words[5 * i + 1] == "has" && words[5 * i + 4] == "."));
        has[words[5 * i]] = words[5 * i + 3];
        with[words[5 * i + 3]] = words[5 * i];
      }
      BOOST_REQUIRE((has.size() == facts && with.size() == facts));
      BOOST_REQUIRE(words.back() == "?");
      const auto& key = words[words.size() - 2];
      const bool who = words[5 * facts] == "who";
      BOOST_REQUIRE(question.answer == (who ? with : has).at(key));
      for_person += who;
    }
  }
  BOOST_TEST((for_person > 70 && for_person < 122));
  check_error([] { questions(1, 9, 1); }, {"facts is 9", "1 to 8"});
  check_error([] { questions(1, 0, 1); }, {"facts is 0"});
  check_error([] { questions(65, 1, 1); }, {"up to 64"});
}

BOOST_AUTO_TEST_CASE(markers) {
  const auto order = which_comes_first(2000, 6, 1);
  std::set<std::pair<std::size_t, std::size_t>> places;
  int second = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Ids tokens = row(order.x, i);
    BOOST_REQUIRE((std::count(tokens.begin(), tokens.end(), 0) == 1 &&
                   std::count(tokens.begin(), tokens.end(), 1) == 1));
    const auto a = std::find(tokens.begin(), tokens.end(), 0) - tokens.begin();
    const auto b = std::find(tokens.begin(), tokens.end(), 1) - tokens.begin();
    BOOST_REQUIRE(order.labels(i) == (b < a));
    BOOST_REQUIRE(*std::max_element(tokens.begin(), tokens.end()) <= 5);
    places.insert({std::size_t(a), std::size_t(b)});
    second += b < a;
  }
  BOOST_TEST(places.size() == 30U);  // all pairs of two different places
  BOOST_TEST((second > 900 && second < 1100));
  check_error([] { which_comes_first(1, 1, 1); }, {"length is 1", "at least 2"});

  const auto recall = recall_first(2000, 8, 1);
  BOOST_TEST(shape_of(recall.x) == (Shape{2000, 9}));
  std::map<std::int64_t, int> firsts;
  for (std::size_t i = 0; i < recall.size(); ++i) {
    ++firsts[recall.x(i, 0)];
    BOOST_REQUIRE(recall.labels(i) == recall.x(i, 0));
    for (std::size_t t = 1; t < 9; ++t) BOOST_REQUIRE((recall.x(i, t) >= 4 && recall.x(i, t) < 8));
  }
  BOOST_TEST(firsts.size() == 4U);
  for (const auto& [token, times] : firsts)
    BOOST_TEST((token >= 0 && token < 4 && times > 420 && times < 580));
  BOOST_TEST((recall_first(5, 8, 1).x == recall_first(5, 8, 1).x));
  BOOST_TEST((recall_first(5, 8, 1).x != recall_first(5, 8, 2).x));
}

BOOST_AUTO_TEST_SUITE_END()
