#include "xgrad/data/translation.hpp"

#include <algorithm>

#include "xgrad/core/random.hpp"

namespace xgrad {

namespace {
struct Subject {
  const char *english, *french;
  int person;         // 0 je, 1 tu, 2 il and elle, 3 nous, 4 ils
  const char* other;  // the objects that are this person, too
};
const Subject subjects[] = {{"i", "je", 0, "me us"}, {"you", "tu", 1, "you"},    {"he", "il", 2, ""},
                            {"she", "elle", 2, ""},  {"we", "nous", 3, "me us"}, {"they", "ils", 4, ""}};

struct Verb {
  const char *english, *third_person, *stem;
  bool small;  // of the 7 verbs of Grammar::pronouns
};
const Verb verbs[] = {
    {"love", "loves", "aim", true},        {"watch", "watches", "regard", true},
    {"listen", "listens", "écout", true},  {"find", "finds", "trouv", true},
    {"help", "helps", "aid", true},        {"call", "calls", "appel", true},
    {"hate", "hates", "détest", true},     {"admire", "admires", "admir", false},
    {"forget", "forgets", "oubli", false}, {"show", "shows", "montr", false},
    {"draw", "draws", "dessin", false},    {"carry", "carries", "port", false},
    {"touch", "touches", "touch", false},  {"keep", "keeps", "gard", false},
    {"hide", "hides", "cach", false},      {"imitate", "imitates", "imit", false},
};

struct Pronoun {
  const char *english, *french;
};
const Pronoun pronouns[] = {{"me", "me"},  {"you", "te"},  {"him", "le"},
                            {"her", "la"}, {"us", "nous"}, {"them", "les"}};

struct Noun {
  const char *english, *article, *french;
};
const Noun nouns[] = {{"cat", "le", "chat"},    {"dog", "le", "chien"},    {"sea", "la", "mer"},
                      {"moon", "la", "lune"},   {"house", "la", "maison"}, {"book", "le", "livre"},
                      {"tree", "le", "arbre"},  {"star", "la", "étoile"},  {"child", "le", "enfant"},
                      {"school", "la", "école"}};

/// The present tense of a regular verb in -er; appeler doubles its l before a silent ending.
std::string conjugated(const std::string& stem, int person) {
  const char* const endings[] = {"e", "es", "e", "ons", "ent"};
  return stem + (stem == "appel" && person != 3 ? "l" : "") + endings[person];
}

bool begins_with_vowel(const std::string& word) {
  for (const char* vowel : {"a", "e", "i", "o", "u", "é"})
    if (word.rfind(vowel, 0) == 0) return true;
  return false;
}

/// je, ne, me, te, le, la before a vowel: j', n', m', t', l'.
Tokens elided(Tokens words) {
  for (std::size_t i = 0; i + 1 < words.size(); ++i)
    for (const char* word : {"je", "ne", "me", "te", "le", "la"})
      if (words[i] == word && begins_with_vowel(words[i + 1])) words[i].back() = '\'';
  return words;
}

bool contains(const std::string& words, const std::string& word) {
  const Tokens all = split_words(words);
  return std::find(all.begin(), all.end(), word) != all.end();
}

Tokens operator+(Tokens a, const Tokens& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Tokens english(const Subject& subject, const Verb& verb, const Tokens& object, bool negated) {
  const bool third = subject.person == 2;
  if (negated) return Tokens{subject.english, third ? "does" : "do", "not", verb.english} + object;
  return Tokens{subject.english, third ? verb.third_person : verb.english} + object;
}

Tokens french(const Subject& subject, const Verb& verb, const Tokens& clitic, const Tokens& object,
              bool negated) {
  Tokens words = Tokens{subject.french} + (negated ? Tokens{"ne"} : Tokens{}) + clitic;
  words.push_back(conjugated(verb.stem, subject.person));
  if (negated) words.push_back("pas");
  return elided(words + object);
}

/// The pairs of one subject and verb.
void append(std::vector<SentencePair>& pairs, const Subject& subject, const Verb& verb, Grammar grammar) {
  const bool small = grammar == Grammar::pronouns;
  const Tokens end = small ? Tokens{} : Tokens{"."};
  const bool with_to = !small && std::string(verb.english) == "listen";
  const Tokens to = with_to ? Tokens{"to"} : Tokens{};
  for (bool negated : {false, true}) {
    if (small && negated) continue;
    for (const auto& [english_word, french_word] : pronouns)
      if (!contains(subject.other, english_word))
        pairs.push_back({english(subject, verb, to + Tokens{english_word} + end, negated),
                         french(subject, verb, {french_word}, {}, negated) + end});
    for (const auto& [english_word, article, french_word] : nouns)
      if (!small)
        pairs.push_back({english(subject, verb, to + Tokens{"the", english_word} + end, negated),
                         french(subject, verb, {}, {article, french_word}, negated) + end});
  }
}

/// How often each word occurs.
using Counts = std::map<std::string, std::size_t>;
Counts count_words(const Tokens& words) {
  Counts counts;
  for (const auto& word : words) ++counts[word];
  return counts;
}

/// Takes the words out of the counts, unless one of them would be gone.
bool take(const Tokens& words, Counts& counts) {
  for (const auto& [word, times] : count_words(words))
    if (counts[word] <= times) return false;
  for (const auto& word : words) --counts[word];
  return true;
}
}  // namespace

std::vector<SentencePair> english_french(Grammar grammar) {
  std::vector<SentencePair> pairs;
  for (const auto& subject : subjects)
    for (const auto& verb : verbs)
      if (verb.small || grammar == Grammar::sentences) append(pairs, subject, verb, grammar);
  return pairs;
}

ParallelCorpus english_french(Grammar grammar, std::size_t held_out, std::uint64_t seed) {
  const auto pairs = english_french(grammar);
  Tokens source, target;
  for (const auto& pair : pairs) {
    source = source + pair.source;
    target = target + pair.target;
  }
  ParallelCorpus corpus{{}, {}, Vocabulary(source), Vocabulary(target)};
  Counts english_left = count_words(source), french_left = count_words(target);
  Rng rng(seed);
  for (std::size_t i : rng.permutation(pairs.size())) {
    const auto& pair = pairs[i];
    const bool kept = join_words(pair.source).rfind("i love you", 0) == 0;
    Counts english_then = english_left, french_then = french_left;
    const bool hold = corpus.held_out.size() < held_out && !kept && take(pair.source, english_then) &&
                      take(pair.target, french_then);
    if (hold) {
      english_left = english_then;
      french_left = french_then;
    }
    (hold ? corpus.held_out : corpus.train).push_back(pair);
  }
  if (corpus.held_out.size() < held_out)
    fail("english_french", held_out, " of ", pairs.size(), " pairs cannot be held out: after ",
         corpus.held_out.size(), " training would lack words");
  return corpus;
}

TranslationBatch encode(const std::vector<SentencePair>& pairs, const Vocabulary& source,
                        const Vocabulary& target) {
  std::vector<Ids> sources, targets, expected;
  for (const auto& pair : pairs) {
    sources.push_back(source.encode(pair.source));
    sources.back().push_back(Vocabulary::eos);
    expected.push_back(target.encode(pair.target));
    targets.push_back(expected.back());
    targets.back().insert(targets.back().begin(), Vocabulary::bos);
    expected.back().push_back(Vocabulary::eos);
  }
  return {padded(sources), padded(targets), padded(expected)};
}

}  // namespace xgrad
