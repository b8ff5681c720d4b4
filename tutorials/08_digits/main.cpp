// 08 Digits: the network of D0 §5.2 and §5.4, repaired, learns to read digits: generated ones, or MNIST.

#include <CLI/CLI.hpp>
#include <iomanip>

#include "show.hpp"

using namespace xgrad;

namespace {

struct Settings {
  std::string folder;
  std::size_t epochs = 10, batch = 32, images = 0;
  double learning_rate = 1e-3, required = .95;
  std::string schedule = "linear";
  std::uint64_t seed = 1;
};

// [data]
TrainTest<float> load(const Settings& settings) {
  if (settings.folder.empty())
    return {digits<float>(settings.images ? settings.images : 3000, 1), digits<float>(1000, 2)};
  TrainTest<float> data = load_mnist<float>(settings.folder);
  if (settings.images > data.train.size())
    fail("data", "--train is ", settings.images, ": there are ", data.train.size(), " training images");
  if (settings.images) data.train = samples(data.train, 0, settings.images);
  return data;
}
// [/data]

// [model]
const double norm_eps = 1e-3;                       // Keras' default for LayerNormalization, which D0 uses
const AdamOptions adam_options = {.9, .999, 1e-7};  // Keras' default ε again

Residual<float> residual_block(std::size_t units, const Init& init, Rng& rng) {
  return Residual<float>(Sequential<float>{
      LayerNorm<float>(units, norm_eps), Linear<float>(units, units, init, rng), activation<float>("relu"),
      LayerNorm<float>(units, norm_eps), Linear<float>(units, units, init, rng)});
}

Sequential<float> network(std::size_t inputs, std::size_t outputs, Rng& rng) {
  const Init glorot = Init::xavier_uniform();  // Keras' default for Dense, with biases 0
  const auto flatten = [inputs](const Variable<float>& x) {
    return reshape(x, {-1, std::ptrdiff_t(inputs)});
  };
  return Sequential<float>{
      // Braces, because they are evaluated from left to right: the layers draw from rng in their order.
      Function<float>("flatten", flatten),
      Linear<float>(inputs, 64, glorot, rng),
      activation<float>("relu"),
      LayerNorm<float>(64, norm_eps),
      residual_block(64, glorot, rng),
      residual_block(64, glorot, rng),
      Linear<float>(64, outputs, glorot, rng)};
}
// [/model]

std::size_t pixels_per_image(const Labelled<float>& data) { return data.x.size() / data.size(); }

/// What an epoch, or a part of it, came to.
struct Tally {
  std::size_t samples = 0, correct = 0;
  double loss_sum = 0;
  double loss() const { return loss_sum / double(samples); }
  double accuracy() const { return double(correct) / double(samples); }

  void add(const Variable<float>& logits, const Variable<float>& mean_loss, const Indices& labels) {
    samples += labels.size();
    loss_sum += double(mean_loss.item()) * double(labels.size());
    correct += count_correct(logits.value(), labels);
  }
};

using Loss = std::function<Variable<float>(const Variable<float>& logits, const Indices& labels)>;
using Watch = std::function<void(const Tally&)>;  // called after every step

// [epoch]
Tally train_epoch(
    Module<float>& model, Optimizer<float>& optimizer, const Labelled<float>& data, std::size_t batch_size,
    const Loss& loss_of, Rng& rng, const Watch& watch = [](const Tally&) {}) {
  Tally tally;
  for (const auto& batch : Batches<float>(data, batch_size, rng)) {
    Tape<float> tape;
    const auto logits = model(batch.x);
    const auto loss = loss_of(logits, batch.labels);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    tally.add(logits, loss, batch.labels);
    watch(tally);
  }
  return tally;
}
// [/epoch]

// [evaluate]
Tally evaluate(Module<float>& model, const Labelled<float>& data, const Loss& loss_of) {
  model.train(false);  // evaluation mode: it makes no difference to this network, but it would to dropout
  Tally tally;
  for (const auto& batch : Batches<float>(data, 500)) {  // no tape is there, so nothing is recorded
    const auto logits = model(batch.x);
    tally.add(logits, loss_of(logits, batch.labels), batch.labels);
  }
  model.train();
  return tally;
}
// [/evaluate]

void show_missing_flatten() {
  show::section("D0 §5.4 has no flatten");
  Rng rng(1);
  const Init glorot = Init::xavier_uniform();
  Sequential<float> dense{Linear<float>(1, 64, glorot, rng), activation<float>("relu"),
                          Linear<float>(64, 1, glorot, rng)};
  const auto y = dense(zeros<float>({2, 28, 28, 1}));
  std::cout << "two images (2, 28, 28, 1) through Dense(64) and Dense(1) give " << to_string(y.shape())
            << '\n';
  try {
    bce_with_logits(y, zeros<float>({2, 1}));
    show::expect_true("labels of shape (2, 1) are refused", false);
  } catch (const Error& error) {
    std::cout << error.what() << '\n';
  }
}

/// Binary cross-entropy of one logit, and its derivative.
std::vector<double> binary(double logit, double target) {
  const auto z = parameter(Array<double>{logit});
  Tape<double> tape;
  const auto loss = bce_with_logits(z, Array<double>{target});
  loss.backward();
  return {loss.item(), z.grad()(0)};
}

void show_wrong_loss() {
  show::section("D0 §5.4 has one sigmoid for ten classes");
  show::expect("logit 0.5, target 1: loss, dz", binary(.5, 1), {.4740769842, -.3775406688});
  show::expect("logit 0.5, target 7: loss, dz", binary(.5, 7), {-2.525923016, -6.377540669});
  show::expect("logit 20,  target 7: loss    ", binary(20, 7)[0], -120, 1e-7);

  const Loss binary_loss = [](const Variable<float>& logits, const Indices& labels) {
    return bce_with_logits(logits, reshaped(cast<float, std::int64_t>(labels), logits.shape()));
  };
  const auto data = digits<float>(3000, 1), test = digits<float>(1000, 2);
  Rng rng(1);
  auto model = network(784, 1, rng);
  Adam<float> optimizer(model.parameters(), 1e-3, adam_options);
  std::cout << "generated digits, mean loss of three epochs:";
  for (int epoch = 1; epoch <= 3; ++epoch)
    std::cout << ' ' << show::text(train_epoch(model, optimizer, data, 32, binary_loss, rng).loss(), 2);
  const Array<float> logits = model(test.x).value();
  std::size_t ones = 0, answers = 0, right = 0;
  for (std::size_t i = 0; i < test.size(); ++i) {
    const int answer = logits.data()[i] > 0;  // sigmoid above ½
    ones += test.labels(i) == 1;
    answers += answer == 1;
    right += answer == test.labels(i);
  }
  std::cout << "\nof 1000 test images " << ones << " show a 1, " << answers << " get the answer 1, " << right
            << " are right\n";
  show::expect_true("the network answers 1 whatever it sees", answers == test.size());
}

void train(Module<float>& model, const Labelled<float>& data, const Settings& settings, const Loss& loss_of,
           Rng& rng) {
  Adam<float> optimizer(model.parameters(), settings.learning_rate, adam_options);
  std::vector<Tally> epochs;
  double seconds = 0;
  {
    const std::size_t steps = settings.epochs * Batches<float>(data, settings.batch).size();
    std::size_t done = 0;
    Progress progress("training", steps);
    while (epochs.size() < settings.epochs)
      epochs.push_back(
          train_epoch(model, optimizer, data, settings.batch, loss_of, rng, [&](const Tally& so_far) {
            std::ostringstream text;
            text << std::fixed << std::setprecision(4) << "epoch " << epochs.size() + 1 << '/'
                 << settings.epochs << "  loss " << so_far.loss() << "  accuracy " << so_far.accuracy();
            progress.update(++done, text.str());
            // [schedule]
            if (settings.schedule == "linear")  // in a straight line from the learning rate to 0
              optimizer.learning_rate = settings.learning_rate * (1 - double(done) / double(steps));
            // [/schedule]
          }));
    seconds = progress.seconds();
  }
  std::cout << "epoch    loss  accuracy\n" << std::fixed << std::setprecision(4);
  for (std::size_t i = 0; i < epochs.size(); ++i)
    std::cout << std::setw(5) << i + 1 << std::setw(8) << epochs[i].loss() << std::setw(10)
              << epochs[i].accuracy() << '\n';
  std::cout << std::setprecision(2) << "training took " << seconds << " s\n"
            << std::defaultfloat << std::setprecision(6);
}

int run(const Settings& settings) {
  const TrainTest<float> data = load(settings);
  show_missing_flatten();
  show_wrong_loss();

  show::section("The data");
  std::cout << (settings.folder.empty() ? "generated digits" : "MNIST files") << ": " << data.train.size()
            << " images to learn from, " << data.test.size() << " to test with\n"
            << picture(samples(data.train, 0, 3).x);

  show::section("The network, repaired");
  Rng rng(settings.seed);
  auto model = network(pixels_per_image(data.train), 10, rng);
  std::cout << summary(model, {1, data.train.x.shape(1), data.train.x.shape(2)});
  if (pixels_per_image(data.train) == 784) show::expect("parameters", double(model.parameter_count()), 68170);

  show::section("Training");
  const Loss loss_of = [](const Variable<float>& logits, const Indices& labels) {
    return cross_entropy(logits, labels);
  };
  train(model, data.train, settings, loss_of, rng);

  show::section("Test");
  const Tally test = evaluate(model, data.test, loss_of);
  std::cout << "loss " << show::text(test.loss(), 4) << ", accuracy " << show::text(test.accuracy(), 4)
            << '\n';
  show::expect_true("accuracy at least " + show::text(settings.required),
                    test.accuracy() >= settings.required);
  return show::finish();
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("The repaired network of D0 §5.4 learns to read digits.", "08_digits");
  app.add_option("--data", settings.folder, "folder with MNIST's IDX files; without it, digits are generated")
      ->envname("XGRAD_MNIST");
  app.add_option("--epochs", settings.epochs, "times that every image is seen")->check(CLI::Range(1, 10000));
  app.add_option("--batch", settings.batch, "images per step")->check(CLI::Range(1, 1000000));
  app.add_option("--lr", settings.learning_rate, "learning rate of Adam")->check(CLI::Range(1e-9, 10.));
  app.add_option("--schedule", settings.schedule,
                 "of the learning rate: linear (to 0) or constant (as D0 has it)")
      ->check(CLI::IsMember({"linear", "constant"}));
  app.add_option("--seed", settings.seed, "of the initial weights and the order of the images");
  app.add_option("--train", settings.images,
                 "how many images to learn from (default: 3000 generated, all of MNIST)")
      ->check(CLI::Range(1, 10000000));
  app.add_option("--require", settings.required, "test accuracy below which the exit code is 1")
      ->check(CLI::Range(0., 1.));
  try {
    app.parse(argc, argv);
    if (std::isnan(settings.learning_rate)) throw CLI::ValidationError("--lr", "nan is no learning rate");
    return run(settings);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    std::cerr << "08_digits: " << error.what() << " (--help lists the options)\n";
  } catch (const std::exception& error) {
    std::cerr << "08_digits: " << error.what() << '\n';
  }
  return 2;
}
