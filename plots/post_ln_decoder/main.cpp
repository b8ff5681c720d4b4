// Post-LN loses the gradient in decoders: cross-attention adds variance, LN divides it out again, and almost
// no gradient comes back that way. L. Liu et al. (Admin), arXiv:2004.08249; S. Takase et al.,
// arXiv:2206.00330.

#include <algorithm>
#include <cmath>

#include "encoder.hpp"
#include "laboratory.hpp"
#include "xgrad/ops/loss.hpp"
#include "xgrad/probe/gradient_norms.hpp"

namespace plots {
namespace {

using xgrad::Init;
using xgrad::NormPlacement;
using xgrad::Variable;

struct Settings {
  EncoderOptions sizes{18};
  double init_gain = 1;  // on the output of cross-attention
};

// log₁₀ ‖∂L/∂h‖ at the inputs of the layers, the mean square of what cross-attention adds, and by how much
// each of a layer's three sub-layers multiplies the gradient on its way down (log₁₀, mean over the layers).
struct Measured {
  std::vector<double> states;
  double added = 0, own = 0, cross = 0, feed_forward = 0;
};

Measured measure_decoder(const Settings& settings, NormPlacement placement, std::uint64_t seed) {
  const auto& [depth, d, heads, tokens, batch, causal, init_name] = settings.sizes;
  const auto init = Init::named(init_name);
  xgrad::Rng rng(seed);
  const auto normal = [&, tokens = tokens, d = d, batch = batch] {
    return rng.normal<double>({batch, tokens, d});
  };

  Variable<double> memory(normal());  // no tape yet: a constant for the decoder
  for (std::size_t l = 0; l < depth; ++l)
    memory = xgrad::TransformerEncoderLayer<double>(d, heads, 4 * d, placement, init, rng)(memory);
  xgrad::LayerNorm<double> final_norm(d);
  const bool pre = placement == NormPlacement::pre;
  if (pre) memory = final_norm(memory);

  std::vector<xgrad::TransformerDecoderLayer<double>> layers;
  for (std::size_t l = 0; l < depth; ++l) {
    layers.emplace_back(d, heads, 4 * d, placement, init, rng);
    for (double& w : layers.back().cross_attention.output.weight.mutable_value()) w *= settings.init_gain;
  }
  xgrad::Linear<double> head(d, d, Init::lecun_normal(), rng, xgrad::Bias::no);
  auto labels = xgrad::zeros<std::int64_t>({batch, tokens});
  for (auto& label : labels) label = std::int64_t(rng.below(d));

  std::vector<Variable<double>> norms, added;
  const xgrad::Observer<double> observer([&](auto& module, const auto&, const auto& y) {
    if (dynamic_cast<xgrad::LayerNorm<double>*>(&module)) norms.push_back(y);
    for (auto& layer : layers)
      if (&module == &layer.cross_attention) added.push_back(y);
  });
  xgrad::Tape<double> tape;
  std::vector<Variable<double>> states{xgrad::parameter(normal())};
  for (auto& layer : layers) states.push_back(layer(states.back(), memory));
  xgrad::cross_entropy(head(pre ? final_norm(states.back()) : states.back()), labels).backward();

  const auto size = [](const Variable<double>& y) { return xgrad::log10_norm(y.grad()); };
  Measured result;
  for (std::size_t l = 0; l < depth; ++l) {
    result.states.push_back(size(states[l]));
    result.added += std::pow(10, 2 * xgrad::log10_rms(added[l].value())) / double(depth);
    if (pre) continue;  // there the sub-layers do not end in a norm
    result.own += (size(states[l]) - size(norms[3 * l])) / double(depth);
    result.cross += (size(norms[3 * l]) - size(norms[3 * l + 1])) / double(depth);
    result.feed_forward += (size(norms[3 * l + 1]) - size(norms[3 * l + 2])) / double(depth);
  }
  return result;
}

std::vector<Measured> over_seeds(const Laboratory& lab, const Settings& settings, const std::string& name,
                                 NormPlacement placement) {
  return lab.over_seeds(name, lab.seeds(8, 4),
                        [&](std::uint64_t seed) { return measure_decoder(settings, placement, seed); });
}

Curve states_of(const std::vector<Measured>& runs) {
  std::vector<std::vector<double>> states;
  for (const auto& run : runs) states.push_back(run.states);
  return curve(states);
}

double mean_of(const std::vector<Measured>& runs, double Measured::*what) {
  std::vector<double> numbers;
  for (const auto& run : runs) numbers.push_back(run.*what);
  return mean(numbers);
}

// Factor of ‖δ‖ per layer on its way down, from the last layer's input to the first one's.
double per_layer(const Curve& states) {
  return std::pow(10, (states.mean.front() - states.mean.back()) / double(states.mean.size() - 1));
}

void judge(Laboratory& lab, const std::vector<Measured>& post, const Curve& pre, const Curve& encoder) {
  auto& verdicts = lab.verdicts();
  const double added = mean_of(post, &Measured::added), expected = 1 / std::sqrt(1 + added);
  const double factor = per_layer(states_of(post));
  verdicts.ratio("acceptance: ‖δ‖ per decoder layer, Post-LN", factor, expected, .08,
                 "[derived here] 1/√(1 + c), measured c");
  verdicts.ratio("‖δ‖ through cross-attention and its LN", std::pow(10, mean_of(post, &Measured::cross)),
                 expected, .08, "[derived here] 1/√(1 + c), measured c");
  verdicts.within("‖δ‖ through the layer's own attention", std::pow(10, mean_of(post, &Measured::own)), 1,
                  .08, "[derived here] LN divides by what the add multiplies");
  verdicts.within("‖δ‖ through feed-forward", std::pow(10, mean_of(post, &Measured::feed_forward)), 1, .08,
                  "[derived here] LN divides by what the add multiplies");
  if (lab.changed()) return;
  const double top_to_bottom = states_of(post).mean.front() - states_of(post).mean.back();
  verdicts.below("log₁₀ ‖δ₀‖/‖δ_L₋₁‖, decoder, Post-LN", top_to_bottom, 17 * std::log10(expected), -1.5,
                 "[published] Liu et al. 2020, Takase et al. 2022: it vanishes");
  verdicts.between("log₁₀ ‖δ₀‖/‖δ_L₋₁‖, decoder, Pre-LN", pre.mean.front() - pre.mean.back(), 0, 0, 1,
                   "[published] Liu et al. 2020: it does not");
  verdicts.within("log₁₀ ‖δ₀‖/‖δ_L₋₁‖, encoder, Post-LN", encoder.mean.front() - encoder.mean.back(), 0, .5,
                  "[derived here] nothing is lost to a memory");
  const double networks = double(lab.seeds(8, 4).size());
  const double errors = 3 * std::sqrt(1 / networks + 1. / 24);
  verdicts.within("oracle: ‖δ‖ per decoder layer, Post-LN", factor, .7398, .0005 + errors * .0332,
                  "PyTorch, 24 networks; 3 standard errors");
  verdicts.within("oracle: c, mean square added", added, .9794, .0005 + errors * .0476,
                  "PyTorch, 24 networks; 3 standard errors");
  verdicts.within("oracle: ‖δ‖ per decoder layer, Pre-LN", per_layer(pre), 1.0591, .0005 + errors * .0066,
                  "PyTorch, 24 networks; 3 standard errors");
}

Series dashed(const Curve& states, double factor) {
  std::vector<double> y;
  const std::size_t depth = states.mean.size();
  for (std::size_t l = 0; l < depth; ++l)
    y.push_back(states.mean.back() + double(depth - 1 - l) * std::log10(factor));
  return predicted("prediction", counting(depth), y);
}

void experiment(Laboratory& lab, const Settings& settings) {
  const auto post = over_seeds(lab, settings, "decoder, Post-LN", NormPlacement::post);
  const auto pre = over_seeds(lab, settings, "decoder, Pre-LN", NormPlacement::pre);
  const auto encoder = curve(all(
      lab.over_seeds("encoder, Post-LN", lab.seeds(8, 4),
                     [&](std::uint64_t seed) {
                       return measure(settings.sizes, wiring_named("Post-LN", settings.sizes.depth), seed);
                     }),
      &EncoderMeasurement::states));
  const auto after = states_of(post), before = states_of(pre);
  judge(lab, post, before, encoder);

  const auto layers = counting(settings.sizes.depth);
  Figure figure{"post-ln-decoder",
                "Post-LN loses the gradient where it attends to a memory",
                std::to_string(settings.sizes.depth) + " layers of width " +
                    std::to_string(settings.sizes.width) + ", Xavier weights, before any training",
                {{"gradient at the input of each layer",
                  "layer l  (0: first)",
                  "‖∂L/∂x_l‖",
                  10,
                  {measured("decoder, Post-LN", 3, layers, after),
                   dashed(after, 1 / std::sqrt(1 + mean_of(post, &Measured::added))),
                   measured("encoder, Post-LN", 0, layers, encoder), dashed(encoder, 1),
                   measured("decoder, Pre-LN", 2, layers, before)}}}};
  figure.prediction = "1/√(1 + c) a layer; level";
  figure.caption =
      "c: mean square of what cross-attention adds to a stream of mean square 1. LN divides by √(1 + c), and "
      "little "
      "gradient comes back through the attention to the memory. Random labels, cross-entropy. Mean of the "
      "logarithms "
      "and range over " +
      std::to_string(lab.seeds(8, 4).size()) + " networks. After Liu et al. 2020, Takase et al. 2022.";
  lab.draw(figure);
}

}  // namespace
}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("post-ln-decoder", "Post-LN loses the gradient in decoders, at cross-attention",
                        "L. Liu et al., arXiv:2004.08249; S. Takase et al., arXiv:2206.00330");
  plots::Settings settings;
  auto& sizes = settings.sizes;
  lab.add_option("--depth", sizes.depth, "layers of the encoder and of the decoder");
  lab.add_option("--width", sizes.width, "d; the feed-forward networks have 4d hidden units");
  lab.add_option("--heads", sizes.heads, "heads, a divisor of the width");
  lab.add_option("--tokens", sizes.tokens, "tokens of source and target");
  lab.add_option("--init", sizes.init, "xavier_normal, he_normal, lecun_normal, orthogonal, …");
  lab.add_option("--cross-gain", settings.init_gain, "multiplies the output weights of cross-attention");
  return lab.run(argc, argv, [&] { plots::experiment(lab, settings); });
}
