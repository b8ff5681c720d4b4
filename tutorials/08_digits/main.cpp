// 08 Digits: the network of D0 §5.2 and §5.4, repaired, learns to read digits: generated ones, or MNIST.

#include <CLI/CLI.hpp>
#include <iomanip>

#include "as_written.hpp"

using namespace xgrad;

namespace {

struct Settings {
  std::string folder;
  std::size_t epochs = 10, batch = 32, images = 0;
  double learning_rate = 1e-3, required = .95;
  std::string schedule = "linear";
  std::uint64_t seed = 1, seeds = 3;
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

std::size_t pixels_per_image(const Labelled<float>& data) { return data.x.size() / data.size(); }

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

struct Trained {
  Sequential<float> model;
  std::vector<Tally> epochs;
  double seconds = 0;
};

Trained train(const Labelled<float>& data, const Settings& settings, const Loss& loss_of,
              std::uint64_t seed) {
  Rng rng(seed);
  Trained result{network(pixels_per_image(data), 10, rng), {}};
  Adam<float> optimizer(result.model.parameters(), settings.learning_rate, adam_options);
  const std::size_t steps = settings.epochs * Batches<float>(data, settings.batch).size();
  std::size_t done = 0;
  Progress progress("seed " + std::to_string(seed), steps);
  const AfterStep after_step = [&](const Tally& so_far) {
    std::ostringstream text;
    text << std::fixed << std::setprecision(4) << "epoch " << result.epochs.size() + 1 << '/'
         << settings.epochs << "  loss " << so_far.loss() << "  accuracy " << so_far.accuracy();
    progress.update(++done, text.str());
    // [schedule]
    if (settings.schedule == "linear")  // in a straight line from the learning rate to 0
      optimizer.learning_rate = settings.learning_rate * (1 - double(done) / double(steps));
    // [/schedule]
  };
  while (result.epochs.size() < settings.epochs)
    result.epochs.push_back(
        train_epoch(result.model, optimizer, data, settings.batch, loss_of, rng, after_step));
  result.seconds = progress.seconds();
  return result;
}

void print(const Trained& trained) {
  std::cout << "epoch    loss  accuracy\n" << std::fixed << std::setprecision(4);
  for (std::size_t i = 0; i < trained.epochs.size(); ++i)
    std::cout << std::setw(5) << i + 1 << std::setw(8) << trained.epochs[i].loss() << std::setw(10)
              << trained.epochs[i].accuracy() << '\n';
  std::cout << std::setprecision(2) << "training took " << trained.seconds << " s\n"
            << std::defaultfloat << std::setprecision(6);
}

int run(const Settings& settings) {
  const TrainTest<float> data = load(settings);
  as_written::show_ten_features();
  as_written::show_missing_flatten();
  as_written::show_wrong_loss();

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
  std::vector<Trained> trained;
  for (std::uint64_t i = 0; i < (show::quick ? 1 : settings.seeds); ++i)
    trained.push_back(train(data.train, settings, loss_of, settings.seed + i));
  print(trained.front());

  show::section("Test");
  std::vector<double> accuracies;
  for (std::size_t i = 0; i < trained.size(); ++i) {
    const Tally test = evaluate(trained[i].model, data.test, loss_of);
    accuracies.push_back(test.accuracy());
    std::cout << "seed " << settings.seed + i << ": loss " << show::text(test.loss(), 4) << ", accuracy "
              << show::text(test.accuracy(), 4) << '\n';
  }
  const bool generated = settings.folder.empty();
  show::expect_true("each accuracy at least " + show::text(settings.required),
                    *std::min_element(accuracies.begin(), accuracies.end()) >= settings.required);
  auto accuracy = show::at_least(generated ? "accuracy, generated digits" : "accuracy, MNIST", accuracies,
                                 settings.required);
  if (!generated) accuracy = std::move(accuracy).needing("XGRAD_MNIST");
  show::system({"S2",
                "",
                "(a) flatten, ten logits, softmax cross-entropy, a learning rate that falls to 0",
                {accuracy}});
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
  app.add_option("--seeds", settings.seeds,
                 "how many networks to train, with this seed and those that follow")
      ->check(CLI::Range(1, 1000));
  app.add_flag("--quick", show::quick, show::quick_help);
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
