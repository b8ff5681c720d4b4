// 09 A pipeline: D1's normaliser and residual layer, as they are written, repaired, and with two switches.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <numeric>

#include "diagram.hpp"
#include "models.hpp"

namespace {

void as_written(const Labelled<float>& data) {
  show::section("D1 §5.2 as it is written");
  Rng rng(1);
  const auto x = samples(data, 0, 32).x;
  Residual<float> residual(dense_pair(784, 128, rng));
  const bool refused = show::refused("a ResidualLayer(128) on 784 columns", [&] { residual(x); });
  Model whole{Stored(), std::move(residual), Linear<float>(128, 10, glorot, rng)};
  show::refused("the whole model", [&] { summary(whole, {1, 784}); });

  Model normalised{Stored(), Linear<float>(784, 128, glorot, rng), Residual<float>(dense_pair(128, 128, rng)),
                   Linear<float>(128, 10, glorot, rng)};
  train(normalised, samples(data, 0, 640), 1);
  auto& stored = dynamic_cast<Stored&>(normalised[0]);
  double moved = 0, changed = 0;
  const Array<float> y = stored(x).value();
  for (float mean : stored.mean) moved = std::max(moved, std::abs(double(mean)));
  for (float deviation : stored.deviation) moved = std::max(moved, std::abs(double(deviation) - 1));
  for (std::size_t i = 0; i < y.size(); ++i)
    changed = std::max(changed, std::abs(double(y.data()[i]) - double(x.data()[i])));
  show::expect("training moved the stored mean 0 and deviation 1 by at most", moved, 0, 0);
  show::expect("NormalizationLayer(x) and x differ by at most", changed, 0, 0);
  show::system(
      {"S5",
       "a residual layer of 128 units on 784 columns; a normaliser whose mean 0 and deviation 1 nothing "
       "updates: the identity",
       "",
       {show::holds("784 + 128 columns are refused", refused),
        show::equals("what training changes in the normaliser", moved, 0),
        show::equals("what the normaliser changes in x", changed, 0)}});
}

void repaired(const TrainTest<float>& data, bool mnist) {
  const struct {
    const char *name, *repaired;
    Make make;
    double parameters;
  } repairs[]{
      {"stem", "(a) LayerNorm and a layer 784 → 128 in front", stem, 136362},
      {"projection", "(b) LayerNorm, and a projection 784 → 128 on the skip path", projection, 220202}};
  for (const auto& [name, text, make, parameters] : repairs) {
    show::section(std::string("Repaired: ") + name + (mnist ? ", MNIST" : ""));
    Rng rng(1);
    auto model = make(rng);
    std::cout << summary(model, {1, 784});
    show::expect("parameters", double(model.parameter_count()), parameters, 0, 17);
    const auto found = accuracies(make, data);
    std::cout << "test accuracy, one network a seed: " << show::text(found, 4) << '\n';
    auto result = show::at_least(std::string("accuracy, ") + name + (mnist ? ", MNIST" : ""), found, .95);
    if (mnist) result = std::move(result).needing("XGRAD_MNIST");
    show::system({"S5",
                  "",
                  text,
                  {result, show::equals(std::string("parameters, ") + name, double(model.parameter_count()),
                                        parameters)}});
  }
}

void recipe(const Labelled<float>& data) {
  show::section("The recipe in five steps");
  // [recipe]
  const auto learn = samples(data, 0, 2500), held_out = samples(data, 2500, 3000);
  Rng rng(1);
  auto model = stem(rng);  // steps 1 to 3: the two layers, and the model that is made of them
  const History history = train(model, learn, 1, [&] {
    const auto now = evaluate(model, held_out);
    return Measures{{"loss", now.loss}, {"accuracy", now.accuracy()}};
  });
  // [/recipe]
  std::printf("epoch   loss   loss, held out   accuracy, held out\n");
  for (std::size_t epoch = 0; epoch < history.epochs(); ++epoch)
    std::printf("%5zu %6.4f %16.4f %20.3f\n", epoch + 1, history.epoch_loss[epoch],
                history.measure("loss")[epoch], history.measure("accuracy")[epoch]);
}

void configuration(const TrainTest<float>& data) {
  show::section("A pipeline as two files");
  const auto folder = std::filesystem::temp_directory_path() / ("xgrad_pipeline_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const std::string config = folder / "pipeline.json", weights = folder / "pipeline.safetensors";
  // [files]
  const PipelineOptions options{64, 3, true, true};
  Rng rng(1), other(2);
  auto model = pipeline(options, rng);
  train(model, samples(data.train, 0, 640), 1);
  save_config(config, options);
  save_weights(model, weights);

  auto again = pipeline(load_config<PipelineOptions>(config), other);
  load_weights(again, weights);
  // [/files]
  std::cout << to_json(options) << '\n';
  const Array<float> y = model(data.test.x).value();
  show::expect_true("every answer of the model from the files is the same",
                    std::equal(y.begin(), y.end(), again(data.test.x).value().begin()));
  show::refused("a key that nobody knows",
                [] { from_json<PipelineOptions>("pipeline.json", "{\"unit\": 64}"); });
  std::filesystem::remove_all(folder);
}

/// Test images, and what becomes of them: more noise, or another contrast and brightness.
std::vector<std::pair<std::string, Array<float>>> changed(const Array<float>& x) {
  Rng rng(3);
  const Variable<float> v(x), noise(rng.normal<float>(shape_of(x), 0, .4));
  return {{"clean", x},
          {"+ noise", (v + noise).value()},
          {"× 5", (5 * v).value()},
          {"× 0.2", (.2f * v).value()},
          {"+ 1", (v + 1).value()}};
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.) / double(values.size());
}

/// [test][seed]
std::vector<std::vector<double>> accuracies_on(const std::vector<std::pair<std::string, Array<float>>>& tests,
                                               const Make& make, const TrainTest<float>& data) {
  std::vector<std::vector<double>> result(tests.size());
  show::over_seeds([&](std::uint64_t seed) {
    Rng rng(seed);
    auto model = make(rng);
    train(model, data.train, seed);
    for (std::size_t i = 0; i < tests.size(); ++i)
      result[i].push_back(accuracy(model, {tests[i].second, data.test.labels}));
    return 0.;
  });
  return result;
}

void normalisers(const TrainTest<float>& data) {
  show::section("Which normaliser");
  const auto tail = [](Model model, Rng& rng, Switches switches) {
    model.add(Linear<float>(784, 128, glorot, rng));
    model.add(SwitchedBlock<float>(dense_pair(128, 128, rng), 128, switches));
    model.add(Linear<float>(128, 10, glorot, rng));
    return model;
  };
  const std::vector<std::pair<std::string, Make>> networks{
      {"none",
       [&](Rng& rng) {
         return tail(Model{}, rng, {true, false});
       }},
      {"FrozenStandardize in front",
       [&](Rng& rng) {
         FrozenStandardize<float> normaliser(784);
         normaliser.fit(data.train.x);
         return tail(Model{std::move(normaliser)}, rng, {true, false});
       }},
      {"LayerNorm in front",
       [&](Rng& rng) {
         return tail(Model{LayerNorm<float>(784)}, rng, {true, false});
       }},
      {"LayerNorm in the block", [&](Rng& rng) {
         return tail(Model{}, rng, {true, true});
       }}};
  const auto tests = changed(data.test.x);
  std::printf("%-28s", "mean test accuracy");
  for (const auto& test : tests) std::printf("%9s", test.first.c_str());
  std::map<std::string, std::vector<std::vector<double>>> found;  // [network][test][seed]
  for (const auto& [name, make] : networks) {
    found[name] = accuracies_on(tests, make, data);
    std::printf("\n%-28s", name.c_str());
    for (const auto& seeds : found[name]) std::printf("%9.3f", mean_of(seeds));
  }
  std::printf("\n");

  const auto &none = found["none"], &front = found["LayerNorm in front"],
             &block = found["LayerNorm in the block"];
  std::vector<double> differences;  // to the clean images, of LN in front
  for (std::size_t seed = 0; seed < front[0].size(); ++seed)
    for (const std::size_t test : {2, 3, 4})
      differences.push_back(std::abs(front[test][seed] - front[0][seed]));
  const double best = *std::max_element(none[1].begin(), none[1].end());
  show::experiment(
      {"E6",
       "LN in front makes contrast and brightness of an image immaterial; LN inside does not; neither helps "
       "against noise",
       {show::at_most("LN in front: accuracy changed by × 5, × 0.2, + 1", differences, .002),
        show::below("LN in the block: accuracy after + 1", block[4], .95),
        show::at_most("under noise, LN in front less the best without", {mean_of(front[1]) - best}, 0),
        show::at_most("under noise, LN in the block less the best without", {mean_of(block[1]) - best}, 0)},
       "measured on 10 × 10 digits; there, too, a network of ReLUs without LN took × 5 well"});
}

/// What a block computes, in order, from its tape.
std::string ops(Module<float>& block) {
  std::string order;
  Tape<float> tape;
  block(parameter(zeros<float>({1, 128})));
  for (const auto& entry : tape.entries()) order += (order.empty() ? "" : " → ") + std::string(entry.op);
  return order;
}

void switches(const TrainTest<float>& data) {
  show::section("The diagram with two switches");
  std::size_t dead_ends = 0;
  std::vector<show::Result> results;
  for (const bool residual : {true, false})
    for (const bool norm : {true, false}) {
      const Switches on{residual, norm};
      const std::string path = walk(residual, norm);
      const bool dead = path.substr(path.rfind(' ') + 1) != "output";
      dead_ends += dead;
      Rng rng(1);
      SwitchedBlock<float> block(dense_pair(128, 128, rng), 128, on);
      const auto found = accuracies(
          [on](Rng& rng) {
            return pipeline({128, 2, on.residual, on.norm}, rng);
          },
          data);
      std::cout << on.describe() << "\n  D1's arrows:  " << path << (dead ? ": a dead end" : "")
                << "\n  SwitchedBlock: " << ops(block) << "\n  test accuracy: " << show::text(found, 4)
                << '\n';
      results.push_back(show::at_least("accuracy, " + on.describe(), found, .95));
    }
  show::expect("of four ways through D1's diagram, dead ends", double(dead_ends), 2, 0, 17);
  results.push_back(show::equals("ways through the diagram that end before the layer", double(dead_ends), 2));
  show::system(
      {"S26", "without a residual connection the diagram has no arrow to the layer, and LN cannot be chosen",
       "one block with two switches; all four forms reach the layer", results});
}

void leakage() {
  show::section("A residual that looks at the target");
  const auto moved = show::over_seeds([](std::uint64_t seed) {
    Rng rng(seed);
    const Variable<double> x(rng.normal<double>({64, 3})), y(rng.normal<double>({64, 1}));
    Linear<double> layer(3, 1, Init::xavier_uniform(), rng);
    const auto before = show::entries(layer.weight.value());
    const double error = mse_loss(layer(x), y.value()).item();
    Adam<double> optimizer(layer.parameters(), 1e-2);
    double loss_value = 0;
    for (int step = 0; step < 100; ++step) {
      Tape<double> tape;
      optimizer.zero_grad();
      // [leak]
      const auto output = layer(x);      // L(x)
      const auto residual = y - output;  // D1 §4.2.1: R(x) = y - L(x)
      const auto loss = mse_loss(output + residual, y.value());
      // [/leak]
      loss.backward();
      optimizer.step();
      loss_value = loss.item();
    }
    double largest = 0;
    for (std::size_t i = 0; i < before.size(); ++i)
      largest = std::max(largest, std::abs(before[i] - layer.weight.value().data()[i]));
    std::cout << "seed " << seed << ": training loss " << (loss_value < 1e-30 ? "0" : "not 0")
              << ", mean squared error of L(x) before and after "
              << show::text({error, mse_loss(layer(x), y.value()).item()}, 4) << '\n';
    return largest;
  });
  show::expect("largest change of a weight in 100 steps", moved, std::vector<double>(moved.size(), 0), 0);
  show::experiment({"E29",
                    "training changes nothing",
                    {show::at_most("largest change of a weight in 100 steps of Adam", moved, 0)}});
}

int run(const std::string& folder) {
  const TrainTest<float> data{flattened(digits<float>(3000, 1)), flattened(digits<float>(1000, 2))};
  as_written(data.train);
  repaired(data, false);
  if (!folder.empty()) {
    auto mnist = load_mnist<float>(folder);
    repaired({flattened(std::move(mnist.train)), flattened(std::move(mnist.test))}, true);
  }
  recipe(data.train);
  normalisers(data);
  switches(data);
  configuration(data);
  leakage();
  return show::finish();
}

}  // namespace

int main(int argc, char** argv) {
  std::string folder;
  CLI::App app("D1's normaliser and residual layer, repaired, read digits.", "09_pipeline");
  app.add_option("--data", folder, "folder with MNIST's IDX files, for both repairs to read as well")
      ->envname("XGRAD_MNIST");
  app.add_flag("--quick", show::quick, show::quick_help);
  try {
    app.parse(argc, argv);
    return run(folder);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    std::cerr << "09_pipeline: " << error.what() << " (--help lists the options)\n";
  } catch (const std::exception& error) {
    std::cerr << "09_pipeline: " << error.what() << '\n';
  }
  return 2;
}
