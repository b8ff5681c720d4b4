#include "xgrad/data/pairs.hpp"

#include <sstream>

namespace xgrad {

std::vector<SentencePair> read_sentence_pairs(const std::string& path) {
  std::istringstream lines(read_text(path));
  std::vector<SentencePair> pairs;
  std::string line;
  for (std::size_t number = 1; std::getline(lines, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) continue;
    const std::size_t tab = line.find('\t');
    if (tab == std::string::npos)
      fail("sentence_pairs", path, " has no tab in line ", number,
           ": a line is a sentence, a tab, its translation");
    const std::string second = line.substr(tab + 1);
    SentencePair pair;
    try {
      pair = {split_words(line.substr(0, tab)), split_words(second.substr(0, second.find('\t')))};
    } catch (const Error&) {
      fail("sentence_pairs", path, " has text in line ", number, " that is not UTF-8");
    }
    if (pair.source.empty() || pair.target.empty())
      fail("sentence_pairs", path, " has an empty sentence in line ", number);
    pairs.push_back(std::move(pair));
  }
  if (pairs.empty()) fail("sentence_pairs", path, " has no sentence pairs");
  return pairs;
}

}  // namespace xgrad
