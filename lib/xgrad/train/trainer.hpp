#pragma once
// Trainer: the loop around the five lines of a training step, with what one wants around it.

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "xgrad/io/checkpoint.hpp"
#include "xgrad/io/progress.hpp"
#include "xgrad/optim/schedule.hpp"

namespace xgrad {

/// The numbers of the samples that make up a batch.
using Batch = std::vector<std::size_t>;

/// Named measures, of a validation for example: {{"loss", 0.3}, {"accuracy", 0.9}}.
using Measures = std::vector<std::pair<std::string, double>>;

struct TrainerOptions {
  std::size_t epochs = 1, batch = 32;
  bool shuffle = true;
  std::uint64_t seed = 1;         ///< of the order of the samples
  Schedule schedule = {};         ///< the learning rate of each step; empty: the optimiser's stays
  double clip = 0;                ///< the largest norm of the gradient; 0: any
  std::size_t threads = 1;        ///< into how many parts a batch is cut, to run at the same time
  std::string watch = {};         ///< the measure of validation that tells which epoch is best; empty: none
  bool larger_is_better = false;  ///< for a watched accuracy: true
  std::size_t patience = 0;       ///< ends after so many epochs without a new best one; 0: never
  bool keep_best = false;       ///< whether the parameters and buffers at the end are those of the best epoch
  std::string progress = {};    ///< label of a progress bar on stderr; empty: none
  std::string checkpoint = {};  ///< a file to save to, and to go on from when it is there; empty: none
  std::size_t checkpoint_every = 0;  ///< steps from one to the next; 0: at the end of each epoch only
  std::string configuration = {};    ///< text to keep in the checkpoint, see checkpoint_configuration
};

/// All that happened, a number for each step or epoch; those before a checkpoint are here too.
struct History {
  std::vector<double> loss, gradient_norm, learning_rate;  ///< of each step
  std::vector<double> epoch_loss;  ///< mean over the samples while they were trained on
  std::vector<std::pair<std::string, std::vector<double>>> validation;  ///< of each epoch, by measure
  std::size_t best_epoch = 0;                                           ///< by the watched measure, from 0
  bool stopped_early = false, interrupted = false;

  std::size_t steps() const { return loss.size(); }
  std::size_t epochs() const { return epoch_loss.size(); }
  /// The column of a measure. Throws Error, with the names there are, when it was not measured.
  const std::vector<double>& measure(const std::string& name) const;
};

/// Trains a model by the usual recipe: data, model, optimiser and loss, fit, evaluate.
///
///   Trainer<float> trainer(model, optimizer, {10, 32});
///   trainer.validate = [&] { return Measures{{"loss", evaluate(model, test).loss}}; };
///   const History history = trainer.fit(data.size(), [&](const Batch& batch) {
///     const auto some = samples(data, batch);
///     return cross_entropy(model(some.x), some.labels);
///   });
///
/// What a sample is, is for the loss to know: an image, a sentence, a place in a text. The loss is a mean
/// over the batch. Ctrl-C ends fit after the step it is in, with a checkpoint when there is a file for it.
template <class T>
class Trainer {
 public:
  using Loss = std::function<Variable<T>(const Batch&)>;

  /// Throws Error when epochs, batch or threads are 0.
  Trainer(Module<T>& model, Optimizer<T>& optimizer, TrainerOptions options = {});

  std::function<Measures()> validate;            ///< after each epoch, in evaluation mode, nothing recorded
  std::function<void(const History&)> on_step;   ///< after each step
  std::function<void(const History&)> on_epoch;  ///< after each epoch and its validation

  /// Trains on samples 0…n-1 until there have been options.epochs epochs, those before a checkpoint counted.
  /// Throws Error when n is 0; when patience or keep_best have no measure to watch; when a loss is not
  /// finite, with the step; when validation has not the watched measure; when the checkpoint is of another
  /// training.
  /// The model is in training mode afterwards: evaluate minds that, other uses call train(false) first.
  History fit(std::size_t n, const Loss& loss);

 private:
  struct Run;
  void epoch(Run& run, const Loss& loss);
  void finish_epoch(Run& run);
  void step(Run& run, const Batch& batch, const Loss& loss);
  bool out_of_patience(const History& history) const;
  std::size_t best_epoch(const History& history) const;
  Training<T> training(Run& run);
  void load(Run& run);
  void save(Run& run);
  std::vector<double> state();
  void state(const std::vector<double>& all);

  Module<T>& model_;
  Optimizer<T>& optimizer_;
  TrainerOptions options_;
  Parameters<T> parameters_;
};

}  // namespace xgrad
