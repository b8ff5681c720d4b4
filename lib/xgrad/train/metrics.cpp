#include "xgrad/train/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <map>
#include <numeric>

#include "xgrad/core/scalars.hpp"

namespace xgrad {

template <class T>
Indices predicted_classes(const Array<T>& scores) {
  Shape shape = shape_of(scores);
  if (shape.empty() || shape.back() == 0)
    fail("predicted_classes", "scores are ", to_string(shape), ": the last axis must hold the classes");
  const std::size_t classes = shape.back();
  shape.pop_back();
  auto answers = empty<std::int64_t>(shape);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const T* row = scores.data() + i * classes;
    const bool nan = std::any_of(row, row + classes, [](T score) { return std::isnan(score); });
    answers.data()[i] = nan ? -1 : std::max_element(row, row + classes) - row;
  }
  return answers;
}

// --- classes -----------------------------------------------------------------------------------------------

namespace {
double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

Scores scores(double right, double answered, double labelled) {
  const double precision = ratio(right, answered), recall = ratio(right, labelled);
  return {precision, recall, ratio(2 * precision * recall, precision + recall)};
}
}  // namespace

ConfusionMatrix::ConfusionMatrix(std::size_t classes)
    : classes_(classes), counts_(classes * classes), labels_(classes) {
  if (classes == 0) fail("confusion_matrix", "there are 0 classes: there must be at least one");
}

ConfusionMatrix::ConfusionMatrix(std::size_t classes, const Indices& labels, const Indices& answers)
    : ConfusionMatrix(classes) {
  add(labels, answers);
}

void ConfusionMatrix::add(const Indices& labels, const Indices& answers) {
  if (labels.size() != answers.size())
    fail("confusion_matrix", labels.size(), " labels and ", answers.size(),
         " answers: there must be one answer for each label");
  const auto n = static_cast<std::int64_t>(classes_);
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels.data()[i] < 0 || labels.data()[i] >= n || answers.data()[i] < -1 || answers.data()[i] >= n)
      fail("confusion_matrix", "label ", labels.data()[i], ", answer ", answers.data()[i],
           ": classes are 0 to ", n - 1, ", and the answer -1 is none");
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto label = static_cast<std::size_t>(labels.data()[i]);
    ++samples_;
    ++labels_[label];
    if (answers.data()[i] >= 0) ++counts_[label * classes_ + static_cast<std::size_t>(answers.data()[i])];
  }
}

std::size_t ConfusionMatrix::operator()(std::size_t label, std::size_t answer) const {
  if (label >= classes_ || answer >= classes_)
    fail("confusion_matrix", "(", label, ", ", answer, "): classes are 0 to ", classes_ - 1);
  return counts_[label * classes_ + answer];
}

std::size_t ConfusionMatrix::column_sum(std::size_t answer) const {
  std::size_t sum = 0;
  for (std::size_t label = 0; label < classes_; ++label) sum += counts_[label * classes_ + answer];
  return sum;
}

double ConfusionMatrix::accuracy() const {
  double right = 0;
  for (std::size_t c = 0; c < classes_; ++c) right += double((*this)(c, c));
  return right / double(samples_);
}

Scores ConfusionMatrix::of_class(std::size_t c) const {
  return scores(double((*this)(c, c)), double(column_sum(c)), double(labels_[c]));
}

Scores ConfusionMatrix::macro() const {
  Scores mean;
  double occurring = 0;
  for (std::size_t c = 0; c < classes_; ++c) {
    if (labels_[c] + column_sum(c) == 0) continue;
    const Scores s = of_class(c);
    mean.precision += s.precision;
    mean.recall += s.recall;
    mean.f1 += s.f1;
    ++occurring;
  }
  return {ratio(mean.precision, occurring), ratio(mean.recall, occurring), ratio(mean.f1, occurring)};
}

Scores ConfusionMatrix::micro() const {
  double right = 0;
  for (std::size_t c = 0; c < classes_; ++c) right += double((*this)(c, c));
  return scores(right, double(std::accumulate(counts_.begin(), counts_.end(), std::size_t(0))),
                double(samples_));
}

std::string ConfusionMatrix::to_string(const std::vector<std::string>& names) const {
  const auto name = [&](std::size_t c) { return c < names.size() ? names[c] : std::to_string(c); };
  std::size_t longest = 6;
  for (std::size_t c = 0; c < classes_; ++c) longest = std::max(longest, name(c).size() + 1);
  const int width = static_cast<int>(longest);
  std::ostringstream text;
  text << std::fixed << std::setprecision(3) << std::setw(width + 4) << "answer";
  for (std::size_t c = 0; c < classes_; ++c) text << std::setw(width) << name(c);
  text << std::setw(9) << "recall" << '\n';
  for (std::size_t label = 0; label < classes_; ++label) {
    text << std::setw(width + 4) << name(label);
    for (std::size_t c = 0; c < classes_; ++c) text << std::setw(width) << (*this)(label, c);
    text << std::setw(9) << of_class(label).recall << '\n';
  }
  text << std::setw(width + 4) << "precision";
  for (std::size_t c = 0; c < classes_; ++c) text << std::setw(width) << of_class(c).precision;
  text << '\n';
  return text.str();
}

// --- sentences ---------------------------------------------------------------------------------------------

double perplexity(double mean_cross_entropy) { return std::exp(mean_cross_entropy); }

template <class Token>
double exact_match(const std::vector<Sentence<Token>>& answers,
                   const std::vector<Sentence<Token>>& references) {
  if (answers.empty() || answers.size() != references.size())
    fail("exact_match", answers.size(), " answers and ", references.size(),
         " references: there must be one for each, and at least one");
  std::size_t equal = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) equal += answers[i] == references[i];
  return double(equal) / double(answers.size());
}

namespace {

template <class Token>
using Counts = std::map<Sentence<Token>, std::size_t>;

template <class Token>
Counts<Token> count_ngrams(const Sentence<Token>& sentence, std::size_t n) {
  Counts<Token> counts;
  for (auto i = sentence.begin(); sentence.end() - i >= static_cast<std::ptrdiff_t>(n); ++i)
    ++counts[Sentence<Token>(i, i + static_cast<std::ptrdiff_t>(n))];
  return counts;
}

/// How many of the n-grams of `answer` its references have.
template <class Token>
std::size_t clipped_matches(const Counts<Token>& answer, const std::vector<Sentence<Token>>& references,
                            std::size_t n) {
  Counts<Token> most;
  for (const auto& reference : references)
    for (const auto& [ngram, count] : count_ngrams(reference, n)) most[ngram] = std::max(most[ngram], count);
  std::size_t matches = 0;
  for (const auto& [ngram, count] : answer) matches += std::min(count, most[ngram]);
  return matches;
}

template <class Token>
std::size_t closest_length(std::size_t length, const std::vector<Sentence<Token>>& references) {
  const auto distance = [&](std::size_t r) { return r > length ? r - length : length - r; };
  std::size_t best = references.front().size();
  for (const auto& reference : references) {
    const std::size_t r = reference.size();
    if (distance(r) < distance(best) || (distance(r) == distance(best) && r < best)) best = r;
  }
  return best;
}

}  // namespace

template <class Token>
Bleu bleu(const std::vector<Sentence<Token>>& answers,
          const std::vector<std::vector<Sentence<Token>>>& references, std::size_t order,
          BleuSmoothing smoothing) {
  if (answers.empty() || answers.size() != references.size() || order == 0)
    fail("bleu", answers.size(), " answers, ", references.size(), " sets of references, order ", order,
         ": there must be one set for each answer, at least one answer, and an order of at least 1");
  Bleu result;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (references[i].empty()) fail("bleu", "answer ", i, " has no reference: it needs at least one");
    result.length += answers[i].size();
    result.reference_length += closest_length(answers[i].size(), references[i]);
  }
  double log_sum = 0;
  for (std::size_t n = 1; n <= order; ++n) {
    double matches = 0, total = 0;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const auto ngrams = count_ngrams(answers[i], n);
      matches += double(clipped_matches(ngrams, references[i], n));
      for (const auto& entry : ngrams) total += double(entry.second);
    }
    const double one = n > 1 && smoothing == BleuSmoothing::add_one ? 1 : 0;
    result.precisions.push_back(ratio(matches + one, total + one));
    log_sum += std::log(result.precisions.back());
  }
  const double c = double(result.length), r = double(result.reference_length);
  result.brevity_penalty = c == 0 ? 0 : std::exp(std::min(0., 1 - r / c));
  result.score = result.brevity_penalty * std::exp(log_sum / double(order));
  return result;
}

// --- comparison --------------------------------------------------------------------------------------------

Comparison paired_bootstrap(const std::vector<double>& a, const std::vector<double>& b, Rng& rng,
                            std::size_t resamples) {
  if (a.empty() || a.size() != b.size() || resamples == 0)
    fail("paired_bootstrap", a.size(), " and ", b.size(), " scores, ", resamples,
         " resamples: both models need a score for each sample, and there must be at least one of each");
  const std::size_t n = a.size();
  std::vector<double> gain(n), means(resamples);
  for (std::size_t i = 0; i < n; ++i) gain[i] = a[i] - b[i];
  const double difference = std::accumulate(gain.begin(), gain.end(), 0.) / double(n);
  double other_sign = 0;
  for (double& mean : means) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += gain[rng.below(n)];
    mean = sum / double(n);
    other_sign += difference > 0 ? mean <= 0 : mean >= 0;
  }
  std::sort(means.begin(), means.end());
  const auto quantile = [&](double q) {
    return means[static_cast<std::size_t>(std::lround(q * double(resamples - 1)))];
  };
  return {difference, quantile(.025), quantile(.975), other_sign / double(resamples)};
}

#define XGRAD_INSTANTIATE(T) template Indices predicted_classes(const Array<T>&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)
#undef XGRAD_INSTANTIATE

#define XGRAD_INSTANTIATE(Token)                                                                            \
  template double exact_match(const std::vector<Sentence<Token>>&, const std::vector<Sentence<Token>>&);    \
  template Bleu bleu(const std::vector<Sentence<Token>>&, const std::vector<std::vector<Sentence<Token>>>&, \
                     std::size_t, BleuSmoothing);
XGRAD_INSTANTIATE(std::string)
XGRAD_INSTANTIATE(std::int64_t)

}  // namespace xgrad
