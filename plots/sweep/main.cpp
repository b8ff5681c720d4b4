// The general sweep: any wiring × norm × activation × initialisation × architecture × depth, over seeds, in
// one command. It measures what reaches the input of a network before training, or layer by layer while it
// trains; says in a sentence what it found; and draws it. What was measured is kept, so that a sweep that was
// stopped goes on.
//
// He et al., arXiv:1512.03385 (residual); De & Smith, arXiv:2002.10444 (scaled); Bachlechner et al.,
// arXiv:2003.04887 (ReZero); Wang et al., arXiv:2203.00555 (DeepNorm); Srivastava et al., arXiv:1505.00387
// (Highway).

#include <algorithm>
#include <cmath>
#include <iostream>
#include <stdexcept>

#include "results.hpp"
#include "slice.hpp"
#include "xgrad/train/interrupt.hpp"

namespace plots::sweep {
namespace {

const std::vector<std::pair<std::string, Form>> forms = {
    {"curves", Form::curves}, {"depths", Form::depths}, {"map", Form::map}, {"training", Form::training}};

struct Command {
  Selection selection;
  std::string results, draw = "auto", across;
  bool fresh = false;
};

void add_options(Laboratory& lab, Command& command) {
  auto& select = command.selection;
  lab.add_option("--architecture", select.architectures, "Kinds of layers").among(architectures);
  lab.add_option("--wiring", select.wirings, "How a layer meets what passes it by").among(wirings);
  lab.add_option("--norm", select.norms, "Normalisations and where they stand").among(norms);
  lab.add_option("--activation", select.activations, "Activations").among(activations);
  lab.add_option("--init", select.inits, "Initialisations").among(inits);
  lab.add_option("--depth", select.depths, "Numbers of layers (steps of time in an rnn)").between(1, 100000);
  lab.add_option("--width", select.rest.width, "Features").between(1, 100000);
  lab.add_option("--batch", select.rest.batch, "Samples").between(1, 100000);
  lab.add_option("--tokens", select.rest.tokens, "Tokens of a sequence, with attention").between(1, 100000);
  lab.add_option("--heads", select.rest.heads, "Heads of attention").between(1, 100000);
  lab.add_option("--steps", select.rest.steps, "Steps of training: layer × step maps").between(0, 100000);
  lab.add_option("--optimiser", select.rest.optimiser, "sgd or adam").among(optimisers);
  lab.add_option("--rate", select.rest.rate, "Learning rate").between(0., 1e6);
  std::vector<std::string> names = {"auto"};
  for (const auto& form : forms) names.push_back(form.first);
  lab.add_option("--draw", command.draw, "auto, curves, depths, map or training").among(names);
  lab.add_option("--across", command.across, "The setting along a map's horizontal axis")
      .among({"architecture", "wiring", "norm", "activation", "init", "depth"});
  lab.add_option("--results", command.results,
                 "File of what was measured [sweep-cells.csv beside the figures]");
  lab.add_flag("--fresh", command.fresh, "Measure anew, whatever is in that file");
}

// The default: every wiring with every norm.
void complete(const Laboratory& lab, Selection& select) {
  const bool nothing = select.architectures.empty() && select.wirings.empty() && select.norms.empty() &&
                       select.activations.empty() && select.inits.empty() && select.depths.empty();
  if (nothing) {
    select.norms = norms;
    select.inits = {"balanced"};
    select.depths = {lab.size<std::size_t>(16, 64)};
  }
  if (select.wirings.empty())
    select.wirings = nothing ? wirings : std::vector<std::string>{"plain", "residual"};
  if (select.architectures.empty()) select.architectures = {nothing ? "ffn" : "mlp"};
  if (select.norms.empty()) select.norms = {"none"};
  const bool attention_only = select.architectures == std::vector<std::string>{"attention"};
  if (select.activations.empty()) select.activations = {attention_only ? "linear" : "relu"};
  if (select.inits.empty()) select.inits = {"xavier"};
  if (select.depths.empty()) select.depths = {lab.size<std::size_t>(16, 64)};
}

// Measures what is missing; false when Ctrl-C came.
bool measure_missing(const std::vector<Cell>& cells, const std::vector<std::uint64_t>& seeds,
                     Results& results) {
  std::vector<std::pair<Cell, std::uint64_t>> missing;
  for (const auto& cell : cells)
    for (const auto seed : seeds)
      if (!results.has(cell, seed)) missing.emplace_back(cell, seed);
  const std::size_t all = cells.size() * seeds.size();
  if (missing.size() < all)
    std::cerr << all - missing.size() << " of " << all << " networks were measured before\n";
  const xgrad::Interrupt interrupt;
  on_all_processors("networks", missing.size(), [&](std::size_t i) {
    if (!xgrad::Interrupt::requested())
      results.add(missing[i].first, missing[i].second, measure(missing[i].first, missing[i].second));
  });
  return !xgrad::Interrupt::requested();
}

// The exact identity first: it is the headline.
void judge(Laboratory& lab, const Slice& slice) {
  for (const bool exact : {true, false})
    for (const auto& measured : slice) {
      const auto prediction = theory(measured.cell);
      if (!prediction || (measured.cell.wiring == "rezero") != exact) continue;
      lab.verdicts().within("log₁₀ input/top: " + words(measured.cell, varying(slice)), measured.ratio(),
                            prediction->front(), theory_tolerance(measured.cell, measured.seeds.size()),
                            exact ? "[published] ReZero: the identity at first"
                                  : "closed form or mean-field recursion for wide layers");
    }
}

Form form_of(const Command& command, const Slice& slice) {
  if (!command.across.empty()) return Form::map;
  for (const auto& [name, form] : forms)
    if (name == command.draw) return form;
  return suitable(slice);
}

int sweep(Laboratory& lab, Command& command) {
  complete(lab, command.selection);
  if (command.draw == "training" && command.selection.rest.steps == 0)
    throw std::runtime_error("--draw training needs --steps");
  std::vector<std::string> left_out;
  const auto cells = combinations(command.selection, left_out);
  for (const auto& why : left_out) lab.note("left out: " + why);
  const auto seeds = lab.seeds(5, 2);
  const std::string path = command.results.empty() ? lab.folder() + "/sweep-cells.csv" : command.results;
  Results results(path, command.fresh || !lab.changed());  // what is judged is always measured anew
  if (!measure_missing(cells, seeds, results)) return 130;
  Slice slice;
  for (const auto& cell : cells) {
    slice.push_back({cell, {}});
    for (const auto seed : seeds) slice.back().seeds.push_back(&results.of(cell, seed));
  }
  lab.draw(figure(slice, form_of(command, slice), command.across));
  judge(lab, slice);
  std::cout << '\n';
  constexpr std::size_t lines_at_most = 12;
  const auto lines = answers(slice);
  for (std::size_t i = 0; i < std::min(lines.size(), lines_at_most); ++i)
    std::cout << "answer: " << lines[i] << '\n';
  if (lines.size() > lines_at_most)
    std::cout << "(" << lines.size() - lines_at_most << " more answers: see the picture, or ask for less)\n";
  return 0;
}

}  // namespace
}  // namespace plots::sweep

int main(int argc, char** argv) {
  plots::Laboratory lab(
      "sweep", "Any wiring, norm, activation, initialisation, architecture and depth: what reaches the input",
      "He 2015, Bachlechner 2020, Wang 2022, Srivastava 2015; theory as in plain-stacks");
  plots::sweep::Command command;
  plots::sweep::add_options(lab, command);
  int interrupted = 0;
  const int code = lab.run(argc, argv, [&] { interrupted = plots::sweep::sweep(lab, command); });
  return interrupted ? interrupted : code;
}
