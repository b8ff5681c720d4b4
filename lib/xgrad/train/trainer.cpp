#include "xgrad/train/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <numeric>

#include "xgrad/core/parallel.hpp"
#include "xgrad/core/scalars.hpp"
#include "xgrad/io/safetensors.hpp"
#include "xgrad/train/interrupt.hpp"

namespace xgrad {

const std::vector<double>& History::measure(const std::string& name) const {
  std::string names;
  for (const auto& column : validation) {
    if (column.first == name) return column.second;
    names += (names.empty() ? "" : ", ") + column.first;
  }
  fail("history", "there is no measure \"", name, "\": validation has given ",
       names.empty() ? "none" : names);
}

/// Everything that changes in the course of a training, beside model and optimiser.
template <class T>
struct Trainer<T>::Run {
  History history;
  Rng order;  // as it was when the present epoch began
  std::size_t samples, batch, steps_per_epoch;
  std::vector<double> best;  // parameters and buffers of the best epoch, one after the other
  Progress progress;
};

template <class T>
Trainer<T>::Trainer(Module<T>& model, Optimizer<T>& optimizer, TrainerOptions options)
    : model_(model), optimizer_(optimizer), options_(std::move(options)), parameters_(model.parameters()) {
  if (options_.epochs == 0 || options_.batch == 0 || options_.threads == 0)
    fail("trainer", options_.epochs, " epochs, batches of ", options_.batch, ", ", options_.threads,
         " threads: each must be at least 1");
}

// --- a step ------------------------------------------------------------------------------------------------

/// The loss of the batch; its gradient is left in the parameters.
template <class T>
double gradient_of(const Batch& batch, const typename Trainer<T>::Loss& loss, std::size_t parts) {
  if (parts == 1) {
    Tape<T> tape;
    const auto y = loss(batch);
    y.backward();
    return double(y.item());
  }
  // The mean over the batch is the mean of the parts' means, each weighted by its share of the samples.
  std::vector<double> losses(parts);
  in_parallel<T>(parts, [&](std::size_t i) {
    const auto begin = batch.begin() + std::ptrdiff_t(batch.size() * i / parts);
    const auto end = batch.begin() + std::ptrdiff_t(batch.size() * (i + 1) / parts);
    Tape<T> tape;
    const auto y = loss(Batch(begin, end)) * Variable<T>(T(end - begin) / T(batch.size()));
    y.backward();
    losses[i] = double(y.item());
  });
  return std::accumulate(losses.begin(), losses.end(), 0.);
}

template <class T>
void Trainer<T>::step(Run& run, const Batch& batch, const Loss& loss) {
  History& history = run.history;
  if (options_.schedule) optimizer_.learning_rate = options_.schedule(history.steps());
  model_.zero_grad();
  const double value = gradient_of<T>(batch, loss, std::min(options_.threads, batch.size()));
  if (!std::isfinite(value))
    fail("trainer", "the loss of step ", history.steps(), " is ", value,
         ": try a smaller learning rate, a warm-up, or clip");
  const double norm = clip_grad_norm(parameters_, options_.clip > 0 ? options_.clip : INFINITY);
  optimizer_.step();
  history.loss.push_back(value);
  history.gradient_norm.push_back(norm);
  history.learning_rate.push_back(optimizer_.learning_rate);
}

// --- an epoch ----------------------------------------------------------------------------------------------

namespace {
std::string progress_text(const History& history, std::size_t epochs) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(4) << "epoch " << history.epochs() + 1 << '/' << epochs << "  loss "
       << history.loss.back();
  for (const auto& [name, values] : history.validation)
    text << "  validation " << name << ' ' << values.back();
  return text.str();
}
}  // namespace

template <class T>
void Trainer<T>::epoch(Run& run, const Loss& loss) {
  Rng rng = run.order;
  std::vector<std::size_t> order(run.samples);
  std::iota(order.begin(), order.end(), std::size_t(0));
  if (options_.shuffle) order = rng.permutation(run.samples);
  model_.train();
  const std::size_t done = run.history.steps() - run.history.epochs() * run.steps_per_epoch;
  for (std::size_t i = done; i < run.steps_per_epoch; ++i) {
    const auto begin = order.begin() + std::ptrdiff_t(i * options_.batch);
    const auto end = order.begin() + std::ptrdiff_t(std::min((i + 1) * options_.batch, run.samples));
    step(run, Batch(begin, end), loss);
    const std::size_t steps = run.history.steps();
    if (!options_.progress.empty()) run.progress.update(steps, progress_text(run.history, options_.epochs));
    if (on_step) on_step(run.history);
    if (options_.checkpoint_every && steps % options_.checkpoint_every == 0) save(run);
    if (Interrupt::requested()) return;
  }
  run.order = rng;
  finish_epoch(run);
  if (on_epoch) on_epoch(run.history);
  save(run);
}

template <class T>
void Trainer<T>::finish_epoch(Run& run) {
  History& history = run.history;
  double sum = 0;
  for (std::size_t i = 0; i < run.steps_per_epoch; ++i) {
    const std::size_t size = std::min(options_.batch, run.samples - i * options_.batch);
    sum += double(size) * history.loss[history.steps() - run.steps_per_epoch + i];
  }
  history.epoch_loss.push_back(sum / double(run.samples));
  if (!validate) return;
  const NoGrad no_grad;
  model_.train(false);
  const Measures measures = validate();
  model_.train();
  decltype(history.validation) columns;
  for (const auto& [name, value] : measures) {
    columns.push_back({name, history.epochs() > 1 ? history.measure(name) : std::vector<double>()});
    columns.back().second.push_back(value);
  }
  history.validation = std::move(columns);
  if (options_.watch.empty()) return;
  history.best_epoch = best_epoch(history);
  if (options_.keep_best && history.best_epoch + 1 == history.epochs()) run.best = state();
}

template <class T>
std::size_t Trainer<T>::best_epoch(const History& history) const {
  const auto& values = history.measure(options_.watch);
  const auto best = options_.larger_is_better ? std::max_element(values.begin(), values.end())
                                              : std::min_element(values.begin(), values.end());
  return std::size_t(best - values.begin());
}

template <class T>
bool Trainer<T>::out_of_patience(const History& history) const {
  return options_.patience > 0 && history.epochs() > history.best_epoch + options_.patience;
}

// --- all epochs --------------------------------------------------------------------------------------------

template <class T>
History Trainer<T>::fit(std::size_t n, const Loss& loss) {
  if (n == 0) fail("trainer", "there are 0 samples: there must be at least one");
  if ((options_.patience > 0 || options_.keep_best) && (!validate || options_.watch.empty()))
    fail("trainer", "patience and keep_best need a measure to watch: set validate and watch");
  const std::size_t steps_per_epoch = (n + options_.batch - 1) / options_.batch;
  Run run{{},
          Rng(options_.seed),
          n,
          options_.batch,
          steps_per_epoch,
          {},
          Progress(options_.progress, options_.epochs * steps_per_epoch)};
  load(run);
  History& history = run.history;
  const Interrupt ctrl_c;
  while (history.epochs() < options_.epochs && !out_of_patience(history) && !history.interrupted) {
    epoch(run, loss);
    history.interrupted = Interrupt::requested();
  }
  if (history.interrupted) save(run);
  history.stopped_early = out_of_patience(history);
  if (!run.best.empty()) state(run.best);
  return history;
}

// --- what is kept ------------------------------------------------------------------------------------------

/// Parameters and buffers of the model, one after the other.
template <class T>
std::vector<double> Trainer<T>::state() {
  std::vector<double> all;
  for (const auto& p : parameters_)
    all.insert(all.end(), p.variable.value().begin(), p.variable.value().end());
  for (const auto& b : model_.buffers()) all.insert(all.end(), b.array->begin(), b.array->end());
  return all;
}

template <class T>
void Trainer<T>::state(const std::vector<double>& all) {
  auto from = all.begin();
  const auto give = [&](Array<T>& to) {
    for (T& entry : to) entry = T(*from++);
  };
  for (auto& p : parameters_) give(p.variable.mutable_value());
  for (const auto& b : model_.buffers()) give(*b.array);
}

template <class T>
Training<T> Trainer<T>::training(Run& run) {
  History& h = run.history;
  Training<T> all{model_, optimizer_, {{"order", &run.order}}, {}, options_.configuration};
  all.numbers = {{"samples", &run.samples},
                 {"batch", &run.batch},
                 {"best_epoch", &h.best_epoch},
                 {"best", &run.best},
                 {"loss", &h.loss},
                 {"gradient_norm", &h.gradient_norm},
                 {"learning_rate", &h.learning_rate},
                 {"epoch_loss", &h.epoch_loss}};
  for (auto& [name, values] : h.validation) all.numbers.push_back({"validation." + name, &values});
  return all;
}

template <class T>
void Trainer<T>::save(Run& run) {
  if (!options_.checkpoint.empty()) save_checkpoint(options_.checkpoint, training(run));
}

template <class T>
void Trainer<T>::load(Run& run) {
  if (options_.checkpoint.empty() || !std::filesystem::exists(options_.checkpoint)) return;
  const std::string prefix = "number.validation.";
  for (const auto& entry : load_safetensors(options_.checkpoint).arrays)
    if (entry.first.compare(0, prefix.size(), prefix) == 0)
      run.history.validation.push_back({entry.first.substr(prefix.size()), {}});
  const std::size_t samples = run.samples, batch = run.batch;
  load_checkpoint(options_.checkpoint, training(run));
  if (run.samples != samples || run.batch != batch)
    fail("trainer", options_.checkpoint, " is of ", run.samples, " samples in batches of ", run.batch,
         ", not ", samples, " in ", batch, ": a training goes on with what it began with");
}

#define XGRAD_INSTANTIATE(T) template class Trainer<T>;
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
