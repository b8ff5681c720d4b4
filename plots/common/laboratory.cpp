#include "laboratory.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace plots {
namespace {

// The command without the output folder: what makes the numbers, not where they went.
std::string command_line(const std::string& name, int argc, char** argv) {
  std::string command = name;
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

nlohmann::json number(double x) {  // JSON has no NaN and no infinity
  return std::isfinite(x) ? nlohmann::json(x) : nlohmann::json(std::to_string(x));
}

}  // namespace

Laboratory::Laboratory(const std::string& name, const std::string& claim, const std::string& source)
    : name_(name), claim_(claim), source_(source), line_(name, claim + "\n(" + source + ")") {
  const auto quick = line_.add_flag("--quick", quick_, "Seconds: small batches, few seeds, few steps");
  line_.add_flag("--full", full_, "Four times as many seeds, and the larger sizes").excludes(quick);
  line_.add("--seeds", seed_count_, "How many seeds [the experiment's own]").between(1, 100000);
  line_.add("--first-seed", first_seed_, "The first of them: another one, another set").show_default();
  line_.add("--out", output_.directory, "Folder for the files").show_default();
  line_.add("--format", formats_, "What to write: csv, svg, png, text [all]")
      .among({"csv", "svg", "png", "text"});
}

Option Laboratory::own(Option option) {
  own_.push_back(option.group("This experiment"));
  return option;
}

bool Laboratory::changed() const {
  return std::any_of(own_.begin(), own_.end(), [](const Option& option) { return option.given(); });
}

std::vector<std::uint64_t> Laboratory::seeds(std::size_t usual, std::size_t quick) const {
  const std::size_t n = seed_count_ ? seed_count_ : quick_ ? quick : full_ ? 4 * usual : usual;
  std::vector<std::uint64_t> seeds(n);
  for (std::size_t i = 0; i < n; ++i) seeds[i] = first_seed_ + i;
  return seeds;
}

void Laboratory::draw(const Figure& figure) {
  if (!write(figure, output_)) drawn_ = false;
}

void Laboratory::note(const std::string& text) { std::cout << "note: " << text << '\n'; }

int Laboratory::parse(int argc, char** argv) {
  if (const int code = line_.parse(argc, argv); code >= 0) return code;
  const auto wants = [&](const char* format) {
    return std::find(formats_.begin(), formats_.end(), format) != formats_.end();
  };
  output_.csv = wants("csv");
  output_.svg = wants("svg");
  output_.png = wants("png");
  output_.text = wants("text");
  output_.command = command_line(name_, argc, argv);
  return -1;
}

void Laboratory::write_verdicts() const {
  nlohmann::ordered_json all;
  all["experiment"] = name_;
  all["claim"] = claim_;
  all["source"] = source_;
  all["command"] = output_.command;
  all["first_seed"] = first_seed_;
  all["quick"] = quick_;
  all["changed"] = changed();
  all["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  all["verdicts"] = nlohmann::json::array();
  for (const auto& judged : verdicts_->judged())
    all["verdicts"].push_back({{"what", judged.what},
                               {"pass", judged.pass},
                               {"measured", number(judged.measured)},
                               {"predicted", number(judged.predicted)},
                               {"tolerance", judged.tolerance},
                               {"source", judged.source}});
  std::filesystem::create_directories(output_.directory);
  const auto path = std::filesystem::path(output_.directory) / (name_ + ".json");
  std::ofstream file(path);
  file << all.dump(2) << '\n';
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

int Laboratory::run(int argc, char** argv, const std::function<void()>& experiment) {
  if (const int code = parse(argc, argv); code >= 0) return code;
  verdicts_ = std::make_unique<Verdicts>(std::cout);
  begin_ = std::chrono::steady_clock::now();
  try {
    std::cout << claim_ << "\n(" << source_ << ")\n\n";
    experiment();
    std::cout << '\n';
    const int code = verdicts_->finish();
    write_verdicts();
    if (!changed() || !verdicts_->judged().empty()) std::cout << verdicts_->summary(name_);
    // Pictures that gnuplot could not draw are a failure for whoever asked for them by name.
    return code == 0 && !drawn_ && line_.given("--format") ? 2 : code;
  } catch (const std::exception& error) {
    std::cerr << name_ << ": " << error.what() << '\n';
    return 2;
  }
}

int Laboratory::run(int argc, char** argv, const Figures& figures) {
  std::vector<std::string> names;
  for (const auto& figure : figures) names.push_back(figure.first);
  line_.add("--figure", chosen_, "Which figures to draw [all]").among(names);
  return run(argc, argv, [&] {
    for (const auto& [name, experiment] : figures)
      if (chosen_.empty() || std::find(chosen_.begin(), chosen_.end(), name) != chosen_.end()) {
        std::cout << "== " << name << " ==\n";
        experiment();
      }
  });
}

}  // namespace plots
