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
    : name_(name), claim_(claim), source_(source), app_(claim + "\n(" + source + ")") {
  app_.name(name);
  auto* quick = app_.add_flag("--quick", quick_, "Seconds: small batches, few seeds, few steps");
  app_.add_flag("--full", full_, "Four times as many seeds, and the larger sizes")->excludes(quick);
  app_.add_option("--seeds", seed_count_, "How many seeds [the experiment's own]")
      ->check(CLI::Range(std::size_t(1), std::size_t(100000)));
  app_.add_option("--first-seed", first_seed_, "The first of them: another one, another set")
      ->capture_default_str();
  app_.add_option("--out", output_.directory, "Folder for the files")->capture_default_str();
  app_.add_option("--format", formats_, "What to write: csv, svg, png, text [all]")
      ->delimiter(',')
      ->check(CLI::IsMember(std::vector<std::string>{"csv", "svg", "png", "text"}));
}

CLI::Option* Laboratory::add_flag(const std::string& flag, bool& into, const std::string& help) {
  own_.push_back(app_.add_flag(flag, into, help)->group("This experiment"));
  return own_.back();
}

bool Laboratory::changed() const {
  return std::any_of(own_.begin(), own_.end(), [](const CLI::Option* option) { return option->count() > 0; });
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
  try {
    app_.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      app_.exit(error);  // --help
      return 0;
    }
    std::cerr << name_ << ": " << error.what() << '\n';
    return 2;
  }
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
    return code == 0 && !drawn_ && app_.count("--format") != 0 ? 2 : code;
  } catch (const std::exception& error) {
    std::cerr << name_ << ": " << error.what() << '\n';
    return 2;
  }
}

int Laboratory::run(int argc, char** argv, const Figures& figures) {
  std::vector<std::string> names;
  for (const auto& figure : figures) names.push_back(figure.first);
  app_.add_option("--figure", chosen_, "Which figures to draw [all]")
      ->delimiter(',')
      ->check(CLI::IsMember(names));
  return run(argc, argv, [&] {
    for (const auto& [name, experiment] : figures)
      if (chosen_.empty() || std::find(chosen_.begin(), chosen_.end(), name) != chosen_.end()) {
        std::cout << "== " << name << " ==\n";
        experiment();
      }
  });
}

Curve curve(const std::vector<std::vector<double>>& seeds) {
  Curve result;
  for (std::size_t i = 0; i < seeds.front().size(); ++i) {
    double sum = 0, low = INFINITY, high = -INFINITY;
    for (const auto& seed : seeds) {
      sum += seed[i];
      low = std::min(low, seed[i]);
      high = std::max(high, seed[i]);
    }
    result.mean.push_back(sum / double(seeds.size()));
    result.low.push_back(low);
    result.high.push_back(high);
  }
  return result;
}

Series measured(const std::string& name, std::size_t look, const std::vector<double>& x, const Curve& curve) {
  Series series{name, x, curve.mean, curve.low, curve.high};
  series.look = look;
  return series;
}

Series predicted(const std::string& name, const std::vector<double>& x, const std::vector<double>& y) {
  return {name, x, y, {}, {}, Kind::predicted};
}

Line fit_line(const std::vector<double>& x, const std::vector<double>& y) {
  const double middle_x = mean(x), middle_y = mean(y);
  double covariance = 0, variance = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    covariance += (x[i] - middle_x) * (y[i] - middle_y);
    variance += (x[i] - middle_x) * (x[i] - middle_x);
  }
  const double slope = std::isfinite(covariance) ? covariance / variance : NAN;
  return {slope, middle_y - slope * middle_x};
}

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return sum / double(values.size());
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

std::vector<double> counting(std::size_t n, double first) {
  std::vector<double> numbers(n);
  for (std::size_t i = 0; i < n; ++i) numbers[i] = first + double(i);
  return numbers;
}

}  // namespace plots
