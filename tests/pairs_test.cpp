// Sentence pairs from a file of the user's.
#include "xgrad/data/pairs.hpp"

#include <boost/test/unit_test.hpp>

#include "temporary_file.hpp"

namespace {
using namespace xgrad;

void refused(const std::string& text, const std::string& words) {
  TemporaryFile file;
  file.write(text);
  BOOST_CHECK_EXCEPTION(read_sentence_pairs(file.path), Error, [&](const Error& e) {
    BOOST_TEST(std::string(e.what()).find(words) != std::string::npos, e.what());
    return true;
  });
}
}  // namespace

BOOST_AUTO_TEST_SUITE(pairs_test)

BOOST_AUTO_TEST_CASE(lines_of_two_sentences) {
  TemporaryFile file;
  file.write(
      "I love you.\tJe t'aime.\tAttribution: nobody\r\n\nGood morning\t早 安");  // no newline at the end
  const auto pairs = read_sentence_pairs(file.path);
  BOOST_REQUIRE(pairs.size() == 2u);
  BOOST_TEST(pairs[0].source == (Tokens{"i", "love", "you", "."}), boost::test_tools::per_element());
  BOOST_TEST(pairs[0].target == (Tokens{"je", "t'", "aime", "."}), boost::test_tools::per_element());
  BOOST_TEST(join_words(pairs[1].target) == "早 安");
}

BOOST_AUTO_TEST_CASE(anything_else_is_refused) {
  refused("", "");
  refused("\n\r\n", "has no sentence pairs");
  refused("hello\tbonjour\nhello bonjour\n",
          "has no tab in line 2: a line is a sentence, a tab, its translation");
  refused("hello\t\n", "has an empty sentence in line 1");
  refused("\tbonjour\n", "has an empty sentence in line 1");
  refused("hello\t \tbonjour\n", "has an empty sentence in line 1");
  refused("hello\tbonjour\ncoffee\tcaf\xe9\n", "has text in line 2 that is not UTF-8");
  BOOST_CHECK_THROW(read_sentence_pairs("no/such/file"), Error);
  BOOST_CHECK_THROW(read_sentence_pairs("/"), Error);
}

BOOST_AUTO_TEST_SUITE_END()
