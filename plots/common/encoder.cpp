#include "encoder.hpp"

#include <cmath>
#include <stdexcept>

#include "token_covariance.hpp"
#include "xgrad/nn/init.hpp"
#include "xgrad/ops/loss.hpp"
#include "xgrad/probe/gradient_norms.hpp"

namespace plots {

using xgrad::NormPlacement;
using xgrad::Variable;

std::vector<EncoderWiring> eight_wirings(std::size_t depth) {
  const double scale = 1 / std::sqrt(2 * double(depth));
  return {{"no skip", NormPlacement::neither, true, 0, false},
          {"no skip, LN", NormPlacement::norm_only, false, 0, true},
          {"skip, no LN", NormPlacement::residual_only, true, 1, false},
          {"skip, no LN, 1/√2L", xgrad::Wiring::scaled_residual(depth), true, 1, true},
          {"Post-LN", NormPlacement::post, false, 3, false},
          {"DeepNorm", xgrad::Wiring::deepnorm(depth), false, 3, true},
          {"Pre-LN", NormPlacement::pre, true, 2, false},
          {"Pre-LN, 1/√2L", {NormPlacement::pre, 1, scale}, true, 2, true}};
}

EncoderWiring wiring_named(const std::string& name, std::size_t depth) {
  for (const auto& wiring : eight_wirings(depth))
    if (wiring.name == name) return wiring;
  throw std::invalid_argument("no wiring is called " + name);
}

EncoderMeasurement measure(const EncoderOptions& options, const EncoderWiring& wiring, std::uint64_t seed) {
  const std::size_t d = options.width;
  xgrad::Rng rng(seed);
  const auto x0 = xgrad::parameter(rng.normal<double>({options.batch, options.tokens, d}));
  std::vector<xgrad::TransformerEncoderLayer<double>> layers;
  for (std::size_t l = 0; l < options.depth; ++l) {
    layers.emplace_back(d, options.heads, 4 * d, wiring.wiring, xgrad::Init::named(options.init), rng);
    layers.back().attention.options.causal = options.causal;
  }
  xgrad::LayerNorm<double> final_norm(d);
  xgrad::Linear<double> head(d, d, xgrad::Init::lecun_normal(), rng, xgrad::Bias::no);
  auto labels = xgrad::zeros<std::int64_t>({options.batch, options.tokens});
  for (auto& label : labels) label = std::int64_t(rng.below(d));

  EncoderMeasurement result;
  const xgrad::Observer<double> attention([&](auto& module, const auto& x, const auto&) {
    if (dynamic_cast<xgrad::MultiHeadAttention<double>*>(&module))
      result.query_share.push_back(log10_query_share(x.value()) + std::log10(wiring.wiring.gain));
  });
  xgrad::Tape<double> tape;
  std::vector<Variable<double>> states{x0};
  for (auto& layer : layers) states.push_back(layer(states.back()));
  const auto y = wiring.final_norm ? final_norm(states.back()) : states.back();
  xgrad::cross_entropy(head(y), labels).backward();

  for (std::size_t l = 0; l < options.depth; ++l) {
    result.states.push_back(xgrad::log10_norm(states[l].grad()));
    result.sizes.push_back(xgrad::log10_rms(states[l].value()));
    result.query.push_back(xgrad::log10_norm(layers[l].attention.query.weight.grad()));
    result.value.push_back(xgrad::log10_norm(layers[l].attention.value.weight.grad()));
  }
  return result;
}

void merge_output(xgrad::MultiHeadAttention<double>& attention) {
  auto& weight = attention.output.weight.mutable_value();
  const std::size_t d = weight.shape().front();
  for (std::size_t i = 0; i < weight.size(); ++i) weight.data()[i] = i / d == i % d;
}

std::vector<std::vector<double>> all(const std::vector<EncoderMeasurement>& runs,
                                     std::vector<double> EncoderMeasurement::*what) {
  std::vector<std::vector<double>> numbers;
  for (const auto& run : runs) numbers.push_back(run.*what);
  return numbers;
}

}  // namespace plots
