// Gradient norms across depth: plain and residual stacks, activations, initialisations, normalisation, each
// measured on real networks and judged against theory. Without a selection it draws the gallery.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>

#include "gradient_norms/figures.hpp"

namespace {

using plots::Settings;
using plots::Verdicts;

const std::vector<std::pair<std::string, void (*)(Settings&, Verdicts&)>> figures = {
    {"plain-against-residual", plots::plain_against_residual},
    {"plain-stacks", plots::plain_stacks},
    {"residual-moments", plots::residual_moments},
    {"norm-placement", plots::norm_placement},
    {"weight-gradients", plots::weight_gradients},
    {"glorot-2010", plots::glorot_2010},
};

// The command without the output folder: what makes the numbers, not where they went.
std::string command_line(int argc, char** argv) {
  std::string command = "gradient_norms";
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--out") {
      ++i;
    } else if (word.rfind("--out=", 0) != 0) {
      command += ' ' + word;
    }
  }
  return command;
}

void draw_gallery(Settings& settings, const std::vector<std::string>& chosen, Verdicts& verdicts) {
  for (const auto& [name, draw] : figures) {
    if (!chosen.empty() && std::find(chosen.begin(), chosen.end(), name) == chosen.end()) continue;
    const auto start = std::chrono::steady_clock::now();
    std::cout << "\n== " << name << " ==\n";
    draw(settings, verdicts);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::cerr << name << ": " << std::round(10 * seconds.count()) / 10 << " s\n";
  }
}

int run(int argc, char** argv) {
  CLI::App app{
      "Gradient norms across the layers of deep networks, measured and predicted.\n"
      "Without --figure or a selection of networks it draws every figure of the gallery."};
  app.name("gradient_norms");
  Settings settings;
  plots::Selection selection;
  std::vector<std::string> chosen, formats = {"csv", "svg", "png", "text"}, names;
  for (const auto& figure : figures) names.push_back(figure.first);
  bool twice = false;

  app.add_option("--figure", chosen, "Figures of the gallery to draw")
      ->delimiter(',')
      ->check(CLI::IsMember(names));
  const auto select = [&](const std::string& name, auto& into, const std::string& help) {
    return app.add_option(name, into, help)
        ->delimiter(',')
        ->group("Select networks: one curve for each combination");
  };
  select("--depth", selection.depths, "Numbers of layers [50]")
      ->check(CLI::Range(std::size_t(1), std::size_t(100000)));
  select("--wiring", selection.wirings, "Wirings [plain,residual]")
      ->check(CLI::IsMember(plots::wiring_names));
  select("--norm", selection.norms, "Where layer normalisation stands [none]")
      ->check(CLI::IsMember(plots::norm_names));
  select("--activation", selection.activations, "Activations [relu]")
      ->check(CLI::IsMember(plots::activation_names));
  select("--init", selection.inits, "Initialisations [default]")->check(CLI::IsMember(plots::init_names));
  const auto positive = CLI::Range(std::size_t(1), std::size_t(100000));
  app.add_option("--width", settings.width, "Units per layer")->check(positive);
  app.add_option("--batch", settings.batch, "Samples")->check(positive);
  app.add_option("--seeds", settings.seeds, "Networks to average over")->check(positive);
  auto* single = app.add_flag("--float", settings.single_precision, "Compute in float");
  app.add_flag("--double", twice, "Compute in double (default)")->excludes(single);
  auto* quick = app.add_flag("--quick", settings.quick,
                             "Small batches and few networks, where no verdict needs more: a few seconds");
  app.add_flag("--full", settings.full, "Four times as many networks")->excludes(quick);
  app.add_option("--out", settings.output.directory, "Folder for the files")->capture_default_str();
  app.add_option("--format", formats, "What to write: csv, svg, png, text [all]")
      ->delimiter(',')
      ->check(CLI::IsMember(std::vector<std::string>{"csv", "svg", "png", "text"}));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    std::cerr << "gradient_norms: " << error.what() << '\n';
    return 2;
  }

  const auto wants = [&](const char* format) {
    return std::find(formats.begin(), formats.end(), format) != formats.end();
  };
  settings.output.csv = wants("csv");
  settings.output.svg = wants("svg");
  settings.output.png = wants("png");
  settings.output.text = wants("text");
  settings.output.command = command_line(argc, argv);

  const bool selecting = !(selection.depths.empty() && selection.wirings.empty() && selection.norms.empty() &&
                           selection.activations.empty() && selection.inits.empty());
  if (selecting && !chosen.empty()) {
    std::cerr
        << "gradient_norms: --figure draws a figure of the gallery; it cannot be combined with a selection\n";
    return 2;
  }
  Verdicts verdicts(std::cout);
  if (selecting) {
    const auto otherwise = [](auto& list, auto usual) {
      if (list.empty()) list = usual;
    };
    otherwise(selection.depths, std::vector<std::size_t>{50});
    otherwise(selection.wirings, std::vector<std::string>{"plain", "residual"});
    otherwise(selection.norms, std::vector<std::string>{"none"});
    otherwise(selection.activations, std::vector<std::string>{"relu"});
    otherwise(selection.inits, std::vector<std::string>{"default"});
    plots::selected(settings, selection, verdicts);
  } else {
    draw_gallery(settings, chosen, verdicts);
  }
  std::cout << '\n';
  const int code = verdicts.finish();
  // Pictures that gnuplot could not draw are a failure for whoever asked for them by name.
  return code == 0 && !settings.drawn && app.count("--format") != 0 ? 2 : code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "gradient_norms: " << error.what() << '\n';
    return 2;
  }
}
