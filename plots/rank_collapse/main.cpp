// Attention alone makes all tokens equal, and the residual shrinks like its own cube from layer to layer.
// Y. Dong, J.-B. Cordonnier & A. Loukas, arXiv:2103.03404.

#include <cmath>

#include "encoder.hpp"
#include "laboratory.hpp"
#include "token_covariance.hpp"
#include "xgrad/probe/gradient_norms.hpp"
#include "xgrad/probe/tokens.hpp"

namespace plots {
namespace {

using xgrad::Array;
using xgrad::Init;
using xgrad::Rng;
using Attention = xgrad::MultiHeadAttention<double>;
using Stack = xgrad::Sequential<double>;

struct Settings {
  std::size_t depth = 12, width = 64, tokens = 32, heads = 1;
};

// Attention with weights N(0, 1/d), written with W_V alone.
Attention make_attention(const Settings& settings, Rng& rng) {
  Attention attention(settings.width, settings.heads, Init::lecun_normal(), rng, xgrad::Bias::no);
  merge_output(attention);
  return attention;
}

// W₂ relu(W₁ x) that keeps mean squares: variance 2/d, then 1/4d.
Stack make_mlp(const Settings& settings, Rng& rng) {
  const std::size_t d = settings.width;
  return Stack{xgrad::Linear<double>(d, 4 * d, Init::he_normal(), rng, xgrad::Bias::no),
               xgrad::activation<double>("relu"),
               xgrad::Linear<double>(4 * d, d, Init::lecun_normal(), rng, xgrad::Bias::no)};
}

struct Case {
  std::string name;
  std::size_t look;
  bool skip, mlp;
  double branch;  // factor of the attention beside the skip
};

Stack make_stack(const Case& each, const Settings& settings, Rng& rng) {
  const auto scale = [branch = each.branch](const xgrad::Variable<double>& x) { return branch * x; };
  Stack stack;
  for (std::size_t l = 0; l < settings.depth; ++l) {
    Stack layer, attention{make_attention(settings, rng), xgrad::Function<double>("scale", scale)};
    if (each.skip) {
      layer.add(xgrad::Residual<double>(std::move(attention)));
      if (each.mlp) layer.add(xgrad::Residual<double>(make_mlp(settings, rng)));
    } else {
      layer.add(std::move(attention));
      if (each.mlp) layer.add(make_mlp(settings, rng));
    }
    stack.add(std::move(layer));
  }
  return stack;
}

// log₁₀ of ‖res X‖/‖X‖ at the states 0…L; and of what the covariance of layer l's tokens says of layer l + 1.
struct Collapse {
  std::vector<double> residual, next;
};

Collapse collapse(const Case& each, const Settings& settings, std::uint64_t seed) {
  Rng rng(seed);
  const auto x = rng.normal<double>({settings.tokens, settings.width});
  auto stack = make_stack(each, settings, rng);
  Collapse result;
  double expected = NAN;
  for (const auto& state : xgrad::hidden_states(stack, xgrad::Variable<double>(x))) {
    const auto& x = state.value();
    const double now = std::log10(xgrad::rank_residual(x)), size = xgrad::log10_rms(x);
    result.residual.push_back(now);
    result.next.push_back(expected - size);
    expected = now + log10_spread(x) + size;
  }
  return result;
}

// Attention with the skip when all tokens look everywhere alike: the mean token, 1/T of the energy, is copied
// and grows by 1 + α² a layer; the rest stays.
std::vector<double> copied_mean(const Settings& settings, double branch) {
  const double part = 1 / double(settings.tokens);
  std::vector<double> result;
  for (std::size_t l = 0; l <= settings.depth; ++l) {
    const double mean = part * std::pow(1 + branch * branch, double(l));
    result.push_back(std::log10((1 - part) / (1 - part + mean)) / 2);
  }
  return result;
}

void stacks(Laboratory& lab, const Settings& settings, Panel& panel) {
  const auto seeds = lab.seeds(10, 10);
  const double root = 1 / std::sqrt(double(settings.depth));
  const Case cases[] = {{"attention only", 0, false, false, 1},
                        {"+ MLP", 4, false, true, 1},
                        {"+ skip", 1, true, false, 1},
                        {"+ skip + MLP", 2, true, true, 1},
                        {"+ skip, 1/√L", 3, true, false, root}};
  struct Oracle {
    double mean[4], deviation[4];
  };
  // An independent NumPy program, 60 networks: layers 1, 2, 3 and 12.
  const Oracle oracle[] = {{{-.147, -1.585, -6.523, -15.348}, {.055, .163, .471, .075}},
                           {{-.234, -1.799, -7.179, -15.343}, {.047, .173, .534, .071}},
                           {{-.014, -.038, -.076, -.745}, {.012, .023, .037, .211}},
                           {{-.083, -.184, -.258, -.889}, {.035, .046, .062, .262}},
                           {{-.006, -.007, -.009, -.022}, {.008, .009, .011, .018}}};
  const auto layers = counting(settings.depth + 1);
  auto& verdicts = lab.verdicts();
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    const Case& each = cases[i];
    const auto runs =
        lab.over_seeds(each.name, seeds, [&](std::uint64_t seed) { return collapse(each, settings, seed); });
    std::vector<std::vector<double>> residuals, next;
    for (const auto& run : runs) {
      residuals.push_back(run.residual);
      next.push_back(run.next);
    }
    const auto residual = curve(residuals);
    panel.series.push_back(measured(each.name, each.look, layers, residual));
    std::vector<double> prediction;
    if (each.name == "attention only") {
      prediction = curve(next).mean;
      for (std::size_t l = 1; l <= settings.depth; ++l)
        if (prediction[l] < -15.5) prediction[l] = NAN;  // rounding does not follow the law
      if (settings.depth >= 3)
        verdicts.within("log₁₀ residual, attention only, layer 3 from layer 2", residual.mean[3],
                        prediction[3], .3, "[derived here] √(tr C²)/d");
    }
    if (each.skip && !each.mlp) prediction = copied_mean(settings, each.branch);
    if (!prediction.empty()) panel.series.push_back(predicted(each.name, layers, prediction));
    if (lab.changed()) continue;
    if (i == 0)
      verdicts.below("acceptance: residual, attention only, layer 5", std::pow(10, residual.mean[5]), 0,
                     1e-12, "[published] Dong et al. 2021: doubly exponential");
    if (each.name == "+ skip")
      verdicts.between("acceptance: residual, + skip, layer 12", std::pow(10, residual.mean[12]),
                       std::pow(10, prediction[12]), .1, 1, "[published] Dong et al. 2021: skips prevent it");
    const std::size_t at[] = {1, 2, 3, 12};
    for (std::size_t k = 0; k < 4; ++k) {
      if ((k == 3) != each.skip) continue;
      verdicts.within("oracle: log₁₀ residual, " + each.name + ", layer " + std::to_string(at[k]),
                      residual.mean[at[k]], oracle[i].mean[k],
                      3 * oracle[i].deviation[k] * std::sqrt(1 / double(seeds.size()) + 1. / 60),
                      "NumPy, 60 networks; 3 standard errors");
    }
  }
}

// One layer on X = 1xᵀ + εR: log₁₀ RMS of res(attention(X)), and what the covariance says.
void one_layer(Laboratory& lab, const Settings& settings, Panel& panel) {
  const std::vector<double> log10_eps = {-3, -2.5, -2, -1.5, -1};
  const auto seeds = lab.seeds(10, 10);
  const auto runs = lab.over_seeds("one layer", seeds, [&](std::uint64_t seed) {
    Rng rng(seed);
    const auto x = rng.normal<double>({1, settings.width});
    const auto r = xgrad::without_mean_token(rng.normal<double>({settings.tokens, settings.width}));
    auto attention = make_attention(settings, rng);
    Collapse result;
    for (double e : log10_eps) {
      const Array<double> input = x + std::pow(10, e) * r;
      const auto y = attention(xgrad::Variable<double>(input));
      result.residual.push_back(xgrad::log10_rms(xgrad::without_mean_token(y.value())));
      result.next.push_back(xgrad::log10_rms(xgrad::without_mean_token(input)) + log10_spread(input));
    }
    return result;
  });
  std::vector<std::vector<double>> residuals, next;
  std::vector<double> exponents;
  for (const auto& run : runs) {
    residuals.push_back(run.residual);
    next.push_back(run.next);
    exponents.push_back(fit_line(log10_eps, run.residual).slope);
  }
  const auto residual = curve(residuals), expected = curve(next);
  panel.series.push_back(measured("one layer of attention", 0, log10_eps, residual));
  panel.series.back().legend = "attention only";
  panel.series.push_back(predicted("one layer", log10_eps, expected.mean));
  lab.verdicts().within("acceptance: exponent of one layer", mean(exponents), 3, .03,
                        "[published] Dong et al. 2021: res³");
  lab.verdicts().within("log₁₀ residual/ε³ of one layer, ε = 10⁻³", residual.mean.front() + 9,
                        expected.mean.front() + 9, .05, "[derived here] √(tr C²)/d");
}

void experiment(Laboratory& lab, const Settings& settings) {
  Figure figure{"rank-collapse",
                "Attention alone makes all tokens equal, and ever faster",
                std::to_string(settings.tokens) + " tokens, width " + std::to_string(settings.width) +
                    ", weights N(0, 1/d), no training",
                {},
                2};
  figure.same_y = false;
  figure.caption =
      "res(X): what is left of the tokens without their mean; ‖·‖ is √(‖X‖₁‖X‖∞). Dashed: attention only, "
      "from the "
      "covariance C of the layer before, √(tr C²)/d; with a skip, a mean token that is copied in each layer. "
      "The "
      "plateau at 10⁻¹⁵ is rounding. Mean of the logarithms and range over " +
      std::to_string(lab.seeds(10, 10).size()) + " networks. After Dong et al. 2021.";
  Panel depth{"depth", "layer", "‖res(X)‖/‖X‖", 10, {}};
  Panel one{"one layer: slope 3", "log₁₀ ε of X = 1xᵀ + εR", "RMS of res(attention(X))", 10, {}};
  one_layer(lab, settings, one);
  stacks(lab, settings, depth);
  figure.panels = {depth, one};
  lab.draw(figure);
}

}  // namespace
}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("rank-collapse", "Attention alone loses rank doubly exponentially with depth",
                        "Y. Dong, J.-B. Cordonnier & A. Loukas, arXiv:2103.03404");
  plots::Settings settings;
  lab.add_option("--depth", settings.depth, "layers");
  lab.add_option("--width", settings.width, "d");
  lab.add_option("--tokens", settings.tokens, "tokens");
  lab.add_option("--heads", settings.heads, "heads, a divisor of the width");
  return lab.run(argc, argv, [&] { plots::experiment(lab, settings); });
}
