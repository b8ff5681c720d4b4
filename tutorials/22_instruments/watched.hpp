#pragma once
// The model that chapter 22 looks into, and its training.

#include <algorithm>

#include "quick.hpp"
#include "show.hpp"

using namespace xgrad;

inline const std::size_t steps = show::quick ? 30 : 300, length = 24;

/// A story of ours as numbers, one for each character.
struct Story {
  Tokens text = split_characters(read_text(XGRAD_TEXTS "/lamp.txt"));
  Vocabulary vocabulary{text, Vocabulary::Specials::none};
  Ids ids = vocabulary.encode(text);

  Windows windows(const std::vector<std::size_t>& places) const { return windows_at(ids, places, length); }
};
inline const Story& story() {
  static const Story once;
  return once;
}

// [model]
/// Characters in, the next character out; six layers. `placement` pre: with residual adds and LN, neither:
/// plain.
inline LanguageModel<float> make_model(NormPlacement placement, const std::string& activation = "relu",
                                       const Init& init = Init::xavier_uniform()) {
  LanguageModelOptions options;
  options.vocabulary = story().vocabulary.size();
  options.d = 32;
  options.layers = 6;
  options.context = length;
  options.wiring = placement;
  options.activation = activation;
  options.init = init;
  Rng rng(1);
  return LanguageModel<float>(options, rng);
}
// [/model]

// [recorders]
/// A model with every recorder attached. A recorder is one line, and a second one at each step.
struct Watched {
  LanguageModel<float> model;
  FlowRecorder<float> flow{model};
  ResidualRecorder<float> residual{model};
  UnitRecorder<float> units{model};
  UpdateRecorder<float> updates{model.parameters()};

  /// Returns the loss of the last step.
  double train(double rate) {
    Adam<float> adam(model.parameters(), rate);
    Trainer<float> trainer(model, adam, {1, 8});
    trainer.on_step = [&](const History&) { flow.step(), residual.step(), units.step(), updates.step(); };
    const auto loss = [&](const Batch& batch) {
      std::vector<std::size_t> places;
      for (const std::size_t i : batch) places.push_back(i * 7919 % (story().ids.size() - length));
      const Windows windows = story().windows(places);
      return cross_entropy(model(windows.x), windows.next);
    };
    return trainer.fit(8 * steps, loss).loss.back();
  }
};
// [/recorders]

inline void print_row(const std::string& name, const std::vector<double>& values, const char* format) {
  std::printf("%-20s", name.c_str());
  for (const double v : values) std::printf(format, v);
  std::printf("\n");
}

/// A row for each column whose name begins with `start`: its numbers at four of the steps.
inline void print_table(const StepTable& table, const std::string& start, const char* format) {
  const std::vector<std::size_t> some{1, steps / 30, steps / 3, steps};
  print_row("step", {some.begin(), some.end()}, "%8.0f");
  for (const auto& name : table.names) {
    if (name.compare(0, start.size(), start) != 0) continue;
    std::vector<double> row;
    for (const std::size_t step : some) row.push_back(table.column(name)[step - 1]);
    print_row(name.substr(0, name.find(".feed_forward")), row, format);
  }
}
