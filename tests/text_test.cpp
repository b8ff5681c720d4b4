// Characters, words, vocabularies, padding, windows of a text, and the generated sentence pairs.
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>

#include "xgrad/xgrad.hpp"

using namespace xgrad;
namespace fs = std::filesystem;
using Specials = Vocabulary::Specials;

namespace {

/// f must throw an Error of one line that contains every one of `words`.
template <class F>
void check_error(F f, const std::vector<std::string>& words) {
  try {
    f();
    BOOST_ERROR("nothing was thrown; expected: " << words.front());
  } catch (const Error& error) {
    const std::string what = error.what();
    BOOST_CHECK_MESSAGE(what.find('\n') == std::string::npos, what);
    for (const auto& word : words)
      BOOST_CHECK_MESSAGE(what.find(word) != std::string::npos, "'" << word << "' is not in: " << what);
  }
}

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
  check_error([&] { read_text(path.string()); }, {path.string(), "cannot be read: No such file"});
  check_error([] { read_text("/tmp"); }, {"/tmp is a folder"});
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

BOOST_AUTO_TEST_SUITE_END()
