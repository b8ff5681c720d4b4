#pragma once
// What the experiments of the laboratory share: options, seeds on all processors, verdicts, figures.
//
//   int main(int argc, char** argv) {
//     plots::Laboratory lab("rank-collapse", "Attention alone loses rank doubly exponentially with depth",
//                           "Y. Dong et al., arXiv:2103.03404");
//     std::size_t depth = 12;
//     lab.add_option("--depth", depth, "layers");
//     return lab.run(argc, argv, [&] {
//       const auto residuals = lab.over_seeds("attention only", lab.seeds(10, 3), [&](std::uint64_t seed) { …
//       }); lab.verdicts().within("exponent of one layer", …, 3, .03, "[derived here] …"); lab.draw(figure);
//     });
//   }

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "command_line.hpp"
#include "curves.hpp"
#include "verdict.hpp"
#include "workers.hpp"

namespace plots {

class Laboratory {
 public:
  /// `name` as in the list of experiments; figures and the file of verdicts are called after it.
  Laboratory(const std::string& name, const std::string& claim, const std::string& source);

  /// An option of this experiment: `into` holds its default. Lists are separated by commas.
  template <class Value>
  Option add_option(const std::string& flag, Value& into, const std::string& help) {
    return own(line_.add(flag, into, help).show_default());
  }
  Option add_flag(const std::string& flag, bool& into, const std::string& help) {
    return own(line_.add_flag(flag, into, help));
  }

  /// Reads the command line, runs `experiment`, prints the tally and the one line that sums it up, and writes
  /// NAME.json. Returns the exit code: 0 when every verdict passed, 1 when one is OUTSIDE, 2 on an error.
  int run(int argc, char** argv, const std::function<void()>& experiment);
  /// The same for several figures, of which --figure chooses some.
  using Figures = std::vector<std::pair<std::string, std::function<void()>>>;
  int run(int argc, char** argv, const Figures& figures);

  bool quick() const { return quick_; }  ///< seconds: small batches, few seeds, few steps
  bool full() const { return full_; }
  /// Whether an option of the experiment itself was given: then bands that were fixed for the defaults do not
  /// apply, and only predictions that follow the options are judged.
  bool changed() const;
  /// quick, usual or full: the size of something.
  template <class Value>
  Value size(Value quick, Value usual, Value full) const {
    return quick_ ? quick : full_ ? full : usual;
  }
  template <class Value>
  Value size(Value quick, Value usual) const {
    return size(quick, usual, usual);
  }

  /// The seeds of this run: --first-seed and as many as --seeds says, or `usual`, 4·usual with --full,
  /// `quick` with --quick.
  std::vector<std::uint64_t> seeds(std::size_t usual, std::size_t quick) const;

  /// f(seed) for each seed, on all processors, in the order of the seeds; a progress bar called `label`. Each
  /// call has its thread to itself: matrix products take one thread.
  template <class F>
  auto over_seeds(const std::string& label, const std::vector<std::uint64_t>& seeds, const F& f) const {
    std::vector<decltype(f(seeds.front()))> results(seeds.size());
    on_all_processors(label, seeds.size(), [&](std::size_t i) { results[i] = f(seeds[i]); });
    return results;
  }

  Verdicts& verdicts() { return *verdicts_; }
  const std::string& folder() const { return output_.directory; }  ///< where files go
  void draw(const Figure& figure);
  /// A remark beside the verdicts: what is reported and not judged.
  void note(const std::string& text);

 private:
  Option own(Option option);
  int parse(int argc, char** argv);
  void write_verdicts() const;

  std::string name_, claim_, source_, command_;
  CommandLine line_;
  std::vector<Option> own_;
  std::vector<std::string> chosen_;
  std::vector<std::string> formats_ = {"csv", "svg", "png", "text"};
  Output output_;
  std::size_t seed_count_ = 0;
  std::uint64_t first_seed_ = 1;
  bool quick_ = false, full_ = false, drawn_ = true;
  std::unique_ptr<Verdicts> verdicts_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace plots
