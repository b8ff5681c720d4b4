#pragma once
// What the three programs share: their options, a checkpoint to go on from, logs, and how they end.

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>

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

/// The logs that were asked for. Steps from `first_step` on are written anew.
class Logs {
 public:
  Logs(const Files& files, std::size_t first_step);
  void write(std::size_t step, const xgrad::Scalars& scalars);
  /// Of every parameter, for TensorBoard only.
  void histograms(std::size_t step, xgrad::Module<float>& model);

 private:
  std::vector<std::unique_ptr<xgrad::Log>> logs_;
  xgrad::TensorBoardLog* tensorboard_ = nullptr;  // one of them
};

/// Runs a program: 0 when all went well, 130 after Ctrl-C, 2 and one line on stderr for an error.
int run(const CLI::App& app, const std::function<int()>& body);

/// What to say, and to return, after Ctrl-C.
int interrupted(const Files& files, std::size_t step);

/// A number with so many digits after the point.
std::string fixed(double value, int digits);

/// CLI11 takes "nan" for a number, and no range for one.
inline const CLI::Validator rate = CLI::Validator(
    [](std::string& text) {
      double value = 0;
      return CLI::detail::lexical_cast(text, value) && value >= 1e-9 && value <= 10
                 ? std::string()
                 : "must be a number from 1e-9 to 10, not " + text;
    },
    "FLOAT in [1e-9 - 10]");

}  // namespace program
