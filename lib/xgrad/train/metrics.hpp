#pragma once
// What a model's answers are worth: for classes, for sentences, for language models, and for the question
// whether one model is better than another.

#include <string>
#include <vector>

#include "xgrad/core/random.hpp"

namespace xgrad {

/// The class with the largest score of each row, (…, classes) to (…); the first of equal scores, and -1 for a
/// row with a NaN.
template <class T>
Indices predicted_classes(const Array<T>& scores);

/// Precision: how many of the answers "c" are right. Recall: how many of the samples of class c were found.
/// F1 = 2PR/(P + R). Each is 0 where it would be 0/0.
struct Scores {
  double precision = 0, recall = 0, f1 = 0;
};

/// Counts: entry (label, answer) is how many samples of class `label` got that answer.
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(std::size_t classes);
  ConfusionMatrix(std::size_t classes, const Indices& labels, const Indices& answers);

  /// Counts more samples; the answer -1 is wrong and belongs to no class. Throws Error when the numbers of
  /// labels and answers differ, a label is outside 0…classes-1, or an answer outside -1…classes-1; then
  /// nothing is counted.
  void add(const Indices& labels, const Indices& answers);

  std::size_t operator()(std::size_t label, std::size_t answer) const;
  std::size_t classes() const { return classes_; }
  std::size_t samples() const { return samples_; }

  double accuracy() const;               ///< share of right answers; NaN without samples
  Scores of_class(std::size_t c) const;  ///< that class against the rest
  Scores macro() const;                  ///< mean over the classes that occur as label or answer
  Scores micro() const;  ///< from summed counts: all three are the accuracy if no answer is -1
  /// A table: a row for each label, a column for each answer, and recall; below, precision. Without names the
  /// classes are numbers.
  std::string to_string(const std::vector<std::string>& names = {}) const;

 private:
  std::size_t column_sum(std::size_t answer) const;
  std::size_t classes_, samples_ = 0;
  std::vector<std::size_t> counts_;  // classes × classes, a row for each label
  std::vector<std::size_t> labels_;  // how many samples of each class
};

/// e^loss: of a mean cross-entropy in nats, the number of equally likely choices that it is worth.
double perplexity(double mean_cross_entropy);

template <class Token>
using Sentence = std::vector<Token>;

/// Share of answers that are the reference, token by token. Throws Error when the numbers differ or are 0.
template <class Token>
double exact_match(const std::vector<Sentence<Token>>& answers,
                   const std::vector<Sentence<Token>>& references);

struct Bleu {
  double score = 0;  ///< in [0, 1]; often printed times 100
  double brevity_penalty = 0;
  std::vector<double> precisions;  ///< of 1, 2, … tokens
  std::size_t length = 0, reference_length = 0;
};

enum class BleuSmoothing {
  none,    ///< a precision of 0 makes the score 0, as published
  add_one  ///< 1 is added to count and total for two tokens and more (Lin & Och, COLING 2004)
};

/// BLEU of a whole corpus (Papineni et al., ACL 2002): BP·exp(mean ln pₙ), n = 1…order. pₙ: share of the
/// answers' n-grams that occur in a reference, each counted at most as often as in the reference that has it
/// most. BP = min(1, e^(1 - r/c)): c tokens in all answers, r in the references closest in length (the
/// shorter of two). references[i] are those of answers[i]. Without smoothing, an order for which no answer is
/// long enough gives 0. Throws Error when an answer has no reference, or the numbers differ or are 0.
template <class Token>
Bleu bleu(const std::vector<Sentence<Token>>& answers,
          const std::vector<std::vector<Sentence<Token>>>& references, std::size_t order = 4,
          BleuSmoothing smoothing = BleuSmoothing::none);

/// How sure a difference between two models on the same samples is.
struct Comparison {
  double difference;  ///< mean of a minus mean of b
  double low, high;   ///< where 95 % of the resampled differences lie
  double p;           ///< share of resamples in which the sign is not that of `difference`
};

/// The paired bootstrap (Efron 1979; Koehn, EMNLP 2004): a[i] and b[i] are two models' scores on sample i,
/// for example 1 for right and 0 for wrong. Samples are drawn with replacement, `resamples` times, and the
/// difference of the means is looked at each time. Throws Error when the numbers differ or are 0.
Comparison paired_bootstrap(const std::vector<double>& a, const std::vector<double>& b, Rng& rng,
                            std::size_t resamples = 2000);

}  // namespace xgrad
