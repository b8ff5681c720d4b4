// train-digits: a residual network learns to read images: generated digits, the IDX files of MNIST or one of
// its relatives, or CIFAR-10.

#include "program.hpp"

using namespace xgrad;

namespace {

struct ModelOptions {
  std::string kind = "mlp";
  std::size_t blocks = 2, width = 64;
  std::size_t channels = 1, rows = 28, columns = 28;  // of an image
};

struct Settings {
  std::string program = "train-digits";
  ModelOptions model;
  std::string data;
  std::size_t images = 0, epochs = 10, batch = 32, threads = 1, seed = 1;
  double learning_rate = 1e-3;
};

void fields(Fields& f, ModelOptions& o) {
  f("kind", o.kind, {"mlp", "resnet"});
  f("blocks", o.blocks, 1, 100);
  f("width", o.width, 1, 4096);
  f("channels", o.channels, 1, 3);
  f("rows", o.rows, 1, 1024);
  f("columns", o.columns, 1, 1024);
}

void fields(Fields& f, Settings& s) {
  f("program", s.program, {"train-digits"});
  f("model", s.model);
  f("data", s.data);
  f("images", s.images);
  f("epochs", s.epochs, 1, 10000);
  f("batch", s.batch, 1, 1000000);
  f("threads", s.threads, 1, 1024);
  f("seed", s.seed);
  f("learning_rate", s.learning_rate, 1e-9, 10);
}

/// Images as (n, channels, rows, columns).
Labelled<float> with_channels(Labelled<float> data) {
  const Shape shape = shape_of(data.x);
  if (shape.size() == 3) data.x = reshaped(std::move(data.x), {shape[0], 1, shape[1], shape[2]});
  return data;
}

TrainTest<float> load(const Settings& settings) {
  TrainTest<float> data;
  if (settings.data.empty())
    data = {digits<float>(settings.images ? settings.images : 3000, 1), digits<float>(1000, 2)};
  else if (std::filesystem::exists(std::filesystem::path(settings.data) / "data_batch_1.bin"))
    data = load_cifar10<float>(settings.data);
  else
    data = load_mnist<float>(settings.data);
  if (settings.images > data.train.size())
    fail("data", "--images is ", settings.images, ": there are ", data.train.size(), " to learn from");
  if (settings.images) data.train = samples(data.train, 0, settings.images);
  return {with_channels(std::move(data.train)), with_channels(std::move(data.test))};
}

Sequential<float> network(const ModelOptions& options, Rng& rng) {
  if (options.kind == "resnet") {
    ResNetOptions resnet;
    resnet.channels = options.channels;
    resnet.blocks = options.blocks;
    resnet.widths = {options.width, 2 * options.width, 4 * options.width};
    return Sequential<float>{ResNet<float>(resnet, Init::he_normal(), rng)};
  }
  const Init init = Init::he_normal();
  const std::size_t inputs = options.channels * options.rows * options.columns, width = options.width;
  Sequential<float> model{Flatten<float>(), Linear<float>(inputs, width, init, rng)};
  for (std::size_t i = 0; i < options.blocks; ++i)
    model.add(Residual<float>(
        Sequential<float>{LayerNorm<float>(width), Linear<float>(width, width, init, rng),
                          activation<float>("relu"), Linear<float>(width, width, init, rng)}));
  model.add(LayerNorm<float>(width));
  model.add(Linear<float>(width, 10, init, rng));
  return model;
}

void show_mistakes(Module<float>& model, const Labelled<float>& test, std::size_t most) {
  const Evaluation evaluation = evaluate(model, test);
  for (std::size_t i = 0; i < test.size() && most > 0; ++i) {
    if (evaluation.answers(i) == test.labels(i)) continue;
    const auto one = samples(test, i, i + 1);
    std::cout << "\ntest image " << i << " is a " << test.labels(i) << ", the answer was "
              << evaluation.answers(i) << '\n'
              << picture(reshaped(one.x, {test.x.shape(1), test.x.shape(2), test.x.shape(3)}));
    --most;
  }
}

int train(Settings settings, const program::Files& files, std::size_t mistakes) {
  const TrainTest<float> data = load(settings);
  const Shape image(data.train.x.shape().begin() + 1, data.train.x.shape().end());
  if (files.resumes() && image != Shape{settings.model.channels, settings.model.rows, settings.model.columns})
    fail("data", "the images are ", to_string(image), ", those of ", files.checkpoint,
         " were others: name another --checkpoint");
  settings.model.channels = image[0];
  settings.model.rows = image[1];
  settings.model.columns = image[2];
  std::cout << (settings.data.empty() ? "generated digits" : settings.data) << ": " << data.train.size()
            << " images to learn from, " << data.test.size() << " to test with, each " << to_string(image)
            << '\n';

  Rng rng(settings.seed);
  auto model = network(settings.model, rng);
  std::cout << settings.model.kind << ": " << model.parameter_count() << " parameters" << std::endl;
  Adam<float> optimizer(model.parameters(), settings.learning_rate);

  TrainerOptions options = program::trainer_options(files, settings, 500);
  options.threads = settings.threads;
  const std::size_t steps_per_epoch = (data.train.size() + settings.batch - 1) / settings.batch;
  options.schedule = schedule::linear(settings.learning_rate, settings.epochs * steps_per_epoch);
  Trainer<float> trainer(model, optimizer, options);
  trainer.validate = [&] {
    const Evaluation evaluation = evaluate(model, data.test);
    return Measures{{"loss", evaluation.loss}, {"accuracy", evaluation.accuracy()}};
  };
  program::Logs logs(files);
  trainer.on_epoch = [&](const History& h) {
    logs.write(h.steps(), {{"loss", h.epoch_loss.back()},
                           {"test loss", h.measure("loss").back()},
                           {"test accuracy", h.measure("accuracy").back()}});
    logs.histograms(h.steps(), model);
  };
  const History history = trainer.fit(data.train.size(), [&](const Batch& batch) {
    const auto some = samples(data.train, batch);
    return cross_entropy(model(some.x), some.labels);
  });

  std::cout << "epoch  loss    test loss  test accuracy\n";
  for (std::size_t i = 0; i < history.epochs(); ++i)
    std::printf("%5zu  %.4f  %.4f     %.4f\n", i + 1, history.epoch_loss[i], history.measure("loss")[i],
                history.measure("accuracy")[i]);
  std::fflush(stdout);
  if (history.interrupted) return program::interrupted(files, history.steps());
  show_mistakes(model, data.test, mistakes);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  program::Files files;
  files.checkpoint = "digits.safetensors";
  std::size_t mistakes = 0;
  CLI::App app("A residual network learns to read images. Without --data they are generated digits.",
               "train-digits");
  app.add_option("--data", settings.data,
                 "folder with the IDX files of MNIST or a relative, or with CIFAR-10's binary files");
  app.add_option("--images", settings.images, "how many to learn from (default: 3000 generated, or all)")
      ->check(CLI::Range(1, 10000000));
  using program::number;
  auto& model = settings.model;
  program::word(app, "--model", model.kind, {"mlp", "resnet"},
                "mlp (residual blocks with LayerNorm) or resnet (convolutions)");
  number(app, "--blocks", model.blocks, 1, 100, "residual blocks, of a resnet in each of three stages");
  number(app, "--width", model.width, 1, 4096, "features, of a resnet channels of the first stage");
  number(app, "--epochs", settings.epochs, 1, 10000, "times that every image is seen");
  number(app, "--batch", settings.batch, 1, 1000000, "images per step");
  program::learning_rate(app, settings.learning_rate,
                         "learning rate of Adam at the beginning; it falls to 0");
  number(app, "--threads", settings.threads, 1, 1024, "at work on each batch");
  app.add_option("--seed", settings.seed, "of the initial weights and the order of the images")
      ->capture_default_str();
  app.add_option("--mistakes", mistakes, "show so many test images that were misread");
  files.add_to(app);
  return program::run(app, [&] {
    program::parse(app, argc, argv, files, settings);
    if (!settings.data.empty()) settings.data = std::filesystem::absolute(settings.data).string();
    if (files.fresh) std::filesystem::remove(files.checkpoint);
    return train(settings, files, mistakes);
  });
}
