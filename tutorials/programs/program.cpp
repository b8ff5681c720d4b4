#include "program.hpp"

#include <iomanip>
#include <sstream>

namespace program {

using namespace xgrad;

void Files::add_to(CLI::App& app) {
  const auto group = [](CLI::Option* option) { option->group("Files"); };
  group(app.add_option("--checkpoint", checkpoint, "where the model is kept, and from where training goes on")
            ->capture_default_str());
  group(app.add_flag("--fresh", fresh, "begin anew, even if the checkpoint is there"));
  group(app.add_option("--csv", csv, "write a log for a spreadsheet"));
  group(app.add_option("--json-lines", json_lines, "write a log for a script, one JSON object a line"));
  group(app.add_option("--tensorboard", tensorboard,
                       "write a log with histograms for TensorBoard, into a folder"));
}

CLI::Option* word(CLI::App& app, const std::string& name, std::string& value,
                  const std::vector<std::string>& words, const std::string& help) {
  return app.add_option(name, value, help)->check(CLI::IsMember(words))->capture_default_str();
}

CLI::Option* learning_rate(CLI::App& app, double& value, const std::string& help) {
  const CLI::Validator rate(
      [](std::string& text) {
        double number = 0;
        return CLI::detail::lexical_cast(text, number) && number >= 1e-9 && number <= 10
                   ? std::string()
                   : "must be a number from 1e-9 to 10, not " + text;
      },
      "FLOAT in [1e-9 - 10]");
  return app.add_option("--lr", value, help)->check(rate)->capture_default_str();
}

void Logs::open(std::size_t first_step) {
  open_ = true;
  if (!files_.csv.empty()) logs_.push_back(std::make_unique<CsvLog>(files_.csv, first_step));
  if (!files_.json_lines.empty())
    logs_.push_back(std::make_unique<JsonLinesLog>(files_.json_lines, first_step));
  if (files_.tensorboard.empty()) return;
  auto log = std::make_unique<TensorBoardLog>(files_.tensorboard, first_step);
  tensorboard_ = log.get();
  logs_.push_back(std::move(log));
}

void Logs::write(std::size_t step, const Scalars& scalars) {
  if (!open_) open(resumes_ ? step : 0);
  for (auto& log : logs_) log->write(step, scalars);
}

void Logs::histograms(std::size_t step, Module<float>& model) {
  if (!tensorboard_) return;
  for (const auto& p : model.parameters()) tensorboard_->histogram(step, p.name, p.variable.value());
}

int run(const CLI::App& app, const std::function<int()>& body) {
  try {
    return body();
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    std::cerr << app.get_name() << ": " << error.what() << " (--help lists the options)\n";
  } catch (const std::exception& error) {
    std::cerr << app.get_name() << ": " << error.what() << '\n';
  }
  return 2;
}

int interrupted(const Files& files, std::size_t step) {
  std::cerr << "Stopped after step " << step << ", saved in " << files.checkpoint
            << ". The same command goes on from there.\n";
  return 130;
}

std::string fixed(double value, int digits) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << value;
  return text.str();
}

}  // namespace program
