// The Trainer: its steps are those of a loop by hand, and a training that was interrupted goes on bit for
// bit.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <csignal>
#include <numeric>

#include "errors.hpp"
#include "temporary_file.hpp"
#include "xgrad/xgrad.hpp"

using namespace xgrad;
using boost::test_tools::tolerance;

namespace {

template <class T>
Sequential<T> network(double dropout = 0) {
  Rng rng(3);
  return Sequential<T>{Linear<T>(2, 16, Init::he_normal(), rng), activation<T>("relu"),
                       Dropout<T>(dropout, rng), Linear<T>(16, 2, Init::he_normal(), rng)};
}

const auto data = moons<double>(70, .1, 1);
const auto held_out = moons<double>(100, .1, 2);

/// A model on two moons, 70 samples in batches of 16: five steps an epoch.
struct Task {
  explicit Task(TrainerOptions options, double dropout = 0, double rate = .01)
      : model(network<double>(dropout)),
        optimizer(model.parameters(), rate),
        trainer(model, optimizer, options) {
    trainer.validate = [this] {
      const auto result = evaluate(model, held_out);
      return Measures{{"loss", result.loss}, {"accuracy", result.accuracy()}};
    };
  }
  Variable<double> loss(const Batch& batch) {
    const auto some = samples(data, batch);
    return cross_entropy(model(some.x), some.labels);
  }
  History fit() {
    return trainer.fit(data.size(), [this](const Batch& batch) { return loss(batch); });
  }
  std::vector<double> weights() {
    std::vector<double> all;
    for (const auto& p : model.parameters())
      all.insert(all.end(), p.variable.value().begin(), p.variable.value().end());
    return all;
  }
  Sequential<double> model;
  Adam<double> optimizer;
  Trainer<double> trainer;
};

TrainerOptions options(std::size_t epochs) {
  TrainerOptions o;
  o.epochs = epochs;
  o.batch = 16;
  return o;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(trainer_test)

// The loop that the Trainer stands for, written out.
BOOST_AUTO_TEST_CASE(steps_are_those_of_a_loop_by_hand) {
  auto o = options(3);
  o.clip = .5;
  o.schedule = schedule::linear(.02, 15);
  Task task(o);
  const History history = task.fit();

  auto model = network<double>();
  const auto parameters = model.parameters();
  Adam<double> optimizer(parameters, 1);
  Rng rng(1);
  std::size_t t = 0;
  for (int epoch = 0; epoch < 3; ++epoch) {
    double sum = 0;
    for (const auto& batch : Batches<double>(data, 16, rng)) {
      Tape<double> tape;
      const auto loss = cross_entropy(model(batch.x), batch.labels);
      optimizer.zero_grad();
      loss.backward();
      const double norm = clip_grad_norm(parameters, .5);
      optimizer.learning_rate = .02 * (1 - double(t) / 15);
      optimizer.step();
      BOOST_TEST(history.loss.at(t) == loss.item(), tolerance(1e-10));
      BOOST_TEST(history.gradient_norm.at(t) == norm, tolerance(1e-10));
      BOOST_TEST(history.learning_rate.at(t) == optimizer.learning_rate, tolerance(1e-12));
      sum += loss.item() * double(batch.size());
      ++t;
    }
    BOOST_TEST(history.epoch_loss.at(std::size_t(epoch)) == sum / 70, tolerance(1e-12));
  }
  BOOST_TEST(history.steps() == 15u);
  BOOST_TEST(history.epochs() == 3u);
  const auto result = evaluate(task.model, held_out);
  BOOST_TEST(history.measure("loss").back() == result.loss);
  BOOST_TEST(history.measure("accuracy").back() == result.accuracy());
  rejects("[history] there is no measure \"f1\": validation has given loss, accuracy",
          [&] { history.measure("f1"); });
}

BOOST_AUTO_TEST_CASE(without_shuffling_batches_come_in_order) {
  auto o = options(2);
  o.shuffle = false;
  Task task(o);
  std::vector<std::size_t> seen;
  task.trainer.fit(data.size(), [&](const Batch& batch) {
    seen.insert(seen.end(), batch.begin(), batch.end());
    return task.loss(batch);
  });
  for (std::size_t i = 0; i < 140; ++i) BOOST_TEST(seen.at(i) == i % 70);
}

BOOST_AUTO_TEST_CASE(every_sample_comes_once_in_an_epoch) {
  Task task(options(2));
  std::vector<int> seen(70);
  task.trainer.fit(data.size(), [&](const Batch& batch) {
    for (const std::size_t i : batch) ++seen[i];
    return task.loss(batch);
  });
  for (const int times : seen) BOOST_TEST(times == 2);
}

BOOST_AUTO_TEST_CASE(parts_on_threads_give_the_same_training) {
  auto o = options(2);
  Task one(o);
  o.threads = 3;
  Task three(o);
  const History a = one.fit(), b = three.fit();
  for (std::size_t i = 0; i < a.steps(); ++i) BOOST_TEST(a.loss[i] == b.loss[i], tolerance(1e-10));
}

BOOST_AUTO_TEST_CASE(mode_and_recording_around_validation) {
  Task task(options(1), .5);
  bool right = false;
  Tape<double> outer;
  task.trainer.validate = [&] {
    right = !task.model.training() && NoGrad::active();
    return Measures{{"loss", 1.}};
  };
  task.trainer.on_epoch = [&](const History& h) {
    right = right && h.epochs() == 1 && task.model.training();
  };
  task.fit();
  BOOST_TEST(right);
  BOOST_TEST(outer.size() == 0u);
}

// Validation that gets better for three epochs and then worse: the best is the third, and two more are waited
// for.
BOOST_AUTO_TEST_CASE(early_stopping_keeps_the_best) {
  for (const bool accuracy : {false, true}) {
    auto o = options(20);
    o.patience = 2;
    o.keep_best = true;
    o.watch = accuracy ? "accuracy" : "loss";
    o.larger_is_better = accuracy;
    Task task(o);
    std::vector<std::vector<double>> weights;
    const double values[] = {.9, .7, .5, .6, .8, .1, .05};
    task.trainer.validate = [&] {
      weights.push_back(task.weights());
      const double v = values[weights.size() - 1];
      return Measures{{"loss", v}, {"accuracy", 1 - v}};
    };
    const History history = task.fit();
    BOOST_TEST(history.epochs() == 5u);
    BOOST_TEST(history.best_epoch == 2u);
    BOOST_TEST(history.stopped_early);
    BOOST_TEST((task.weights() == weights[2]));
    BOOST_TEST((weights[4] != weights[2]));
  }
}

// The training is cut off by an exception in the middle of an epoch, twice; a new program goes on from the
// file.
BOOST_AUTO_TEST_CASE(a_killed_training_goes_on_bit_for_bit) {
  auto o = options(6);
  o.keep_best = true;
  o.watch = "loss";
  o.schedule = schedule::cosine(.02, 30);
  Task whole(o, .3);
  const History expected = whole.fit();

  const TemporaryFile file(".safetensors");
  o.checkpoint = file.path;
  o.checkpoint_every = 4;
  for (const std::size_t end : {7, 10, 23}) {  // 10: the last step of an epoch, before its validation
    Task killed(o, .3);
    killed.trainer.on_step = [&](const History& h) {
      if (h.steps() == end) throw std::runtime_error("killed");
    };
    BOOST_CHECK_THROW(killed.fit(), std::runtime_error);
  }
  Task last(o, .3);
  const History history = last.fit();
  BOOST_TEST((history.loss == expected.loss));
  BOOST_TEST((history.gradient_norm == expected.gradient_norm));
  BOOST_TEST((history.epoch_loss == expected.epoch_loss));
  BOOST_TEST((history.validation == expected.validation));
  BOOST_TEST(history.best_epoch == expected.best_epoch);
  BOOST_TEST((last.weights() == whole.weights()));

  Task again(o, .3);  // nothing is left to do
  BOOST_TEST((again.fit().loss == expected.loss));
  BOOST_TEST((again.weights() == whole.weights()));

  o.batch = 8;
  rejects("[trainer] " + file.path + " is of 70 samples in batches of 16, not 70 in 8",
          [&] { Task(o, .3).fit(); });
}

BOOST_AUTO_TEST_CASE(ctrl_c_ends_in_order_and_the_training_goes_on) {
  const auto before = std::signal(SIGINT, SIG_IGN);
  const TemporaryFile file(".safetensors");
  auto o = options(4);
  Task whole(o);
  const History expected = whole.fit();
  o.checkpoint = file.path;
  Task stopped(o);
  stopped.trainer.on_step = [](const History& h) {
    if (h.steps() == 8) std::raise(SIGINT);
  };
  const History first = stopped.fit();
  BOOST_TEST(first.interrupted);
  BOOST_TEST(first.steps() == 8u);
  Task rest(o);
  const History history = rest.fit();
  BOOST_TEST(!history.interrupted);
  BOOST_TEST((history.loss == expected.loss));
  BOOST_TEST((rest.weights() == whole.weights()));
  BOOST_TEST((std::signal(SIGINT, before) == SIG_IGN));  // fit has put it back
}

BOOST_AUTO_TEST_CASE(what_cannot_be_trained_is_refused) {
  auto none = options(0);
  rejects("[trainer] 0 epochs", [&] { Task task(none); });
  Task task(options(1));
  rejects("[trainer] there are 0 samples",
          [&] { task.trainer.fit(0, [&](const Batch& b) { return task.loss(b); }); });
  rejects("[trainer] the loss of step 3 is nan", [&] {
    std::size_t calls = 0;
    task.trainer.fit(70,
                     [&](const Batch& b) { return task.loss(b) * Variable<double>(++calls == 4 ? NAN : 1); });
  });
  auto watched = options(1);
  watched.patience = 1;
  rejects("[trainer] patience and keep_best need a measure to watch", [&] { Task(watched).fit(); });
  watched.watch = "loss";
  Task blind(watched);
  blind.trainer.validate = nullptr;
  rejects("[trainer] patience and keep_best need a measure to watch", [&] { blind.fit(); });
  watched.watch = "f1";
  rejects("[history] there is no measure \"f1\"", [&] { Task(watched).fit(); });
  rejects("[samples] there is no sample 70", [&] { samples(data, Batch{0, 70}); });
}

BOOST_AUTO_TEST_CASE(evaluate_is_what_one_pass_over_all_gives) {
  auto model = network<double>(.5);
  const auto result = evaluate(model, held_out, 7);
  BOOST_TEST(model.training());
  model.train(false);
  const auto logits = model(held_out.x);
  BOOST_TEST(result.loss == cross_entropy(logits, held_out.labels).item(), tolerance(1e-12));
  BOOST_TEST(result.accuracy() == double(count_correct(logits.value(), held_out.labels)) / 100,
             tolerance(1e-12));
  BOOST_TEST((result.answers == predicted_classes(logits.value())));
}

BOOST_AUTO_TEST_SUITE_END()
