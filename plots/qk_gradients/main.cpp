// When all tokens are equal, queries and keys stop learning: their gradients vanish with rank collapse.
// L. Noci et al., arXiv:2206.03126.

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "encoder.hpp"
#include "laboratory.hpp"

namespace plots {
namespace {

struct Settings {
  EncoderOptions encoder{12};
  std::vector<std::string> wirings = {"no skip", "no skip, LN", "skip, no LN, 1/√2L",
                                      "Post-LN", "Pre-LN",      "DeepNorm"};
};

struct Measured {
  EncoderWiring wiring;
  Curve query, value, share,
      expected;  // share: ‖∂L/∂W_Q‖/‖∂L/∂W_V‖, expected: from the covariance of the tokens
};

// Shares below this are rounding; the figure ends there.
const double floor_of_share = -15.5;

Measured measure_all(const Laboratory& lab, const Settings& settings, const std::string& name) {
  const auto wiring = wiring_named(name, settings.encoder.depth);
  const auto runs = lab.over_seeds(
      name, lab.seeds(8, 4), [&](std::uint64_t seed) { return measure(settings.encoder, wiring, seed); });
  auto shares = all(runs, &EncoderMeasurement::query);
  for (std::size_t s = 0; s < runs.size(); ++s)
    for (std::size_t l = 0; l < shares[s].size(); ++l) shares[s][l] -= runs[s].value[l];
  return {wiring, curve(all(runs, &EncoderMeasurement::query)), curve(all(runs, &EncoderMeasurement::value)),
          curve(shares), curve(all(runs, &EncoderMeasurement::query_share))};
}

// Cuts a curve where it first reaches the floor.
Curve above_floor(Curve curve) {
  const auto end =
      std::find_if(curve.mean.begin(), curve.mean.end(), [](double y) { return !(y > floor_of_share); }) -
      curve.mean.begin();
  for (auto* numbers : {&curve.mean, &curve.low, &curve.high})
    std::fill(numbers->begin() + end, numbers->end(), NAN);
  for (double& low : curve.low) low = std::max(low, floor_of_share);
  return curve;
}

// What an independent program (PyTorch, float64) measured of log₁₀ of the share: the mean of 12 networks and
// their standard deviation, in the layers 0, 2 and the last.
struct Oracle {
  double mean[3], deviation[3];
};
const std::map<std::string, Oracle> oracle = {
    {"skip, no LN, 1/√2L", {{-.11, -.11, -.12}, {.03, .03, .03}}},
    {"Post-LN", {{-.37, -.68, -2.85}, {.05, .09, .25}}},
    {"DeepNorm", {{-.56, -.57, -.57}, {.03, .02, .02}}},
    {"Pre-LN", {{-.28, -.56, -1.13}, {.04, .06, .11}}},
};

void judge(Laboratory& lab, const Measured& measured) {
  const std::string& name = measured.wiring.name;
  const auto& share = measured.share.mean;
  const auto& expected = measured.expected.mean;
  auto& verdicts = lab.verdicts();
  if (name == "no skip" && !lab.changed()) {
    verdicts.below("acceptance: ‖∂W_Q‖/‖∂W_V‖, no skip, third layer", std::pow(10, share[2]),
                   std::pow(10, expected[2]), 1e-5, "[published] Noci et al. 2022; from √(tr C²)/d");
    verdicts.below("acceptance: ‖∂W_Q‖/‖∂W_V‖, no skip, last layer", std::pow(10, share.back()), 0, 1e-12,
                   "[published] Noci et al. 2022");
    verdicts.within("log₁₀ ‖∂W_Q‖/‖∂W_V‖, no skip, third layer", share[2], expected[2], .5,
                    "[derived here] √(tr C²)/d");
  }
  if (measured.wiring.wiring.branch != 1 &&
      measured.wiring.wiring.placement == xgrad::NormPlacement::residual_only)
    for (bool largest : {false, true}) {
      const auto at = std::size_t((largest ? std::max_element(share.begin(), share.end())
                                           : std::min_element(share.begin(), share.end())) -
                                  share.begin());
      verdicts.between(
          std::string("acceptance: ‖∂W_Q‖/‖∂W_V‖, 1/√2L, the ") + (largest ? "largest" : "smallest"),
          std::pow(10, share[at]), std::pow(10, expected[at]), .3, 3, "[published] Noci et al. 2022");
    }
  if (name == "Post-LN" || name == "Pre-LN" || name == "DeepNorm")
    verdicts.within("log₁₀ ‖∂W_Q‖/‖∂W_V‖, " + name + ", last layer", share.back(), expected.back(), .25,
                    "[derived here] √(tr C²)/d");
  const auto known = oracle.find(name);
  if (lab.changed() || known == oracle.end()) return;
  const std::size_t layers[] = {0, 2, share.size() - 1};
  for (std::size_t k = 0; k < 3; ++k)
    verdicts.within(
        "oracle: log₁₀ ‖∂W_Q‖/‖∂W_V‖, " + name + ", layer " + std::to_string(layers[k]), share[layers[k]],
        known->second.mean[k],
        .005 + 3 * known->second.deviation[k] * std::sqrt(1 / double(lab.seeds(8, 4).size()) + 1. / 12),
        "PyTorch, 12 networks; 3 standard errors");
}

void experiment(Laboratory& lab, const Settings& settings) {
  const auto& encoder = settings.encoder;
  Figure figure{"qk-gradients",
                "Where all tokens are equal, queries and keys do not learn",
                std::to_string(encoder.depth) + " layers of width " + std::to_string(encoder.width) + ", " +
                    std::to_string(encoder.heads) + " heads, " + std::to_string(encoder.tokens) +
                    " tokens, Xavier weights, before any training",
                {},
                2};
  figure.caption =
      "Dashed: √(tr C²)/d · rms(x)/rms(x̄), C the covariance of the tokens that the attention sees, x̄ their "
      "mean; for "
      "DeepNorm times β. Curves end where rounding begins, at 10⁻¹⁵. Mean of the logarithms and range over " +
      std::to_string(lab.seeds(8, 4).size()) + " networks. After Noci et al. 2022.";
  Panel share{"queries beside values", "layer l  (0: first)", "‖∂L/∂W_Q‖ / ‖∂L/∂W_V‖", 10, {}};
  Panel value{"the values alone", "layer l  (0: first)", "‖∂L/∂W_V‖", 10, {}};
  const auto layers = counting(encoder.depth);
  for (const auto& name : settings.wirings) {
    const auto each = measure_all(lab, settings, name);
    judge(lab, each);
    for (auto* panel : {&share, &value}) {
      panel->series.push_back(
          measured(name, each.wiring.look, layers, panel == &share ? above_floor(each.share) : each.value));
      panel->series.back().hollow = each.wiring.hollow;
    }
    share.series.push_back(predicted(name, layers, above_floor(each.expected).mean));
  }
  figure.panels = {share, value};
  lab.draw(figure);
}

}  // namespace
}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("qk-gradients", "Queries and keys do not learn where all tokens are equal",
                        "L. Noci et al., arXiv:2206.03126");
  plots::Settings settings;
  auto& encoder = settings.encoder;
  lab.add_option("--depth", encoder.depth, "layers");
  lab.add_option("--width", encoder.width, "d; the feed-forward networks have 4d hidden units");
  lab.add_option("--heads", encoder.heads, "heads, a divisor of the width");
  lab.add_option("--tokens", encoder.tokens, "tokens of a sequence");
  lab.add_option("--init", encoder.init, "xavier_normal, he_normal, lecun_normal, orthogonal, …");
  lab.add_flag("--causal", encoder.causal, "each token sees the earlier ones only");
  lab.add_option("--wirings", settings.wirings,
                 "no skip | no skip, LN | skip, no LN | skip, no LN, 1/√2L | Post-LN | DeepNorm | Pre-LN | "
                 "Pre-LN, 1/√2L; "
                 "separated by semicolons")
      .separated_by(';');
  return lab.run(argc, argv, [&] { plots::experiment(lab, settings); });
}
