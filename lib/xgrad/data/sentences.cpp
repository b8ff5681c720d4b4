#include "xgrad/data/sentences.hpp"

#include <iterator>
#include <set>

#include "xgrad/core/random.hpp"

namespace xgrad {

namespace {

template <std::size_t N>
std::string any(const char* const (&words)[N], Rng& rng) {
  return words[rng.below(N)];
}

/// n different results of `make`, which gives an object with `words`.
template <class F>
auto different(std::size_t n, F make) {
  std::vector<decltype(make())> all;
  for (std::set<Tokens> seen; all.size() < n;) {
    auto one = make();
    if (seen.insert(one.words).second) all.push_back(std::move(one));
  }
  return all;
}

void check(const char* where, std::size_t n, std::size_t most) {
  if (n > most) fail(where, "n is ", n, ": the grammar gives up to ", most, " different sentences");
}

// Reviews.

const char* const aspects[] = {"film", "story", "music", "ending", "cast", "dialogue", "camera", "humour"};
const char* const good[] = {"good", "fine", "clever", "funny", "moving", "brilliant", "fresh", "warm"};
const char* const bad[] = {"bad", "dull", "silly", "boring", "slow", "awful", "stale", "cold"};
const char* const degrees[] = {"", "very", "really", "so"};

/// "the film was not very dull", which is positive.
Tokens clause(bool positive, Rng& rng) {
  const bool negated = rng.below(2);
  Tokens words{"the", any(aspects, rng), "was"};
  if (negated) words.push_back("not");
  const std::string degree = any(degrees, rng);
  if (!degree.empty()) words.push_back(degree);
  words.push_back(positive != negated ? any(good, rng) : any(bad, rng));
  return words;
}

void append(Tokens& words, const Tokens& more) { words.insert(words.end(), more.begin(), more.end()); }

// Names.

const char* const given[] = {"anna", "ben", "carla", "david", "victoria", "sydney", "florence", "austin"};
const char* const family[] = {"brown", "stone", "rivers", "miller", "jordan", "lima"};
const char* const places[] = {"oslo",     "cairo",  "berlin",   "lima",   "jordan",
                              "victoria", "sydney", "florence", "austin", "rivers"};

/// Appends a name with its tags.
void name(TaggedSentence& sentence, const Tokens& words, const std::string& kind) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    sentence.words.push_back(words[i]);
    sentence.tags.push_back((i ? "I-" : "B-") + kind);
  }
}

void plain(TaggedSentence& sentence, const char* text) {
  for (const auto& word : split_words(text)) {
    sentence.words.push_back(word);
    sentence.tags.push_back("O");
  }
}

void person(TaggedSentence& sentence, Rng& rng) {
  Tokens words{any(given, rng)};
  if (rng.below(2)) words.push_back(any(family, rng));
  name(sentence, words, "PER");
}

void place(TaggedSentence& sentence, Rng& rng) { name(sentence, {any(places, rng)}, "LOC"); }

void organisation(TaggedSentence& sentence, Rng& rng) {
  const bool firm = rng.below(2);
  name(sentence, firm ? Tokens{any(family, rng), "and", "sons"} : Tokens{any(places, rng), "bank"}, "ORG");
}

TaggedSentence tagged_sentence(Rng& rng) {
  TaggedSentence s;
  switch (rng.below(6)) {
    case 0:
      person(s, rng), plain(s, "lives in"), place(s, rng);
      break;
    case 1:
      person(s, rng), plain(s, "works for"), organisation(s, rng), plain(s, "in"), place(s, rng);
      break;
    case 2:
      organisation(s, rng), plain(s, "has an office in"), place(s, rng);
      break;
    case 3:
      person(s, rng), plain(s, "met"), person(s, rng), plain(s, "and left"), place(s, rng);
      break;
    case 4:
      organisation(s, rng), plain(s, "thanks"), person(s, rng);
      break;
    default:
      place(s, rng), plain(s, "lies north of"), place(s, rng);
  }
  plain(s, ".");
  return s;
}

// Questions.

const char* const persons[] = {"anna", "ben", "carla", "david", "emma", "felix", "greta", "hugo"};
const char* const things[] = {"key", "lamp", "book", "map", "ball", "drum", "kite", "ring"};

}  // namespace

std::vector<Review> reviews(std::size_t n, std::uint64_t seed) {
  check("reviews", n, 100000);
  Rng rng(seed);
  return different(n, [&] {
    const bool positive = rng.below(2);
    Tokens words;
    if (rng.below(2)) {  // "but" joins opposites, "and" what agrees
      const bool contrast = rng.below(2);
      words = clause(positive != contrast, rng);
      append(words, {",", contrast ? "but" : "and"});
    }
    append(words, clause(positive, rng));
    words.push_back(".");
    return Review{words, positive};
  });
}

std::vector<TaggedSentence> tagged_sentences(std::size_t n, std::uint64_t seed) {
  check("tagged_sentences", n, 10000);
  Rng rng(seed);
  return different(n, [&] { return tagged_sentence(rng); });
}

std::vector<Question> questions(std::size_t n, std::size_t facts, std::uint64_t seed) {
  constexpr std::size_t kinds = std::size(persons);
  if (facts < 1 || facts > kinds) fail("questions", "facts is ", facts, ": 1 to ", kinds, " fit into a row");
  check("questions", n, facts == 1 ? kinds * kinds : 100000);
  Rng rng(seed);
  return different(n, [&] {
    const auto who = rng.permutation(kinds), what = rng.permutation(kinds);
    Question question;
    for (std::size_t i = 0; i < facts; ++i)
      append(question.words, {persons[who[i]], "has", "the", things[what[i]], "."});
    const std::size_t asked = rng.below(facts);
    const std::string person = persons[who[asked]], thing = things[what[asked]];
    const bool for_person = rng.below(2);
    append(question.words,
           for_person ? Tokens{"who", "has", "the", thing, "?"} : Tokens{"what", "has", person, "?"});
    question.answer = for_person ? person : thing;
    return question;
  });
}

}  // namespace xgrad
