// What a shortcut must not do: scaled by λ it multiplies the gradient on the direct path by λ in each block,
// and gates, convolutions or dropout on the shortcut act like such a λ.
// K. He, X. Zhang, S. Ren & J. Sun, "Identity mappings in deep residual networks", ECCV 2016,
// arXiv:1603.05027.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <memory>

#include "laboratory.hpp"
#include "xgrad/probe/gradient_norms.hpp"

namespace plots {
namespace {

using xgrad::Rng;
using xgrad::Variable;
using Stack = xgrad::Sequential<double>;

struct Settings {
  std::size_t blocks = 54, width = 128, batch = 32;
  std::vector<double> lambdas = {1.05, 1, .95, .9, .5};
};

// What a block of a kind does: ‖δ‖² and the direct part ⟨δ_l, δ_L⟩/‖δ_L‖² change by these factors.
struct Block {
  std::string name;
  double square, direct;
  std::function<void(Stack& stack, Stack branch, Rng& rng)> add;
  std::size_t look = 0;
  bool hollow = false;
  std::size_t reach = 1000000;  // over how many blocks the average `square` can be met
};

// a W₂ relu(W₁ x) of gain a² = 1/blocks: the branches together add about as much as the shortcut carries.
Stack make_branch(const Settings& settings, Rng& rng) {
  const std::size_t n = settings.width;
  const auto second = xgrad::Init::lecun_normal().scaled(1 / std::sqrt(double(settings.blocks)));
  return Stack{xgrad::Linear<double>(n, n, xgrad::Init::he_normal(), rng, xgrad::Bias::no),
               xgrad::activation<double>("relu"), xgrad::Linear<double>(n, n, second, rng, xgrad::Bias::no)};
}

struct Measurement {
  std::vector<double> norms, direct;  // log₁₀ RMS of δ₀…δ_L relative to δ_L; ⟨δ_l, δ_L⟩/‖δ_L‖²
};

Measurement measure(const Settings& settings, const Block& block, std::uint64_t seed) {
  Rng rng(seed);
  Stack stack;
  for (std::size_t l = 0; l < settings.blocks; ++l) block.add(stack, make_branch(settings, rng), rng);
  stack.requires_grad(false);
  xgrad::Tape<double> tape;
  const auto x = xgrad::parameter(rng.normal<double>({settings.batch, settings.width}));
  const auto states = xgrad::hidden_states(stack, x);
  const auto top = rng.normal<double>({settings.batch, settings.width});
  tape.backward(states.back(), top);
  Measurement result{xgrad::log10_gradients(states), {}};
  const double norm = result.norms.back();
  for (double& value : result.norms) value -= norm;
  for (const auto& state : states) {
    double product = 0, square = 0;
    for (std::size_t i = 0; i < top.size(); ++i) {
      product += state.grad().data()[i] * top.data()[i];
      square += top.data()[i] * top.data()[i];
    }
    result.direct.push_back(product / square);
  }
  return result;
}

template <class Shortcut>
Block block(const std::string& name, double square, double direct, const Settings& settings,
            Shortcut shortcut) {
  const double branch = 1 / double(settings.blocks);
  return {name, square + branch, direct, [shortcut](Stack& stack, Stack branch, Rng& rng) {
            stack.add(xgrad::Residual<double>(std::move(branch), shortcut(rng)));
          }};
}

Block scaled(double lambda, const Settings& settings) {
  char name[32];
  std::snprintf(name, sizeof name, "λ = %g", lambda);
  return block(name, lambda * lambda, lambda, settings, [lambda](Rng&) {
    return xgrad::Function<double>("λ", [lambda](const Variable<double>& x) { return lambda * x; });
  });
}

// x ⊙ (1 - σ(W_g x + b)), W_g small: the gate is σ(b) nearly everywhere.
Block gated(double bias, const Settings& settings) {
  char name[48];
  std::snprintf(name, sizeof name, "gate, bias %g", bias);
  const double open = 1 - 1 / (1 + std::exp(-bias));
  return block(name, open * open, open, settings, [bias, n = settings.width](Rng& rng) {
    auto gate =
        std::make_shared<xgrad::Linear<double>>(n, n, xgrad::Init::normal(.01 / std::sqrt(double(n))), rng);
    gate->bias.mutable_value().fill(bias);
    gate->requires_grad(false);
    return xgrad::Function<double>(
        "gate", [gate](const Variable<double>& x) { return x * (1 - xgrad::sigmoid((*gate)(x))); });
  });
}

std::vector<Block> shortcuts(const Settings& settings) {
  const std::size_t n = settings.width;
  std::vector<Block> blocks = {
      gated(-6, settings), gated(0, settings),
      block("dropout, p = ½", 2, 1, settings, [](Rng& rng) { return xgrad::Dropout<double>(.5, rng); }),
      block("matrix", 1, 0, settings, [n](Rng& rng) {
        return xgrad::Linear<double>(n, n, xgrad::Init::orthogonal(), rng, xgrad::Bias::no);
      })};
  const std::size_t looks[] = {1, 4, 3, 2};
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    blocks[i].look = looks[i];
    blocks[i].hollow = true;
  }
  // After k blocks of dropout 2^-k of the entries still have a shortcut, each with the factor 2^k: soon none.
  blocks[2].reach = 6;
  return blocks;
}

// The direct part, where it stands out of the noise, and the norm: a part of δ that is unrelated to the
// cotangent has a product with it of about ‖δ_l‖/‖δ_L‖/√(entries).
void judge(Laboratory& lab, const Settings& settings, const Block& block, const Curve& norms,
           const Curve& direct, std::size_t seeds) {
  auto& verdicts = lab.verdicts();
  const double entries = double(settings.batch * settings.width);
  const std::size_t far = std::min(settings.blocks, block.reach);
  const std::size_t back = std::min<std::size_t>(10, far), at = settings.blocks - back;
  const double noise = std::pow(10, norms.mean[at]) / std::sqrt(entries * double(seeds));
  const double expected = std::pow(block.direct, double(back));
  verdicts.within("acceptance: direct path after " + std::to_string(back) + " blocks, " + block.name,
                  direct.mean[at], expected, 4 * noise + .02 * expected, "[published] He et al. 2016: ∏λ");
  verdicts.within("log₁₀ of ‖δ‖ after " + std::to_string(far) + " blocks, " + block.name,
                  norms.mean[settings.blocks - far], double(far) * std::log10(block.square) / 2, .12,
                  "[derived here] (λ² + a²c)^½ per block");
}

Panel panel(Laboratory& lab, const Settings& settings, const std::vector<Block>& blocks,
            const std::string& title, Panel& direct_panel) {
  const auto seeds = lab.seeds(10, 3);
  const auto layers = counting(settings.blocks + 1);
  Panel norms_panel{title + ": the whole gradient", "block l", "‖δ_l‖ / ‖δ_L‖", 10, {}};
  direct_panel = {title + ": the direct path", "block l", "⟨δ_l, δ_L⟩ / ‖δ_L‖²", 10, {}};
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto runs = lab.over_seeds(blocks[i].name, seeds,
                                     [&](std::uint64_t seed) { return measure(settings, blocks[i], seed); });
    std::vector<std::vector<double>> norm_runs, direct_runs;
    for (const auto& run : runs) {
      norm_runs.push_back(run.norms);
      direct_runs.push_back(run.direct);
    }
    const auto norms = curve(norm_runs), direct = curve(direct_runs);
    judge(lab, settings, blocks[i], norms, direct, seeds.size());
    std::vector<double> norm_theory, direct_theory, logarithm;
    const double entries = double(settings.batch * settings.width * seeds.size());
    for (std::size_t l = 0; l <= settings.blocks; ++l) {
      const double back = double(settings.blocks - l),
                   noise = 3 * std::pow(10, norms.mean[l]) / std::sqrt(entries);
      norm_theory.push_back(back > double(blocks[i].reach) ? NAN : back * std::log10(blocks[i].square) / 2);
      direct_theory.push_back(blocks[i].direct > 0 ? back * std::log10(blocks[i].direct) : NAN);
      logarithm.push_back(
          direct.mean[l] > noise && back <= double(blocks[i].reach) ? std::log10(direct.mean[l]) : NAN);
    }
    norms_panel.series.push_back(measured(blocks[i].name, blocks[i].look, layers, norms));
    norms_panel.series.back().hollow = blocks[i].hollow;
    norms_panel.series.push_back(predicted(blocks[i].name, layers, norm_theory));
    Series line{blocks[i].name, layers, logarithm};
    line.look = blocks[i].look;
    line.hollow = blocks[i].hollow;
    direct_panel.series.push_back(line);
    direct_panel.series.push_back(predicted(blocks[i].name, layers, direct_theory));
  }
  return norms_panel;
}

void identity_mappings(Laboratory& lab, const Settings& settings) {
  Figure figure{"identity-mappings",
                "A shortcut that is not the identity takes the direct path away",
                "h(x) + a W₂ relu(W₁ x), " + std::to_string(settings.blocks) + " blocks of width " +
                    std::to_string(settings.width) + ", a² = 1/" + std::to_string(settings.blocks),
                {},
                2};
  figure.same_y = false;
  figure.prediction = "(λ² + a²)^½ and λ per block";
  figure.caption =
      "Above h(x) = λx; below other shortcuts. The direct part of δ_l is its projection on the gradient at "
      "the "
      "output; it is drawn where it stands out of the noise. A matrix (orthogonal) keeps the norm and "
      "has no direct part. Mean and range of the norms over the networks. After He et al. 2016.";
  std::vector<Block> scales;
  for (double lambda : settings.lambdas) {
    scales.push_back(scaled(lambda, settings));
    scales.back().look = scales.size() - 1;
  }
  Panel direct_scales, direct_others;
  const auto norms_scales = panel(lab, settings, scales, "λx", direct_scales);
  const auto norms_others = panel(lab, settings, shortcuts(settings), "others", direct_others);
  figure.panels = {norms_scales, direct_scales, norms_others, direct_others};
  lab.draw(figure);
}

}  // namespace
}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("identity-mappings", "Only an identity shortcut leaves the gradient a direct path",
                        "K. He, X. Zhang, S. Ren & J. Sun, arXiv:1603.05027");
  plots::Settings settings;
  lab.add_option("--blocks", settings.blocks, "Residual blocks").between(2, 2000);
  lab.add_option("--width", settings.width, "Units per layer").between(8, 10000);
  lab.add_option("--batch", settings.batch, "Inputs").between(1, 10000);
  lab.add_option("--lambda", settings.lambdas, "Scales λ of the shortcut").positive();
  return lab.run(argc, argv, [&] { plots::identity_mappings(lab, settings); });
}
