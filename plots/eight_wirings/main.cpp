// A deep Transformer encoder at initialisation, wired in eight ways: what reaches its first layer.
// Vaswani et al., arXiv:1706.03762 (Post-LN); Xiong et al., arXiv:2002.04745 (Pre-LN); Wang et al.,
// arXiv:2203.00555 (DeepNorm); branches times 1/√(2L) as in Noci et al., arXiv:2206.03126.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>

#include "encoder.hpp"
#include "laboratory.hpp"

namespace plots {
namespace {

struct Settings {
  EncoderOptions encoder;
  std::vector<std::string> masks = {"none", "causal"};
};

struct Measured {
  EncoderWiring wiring;
  bool xavier;  // or other weights, for which we have fewer predictions
  Curve states, sizes, query;
  double bottom_to_top() const { return states.mean.front() - states.mean.back(); }
};

// Each feed-forward layer with Xavier weights, d → 4d → d, multiplies mean squares by 4d·(2/5d)²·d/2 = .32;
// attention among equal tokens leaves them.
const double feed_forward_gain = .32;

std::vector<Measured> measure_all(const Laboratory& lab, const EncoderOptions& encoder) {
  const auto wirings = eight_wirings(encoder.depth);
  const auto seeds = lab.seeds(8, 4);
  std::vector<std::vector<EncoderMeasurement>> runs(wirings.size(),
                                                    std::vector<EncoderMeasurement>(seeds.size()));
  on_all_processors(encoder.causal ? "causal mask" : "no mask", wirings.size() * seeds.size(),
                    [&](std::size_t i) {
                      const std::size_t w = i / seeds.size(), s = i % seeds.size();
                      runs[w][s] = measure(encoder, wirings[w], seeds[s]);
                    });
  std::vector<Measured> result;
  for (std::size_t w = 0; w < wirings.size(); ++w)
    result.push_back(
        {wirings[w], encoder.init.rfind("xavier", 0) == 0, curve(all(runs[w], &EncoderMeasurement::states)),
         curve(all(runs[w], &EncoderMeasurement::sizes)), curve(all(runs[w], &EncoderMeasurement::query))});
  return result;
}

// log₁₀ ‖∂L/∂x_l‖ relative to the last layer's; empty where we have no formula. With Xavier weights ‖·‖²
// changes by
//   no skip            .32 a layer
//   skip, no LN        2·1.32 a layer, through the values of attention that looks at single tokens
//   Pre-LN, 1/√(2L)    as 1/‖x_l‖², with the measured ‖x_l‖
//   Post-LN, DeepNorm  1: LN divides by what the add multiplies
std::vector<double> predict(const Measured& measured) {
  const std::size_t depth = measured.states.mean.size();
  const std::string& name = measured.wiring.name;
  if (name == "no skip, LN" || (!measured.xavier && (name == "no skip" || name == "skip, no LN"))) return {};
  const bool by_size = name == "Pre-LN" || measured.wiring.wiring.branch != 1;
  const double per_layer = name == "no skip"       ? feed_forward_gain
                           : name == "skip, no LN" ? 2 * (1 + feed_forward_gain)
                                                   : 1;
  std::vector<double> result(depth);
  for (std::size_t l = 0; l < depth; ++l)
    result[l] = by_size ? measured.sizes.mean.back() - measured.sizes.mean[l]
                        : double(depth - 1 - l) * std::log10(per_layer) / 2;
  return result;
}

// What an independent program (PyTorch, float64) measured of log₁₀ ‖∂L/∂x₀‖/‖∂L/∂x_{L-1}‖: the mean of 24
// networks and their standard deviation, without and with the causal mask.
struct Oracle {
  double mean, deviation;
};
const std::map<std::string, std::array<Oracle, 2>> oracle = {
    {"no skip", {{{-5.802, .277}, {-5.475, .184}}}},
    {"no skip, LN", {{{.562, .560}, {.286, .528}}}},
    {"skip, no LN", {{{8.945, 1.301}, {6.555, .967}}}},
    {"skip, no LN, 1/√2L", {{{.073, .006}, {.103, .010}}}},
    {"Post-LN", {{{.056, .299}, {.153, .192}}}},
    {"DeepNorm", {{{.010, .005}, {.010, .005}}}},
    {"Pre-LN", {{{.694, .069}, {.747, .052}}}},
    {"Pre-LN, 1/√2L", {{{.061, .004}, {.080, .006}}}},
};

// The bands of the specification hold for the encoder without a mask. With the causal mask three of them are
// replaced by predictions: they do not hold in the independent program either.
void judge(Laboratory& lab, const Measured& measured, bool causal) {
  const std::string& name = measured.wiring.name;
  const std::string what = name + (causal ? ", causal" : "") + ": log₁₀ ‖δ₀‖/‖δ_L₋₁‖";
  const double ratio = measured.bottom_to_top();
  const auto prediction = predict(measured);
  auto& verdicts = lab.verdicts();
  const auto between = [&](const char* kind, double low, double high, const std::string& source) {
    verdicts.between(kind + what, ratio, prediction.front(), low, high, source);
  };
  if (name == "Pre-LN")
    verdicts.ratio(what + " from ‖x_l‖", ratio, prediction.front(), .25,
                   "[published] Xiong et al. 2020, Lemma 3: ‖J‖ ∝ √d/‖x‖");
  if (lab.changed()) return;  // the rest is about the defaults
  if (name == "no skip")
    verdicts.below("acceptance: " + what, ratio, prediction.front(), -5, "[derived here] .32 a layer");
  if (name == "skip, no LN" && !causal)
    between("acceptance: ", 7, INFINITY, "values alone: [derived here] 2.64 a layer");
  if (name == "skip, no LN" && causal)
    between("", prediction.front(), INFINITY, "at least the values: [derived here] 2.64 a layer");
  if (name == "skip, no LN") {
    const auto& states = measured.states.mean;
    const double slope = (states[states.size() - 6] - states.back()) / 5;
    verdicts.ratio(name + (causal ? ", causal" : "") + ": ‖δ‖² per layer, last 5 layers",
                   std::pow(10, 2 * slope), 2 * (1 + feed_forward_gain), .15,
                   "[derived here] each query looks at one token");
  }
  if (name == "Pre-LN" && !causal)
    between("acceptance: ", .45, .75, "[published] Xiong et al. 2020: ∝ 1/‖x‖");
  if (name == "DeepNorm" || (measured.wiring.wiring.branch != 1 && (!causal || name == "Pre-LN, 1/√2L")))
    between("acceptance: ", -.1, .1, "[published] Wang et al. 2022, Noci et al. 2022: level");
  if (name == "skip, no LN, 1/√2L" && causal)
    between("", 0, std::log10(std::exp(1.32)) / 4, "[derived here] at most e^{1.32/2} in ‖·‖²");
  if (name == "Post-LN" && !causal) {
    const auto& states = measured.states.mean;
    char words[128];
    std::snprintf(words, sizeof words, "%s: the layer with the least gets %.2f of the last layer's ‖δ‖",
                  name.c_str(),
                  std::pow(10, *std::min_element(states.begin(), states.end()) - states.back()));
    lab.note(words);
  }
  const auto& [mean, deviation] = oracle.at(name)[causal];
  const double networks = double(lab.seeds(8, 4).size());
  verdicts.within("oracle: " + what, ratio, mean, 3 * deviation * std::sqrt(1 / networks + 1. / 24),
                  "PyTorch, 24 networks; 3 standard errors");
}

Panel panel_of(const std::string& title, const std::string& label, const std::vector<Measured>& all,
               Curve Measured::*quantity, const std::function<bool(const Measured&)>& chosen) {
  Panel panel{title, "layer l  (0: first)", label, 10, {}};
  for (const auto& each : all) {
    if (!chosen(each)) continue;
    const auto layers = counting(each.states.mean.size());
    auto series = measured(each.wiring.name, each.wiring.look, layers, each.*quantity);
    series.hollow = each.wiring.hollow;
    panel.series.push_back(series);
    if (quantity != &Measured::states) continue;
    auto prediction = predict(each);
    for (double& y : prediction) y += each.states.mean.back();
    if (!prediction.empty()) panel.series.push_back(predicted(each.wiring.name, layers, prediction));
  }
  return panel;
}

// Below this ‖∂L/∂W_Q‖ is what rounding leaves, or exactly 0: the figure ends there.
const double query_floor = -18;

Panel query_panel(Laboratory& lab, const std::vector<Measured>& all, const std::string& mask) {
  auto cut = all;
  for (auto& each : cut) {
    auto& mean = each.query.mean;
    const auto end = std::find_if(mean.begin(), mean.end(), [](double y) { return !(y > query_floor); });
    if (end == mean.end()) continue;
    lab.note(each.wiring.name + ", " + mask + ": ∂L/∂W_Q is below 10^" + std::to_string(int(query_floor)) +
             " from layer " + std::to_string(end - mean.begin()) + " on: rounding, or exactly 0");
    const auto l = end - mean.begin();
    for (auto* numbers : {&mean, &each.query.low, &each.query.high})
      std::fill(numbers->begin() + l, numbers->end(), NAN);
  }
  for (auto& each : cut)  // bands of single networks that are down there already
    for (double& low : each.query.low) low = std::max(low, query_floor);
  auto panel = panel_of("queries: ‖∂L/∂W_Q‖, " + mask, "‖∂L/∂W_Q‖", cut, &Measured::query,
                        [](const Measured&) { return true; });
  if (!lab.changed()) panel.notes.push_back({8, -14.3, "what rounding leaves"});
  return panel;
}

void experiment(Laboratory& lab, Settings& settings) {
  auto& encoder = settings.encoder;
  Figure figure{"eight-wirings",
                "One Transformer encoder, eight wirings: what reaches the first layer",
                std::to_string(encoder.depth) + " layers of width " + std::to_string(encoder.width) + ", " +
                    std::to_string(encoder.heads) + " heads, " + std::to_string(encoder.tokens) +
                    " tokens, Xavier weights, before any training",
                {},
                2};
  figure.same_y = false;
  figure.caption =
      "Dashed, from the last layer down: no skip .32 a layer in ‖·‖²; skip without LN 2.64 a layer, the part "
      "through "
      "the values; Pre-LN and 1/√2L as 1/‖x_l‖; Post-LN and DeepNorm level. Random labels, cross-entropy. "
      "Mean of the "
      "logarithms and range over " +
      std::to_string(lab.seeds(8, 4).size()) +
      " networks. After Xiong et al. 2020 (Pre-LN), Wang et al. 2022 (DeepNorm), Noci et al. 2022 (1/√2L).";
  for (const auto& mask : settings.masks) {
    encoder.causal = mask == "causal";
    const auto all = measure_all(lab, encoder);
    for (const auto& each : all) judge(lab, each, encoder.causal);
    const std::string label = "‖∂L/∂x_l‖", words = encoder.causal ? "causal mask" : "no mask";
    figure.panels.push_back(
        panel_of("all eight, " + words, label, all, &Measured::states, [](const Measured&) { return true; }));
    if (mask != settings.masks.front()) continue;
    figure.panels.push_back(panel_of(
        "the level ones, closer, " + words, label, all, &Measured::states,
        [](const Measured& each) { return each.wiring.look > 1 || each.wiring.wiring.branch != 1; }));
    auto& closer = figure.panels.back();
    closer.log_base = 0;
    closer.y_label = "log₁₀ " + label;
    figure.panels.push_back(query_panel(lab, all, words));
  }
  lab.draw(figure);
}

}  // namespace
}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("eight-wirings", "The wiring of a Transformer decides what reaches its first layer",
                        "R. Xiong et al., arXiv:2002.04745; H. Wang et al., arXiv:2203.00555");
  plots::Settings settings;
  auto& encoder = settings.encoder;
  lab.add_option("--depth", encoder.depth, "layers");
  lab.add_option("--width", encoder.width, "d; the feed-forward networks have 4d hidden units");
  lab.add_option("--heads", encoder.heads, "heads, a divisor of the width");
  lab.add_option("--tokens", encoder.tokens, "tokens of a sequence");
  lab.add_option("--batch", encoder.batch, "sequences");
  lab.add_option("--init", encoder.init,
                 "xavier_normal, xavier_uniform, he_normal, lecun_normal, orthogonal, …");
  lab.add_option("--masks", settings.masks, "none, causal").among({"none", "causal"});
  return lab.run(argc, argv, [&] { plots::experiment(lab, settings); });
}
