#pragma once
// What the three programs share: their options, a checkpoint to go on from, logs, and how they end.

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <type_traits>

#include "xgrad/io/tensorboard.hpp"
#include "xgrad/xgrad.hpp"

namespace program {

/// Options that every program has.
struct Files {
  std::string checkpoint, csv, json_lines, tensorboard;
  bool fresh = false;

  void add_to(CLI::App& app);
  bool resumes() const { return !fresh && std::filesystem::exists(checkpoint); }
  std::string configuration() const { return checkpoint + ".json"; }
};

/// Parses the command line into `settings`, which has a `model` inside. When there is a checkpoint to go on
/// from, what the command line leaves out is as it was then, and the model must be the same.
template <class Settings>
void parse(CLI::App& app, int argc, char** argv, Files& files, Settings& settings) {
  app.parse(argc, argv);
  if (!files.resumes()) return;
  const std::string text = xgrad::checkpoint_configuration(files.checkpoint);
  settings = xgrad::from_json<Settings>(files.checkpoint, text);
  const std::string model = xgrad::to_json(settings.model);
  app.parse(argc, argv);
  if (xgrad::to_json(settings.model) != model)
    xgrad::fail("checkpoint", files.checkpoint, " has a model with other options (see ",
                files.configuration(),
                "): leave them out, or begin anew with --fresh, or name another --checkpoint");
}

/// An option that is a number from `low` to `high`; --help shows its default.
template <class T>
CLI::Option* number(CLI::App& app, const std::string& name, T& value, std::common_type_t<T> low,
                    std::common_type_t<T> high, const std::string& help) {
  return app.add_option(name, value, help)->check(CLI::Range(low, high))->capture_default_str();
}

/// An option that is one of these words; --help shows its default.
CLI::Option* word(CLI::App& app, const std::string& name, std::string& value,
                  const std::vector<std::string>& words, const std::string& help);

/// --lr: CLI11 takes "nan" for a number, and no range for one.
CLI::Option* learning_rate(CLI::App& app, double& value, const std::string& help);

/// The options of a Trainer that saves to the checkpoint every so many steps. Puts the settings beside it.
template <class Settings>
xgrad::TrainerOptions trainer_options(const Files& files, const Settings& settings, std::size_t every) {
  xgrad::save_config(files.configuration(), settings);
  xgrad::TrainerOptions options;
  options.epochs = settings.epochs;
  options.batch = settings.batch;
  options.seed = settings.seed;
  options.progress = "training";
  options.checkpoint = files.checkpoint;
  options.checkpoint_every = every;
  options.configuration = xgrad::to_json(settings);
  return options;
}

/// The logs that were asked for, opened at the first line. A training that goes on from a checkpoint keeps
/// the lines of earlier steps.
class Logs {
 public:
  explicit Logs(const Files& files) : files_(files), resumes_(files.resumes()) {}
  void write(std::size_t step, const xgrad::Scalars& scalars);
  /// Of every parameter, for TensorBoard only.
  void histograms(std::size_t step, xgrad::Module<float>& model);

 private:
  void open(std::size_t first_step);

  Files files_;
  bool resumes_, open_ = false;
  std::vector<std::unique_ptr<xgrad::Log>> logs_;
  xgrad::TensorBoardLog* tensorboard_ = nullptr;  // one of them
};

/// Runs a program: 0 when all went well, 130 after Ctrl-C, 2 and one line on stderr for an error.
int run(const CLI::App& app, const std::function<int()>& body);

/// What to say, and to return, after Ctrl-C.
int interrupted(const Files& files, std::size_t step);

/// A number with so many digits after the point.
std::string fixed(double value, int digits);

}  // namespace program
