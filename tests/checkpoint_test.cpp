// Weights and checkpoints: what is saved comes back exactly, a training goes on bit for bit, and a file of
// another model is refused before anything changes.
#include "xgrad/io/checkpoint.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <memory>

#include "temporary_file.hpp"
#include "xgrad/data/batches.hpp"
#include "xgrad/data/moons.hpp"
#include "xgrad/io/safetensors.hpp"
#include "xgrad/nn/layers.hpp"

namespace {

using namespace xgrad;

/// Counts what it has seen: a module with a buffer.
template <class T>
class Counter : public Module<T> {
 public:
  Variable<T> forward(const Variable<T>& x) override {
    seen.data()[0] += T(x.extent(0));
    return x;
  }
  std::vector<Part<T>> parts() override { return {{"seen", seen}}; }
  std::string describe() const override { return "Counter"; }
  Array<T> seen = zeros<T>({1});
};

template <class T>
Sequential<T> network(std::uint64_t seed, std::size_t hidden = 16) {
  Rng rng(seed);
  return Sequential<T>{Linear<T>(2, hidden, Init::xavier_uniform(), rng), activation<T>("tanh"),
                       Dropout<T>(.2, rng), Counter<T>(), Linear<T>(hidden, 2, Init::xavier_uniform(), rng)};
}

/// A training run with everything that has a state: dropout, a buffer, an optimiser, an order of samples.
struct Run {
  explicit Run(const std::string& optimiser, std::uint64_t seed) : model(network<float>(seed)), rng(seed) {
    const auto parameters = model.parameters();
    if (optimiser == "sgd")
      optimizer = std::make_unique<SGD<float>>(parameters, .1);
    else if (optimiser == "momentum")
      optimizer = std::make_unique<SGD<float>>(parameters, .1, SgdOptions{.9, true, 1e-4});
    else if (optimiser == "adam")
      optimizer = std::make_unique<Adam<float>>(parameters, .01);
    else
      optimizer = std::make_unique<AdamW<float>>(parameters, .01);
  }

  Training<float> training() {
    return {model,
            *optimizer,
            {{"order", &rng}},
            {{"epoch", &epoch}, {"best", &best}, {"history", &history}},
            R"({"hidden": 16})"};
  }

  void train(std::size_t epochs) {
    static const auto data = moons<float>(60, .1, 1);
    for (std::size_t i = 0; i < epochs; ++i, ++epoch) {
      rng.normal();  // leaves one normal number behind in the generator
      optimizer->learning_rate *= .9;
      for (const auto& batch : Batches<float>(data, 16, rng)) {
        Tape<float> tape;
        const auto loss = cross_entropy(model(batch.x), batch.labels);
        optimizer->zero_grad();
        loss.backward();
        optimizer->step();
        history.push_back(double(loss.item()));
        best = std::min(best, history.back());
      }
    }
  }

  Sequential<float> model;
  std::unique_ptr<Optimizer<float>> optimizer;
  Rng rng;
  std::size_t epoch = 0;
  double best = 1e300;
  std::vector<double> history;
};

/// Everything that a run is, as the bytes of a checkpoint.
std::string fingerprint(Run& run) {
  TemporaryFile file;
  save_checkpoint(file.path, run.training());
  return file.read();
}

/// load(path) throws an Error with these words, and the run stays as it was.
template <class Load>
void refuses(Run& run, const std::string& words, Load load) {
  const std::string before = fingerprint(run);
  BOOST_CHECK_EXCEPTION(load(), Error, [&](const Error& e) {
    const std::string text = e.what();
    BOOST_TEST_MESSAGE(text);
    return text.find(words) != std::string::npos && text.find('\n') == std::string::npos;
  });
  BOOST_TEST((fingerprint(run) == before), "something has changed");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(checkpoint_test)

BOOST_AUTO_TEST_CASE(weights_come_back_exactly) {
  auto model = network<double>(1), other = network<double>(2);
  model(zeros<double>({5, 2}));
  TemporaryFile file;
  save_weights(model, file.path);
  load_weights(other, file.path);
  const auto expected = model.parameters(), found = other.parameters();
  for (std::size_t i = 0; i < expected.size(); ++i)
    BOOST_TEST(expected[i].variable.value() == found[i].variable.value(), boost::test_tools::per_element());
  BOOST_TEST(other.buffers().at(0).name == "3.seen");
  BOOST_TEST((*other.buffers()[0].array)(0) == 5);
  const Tensors tensors = load_safetensors(file.path);
  BOOST_TEST(tensors.arrays.size() == 5u);
  BOOST_TEST(describe(*tensors.find("0.weight")) == "F64 (16, 2)");
}

BOOST_AUTO_TEST_CASE(generators_are_listed) {
  auto model = network<float>(1);
  const auto generators = model.generators();
  BOOST_REQUIRE(generators.size() == 1u);
  BOOST_TEST(generators[0].name == "2.generator");
}

BOOST_AUTO_TEST_CASE(an_interrupted_training_goes_on_bit_for_bit) {
  for (const char* optimiser : {"sgd", "momentum", "adam", "adamw"}) {
    BOOST_TEST_CONTEXT(optimiser) {
      Run whole(optimiser, 1), first(optimiser, 1), second(optimiser, 7);
      whole.train(6);
      first.train(2);
      TemporaryFile file;
      save_checkpoint(file.path, first.training());
      second.train(1);  // its own state is overwritten, whatever it is
      load_checkpoint(file.path, second.training());
      BOOST_TEST(second.epoch == 2u);
      second.train(4);
      BOOST_TEST(whole.history == second.history, boost::test_tools::per_element());
      BOOST_TEST((fingerprint(whole) == fingerprint(second)));
      BOOST_TEST(checkpoint_configuration(file.path) == R"({"hidden": 16})");
    }
  }
}

BOOST_AUTO_TEST_CASE(the_weights_of_a_checkpoint_can_be_used_alone) {
  Run run("adam", 1);
  run.train(1);
  TemporaryFile file;
  save_checkpoint(file.path, run.training());
  auto model = network<float>(2);
  load_weights(model, file.path);
  model.train(false);
  run.model.train(false);
  const Array<float> x{{1, 2}};
  BOOST_TEST(model(x).value() == run.model(x).value(), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_file_of_another_model_is_refused_and_nothing_changes) {
  Run run("adam", 1);
  run.train(1);
  TemporaryFile file;
  const auto load = [&] { load_weights(run.model, file.path); };
  refuses(run, "cannot be opened: No such file", load);
  auto wider = network<float>(1, 17);
  save_weights(wider, file.path);
  refuses(run, R"(has "0.weight" as F32 (17, 2), the program needs F32 (16, 2): it is of another model)",
          load);
  auto doubles = network<double>(1);
  save_weights(doubles, file.path);
  refuses(run, R"(has "0.weight" as F64 (16, 2), the program needs F32 (16, 2))", load);
  save_weights(run.model, file.path);
  Tensors tensors = load_safetensors(file.path);
  tensors.arrays.emplace_back("extra", scalar(1.f));
  save_safetensors(file.path, tensors);
  refuses(run, R"(has "extra", which the program does not know)", load);
  tensors.arrays.pop_back();
  tensors.arrays.pop_back();  // the last parameter
  save_safetensors(file.path, tensors);
  refuses(run, R"(has no "4.weight", which the program needs)", load);
  save_weights(run.model, file.path);
  const std::string good = file.read();
  file.write(good.substr(0, good.size() - 1));
  refuses(run, "is truncated", load);
  std::string damaged = good;
  damaged[good.size() - 5] ^= 1;
  file.write(damaged);
  refuses(run, "is damaged: it does not have the checksum that it was written with", load);
}

BOOST_AUTO_TEST_CASE(a_checkpoint_of_another_run_is_refused_and_nothing_changes) {
  Run run("adam", 1);
  run.train(1);
  TemporaryFile file;
  const auto load = [&] { load_checkpoint(file.path, run.training()); };
  save_weights(run.model, file.path);
  refuses(run, "is a safetensors file, but no checkpoint", load);
  BOOST_CHECK_THROW(checkpoint_configuration(file.path), Error);
  Run sgd("momentum", 1);
  save_checkpoint(file.path, sgd.training());
  refuses(run, R"(has no "optimizer.m.0.weight", which the program needs)", load);

  const auto changed = [&](const std::string& name, const AnyArray& value) {
    save_checkpoint(file.path, run.training());
    Tensors tensors = load_safetensors(file.path);
    for (auto& [n, array] : tensors.arrays)
      if (n == name) array = value;
    save_safetensors(file.path, tensors);
  };
  changed("optimizer.m.0.weight", zeros<float>({31}));
  refuses(run, R"(has "optimizer.m.0.weight" as F32 (31,), the program needs F32 (32,))", load);
  changed("optimizer.learning_rate", scalar(1.f));
  refuses(run, R"(has "optimizer.learning_rate" as F32 (), the program needs F64 ())", load);
  changed("number.epoch", Indices{-1});
  refuses(run, R"(has "number.epoch" with numbers that cannot be)", load);
  changed("optimizer.steps", Indices{1, 2, -3, 4});
  refuses(run, R"(has "optimizer.steps" with numbers that cannot be)", load);
  changed("generator.order", zeros<std::int64_t>({6}));
  refuses(run, R"(has "generator.order" with numbers that cannot be)", load);
  changed("number.history", zeros<double>({2, 2}));
  refuses(run, R"(has "number.history" as F64 (2, 2))", load);

  auto training = run.training();
  training.numbers.push_back({"epoch", &run.epoch});
  BOOST_CHECK_THROW(save_checkpoint(file.path, training), Error);  // two of one name
}

BOOST_AUTO_TEST_SUITE_END()
