#include "problems.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/nn/residuals.hpp"
#include "xgrad/nn/transformer.hpp"

namespace plots {

using xgrad::Init;
using xgrad::Sequential;
using V = xgrad::Variable<double>;

const std::vector<std::string> transformer_wirings = {"Post-LN", "Pre-LN", "DeepNorm",
                                                      "DeepNorm, all parameters"};
const std::vector<std::string> perceptron_wirings = {"residual", "residual/√L", "Fixup", "ReZero"};

xgrad::Parameters<double> Problem::trained() {
  auto all = network.parameters();
  if (vectors) return all;
  all.erase(std::remove_if(all.begin(), all.end(), [](const auto& p) { return p.variable.rank() < 2; }),
            all.end());
  return all;
}

Problem transformer(const std::string& wiring, std::size_t layers, std::size_t d, std::uint64_t seed) {
  constexpr std::size_t heads = 4, sequences = 4, tokens = 8;
  const auto placed = wiring == "Pre-LN"    ? xgrad::Wiring(xgrad::NormPlacement::pre)
                      : wiring == "Post-LN" ? xgrad::Wiring(xgrad::NormPlacement::post)
                                            : xgrad::Wiring::deepnorm(layers);
  xgrad::Rng rng(seed);
  Problem problem;
  problem.vectors = wiring == "DeepNorm, all parameters";
  for (std::size_t l = 0; l < layers; ++l)
    problem.network.add(
        xgrad::TransformerEncoderLayer<double>(d, heads, 4 * d, placed, Init::xavier_normal(), rng));
  if (wiring == "Pre-LN") problem.network.add(xgrad::LayerNorm<double>(d));
  problem.x = rng.normal<double>({sequences, tokens, d});
  const V read = Init::lecun_normal().weight<double>(d, d, rng);
  xgrad::Indices labels = xgrad::Indices::from_shape({sequences, tokens});
  for (auto& label : labels) label = std::int64_t(rng.below(d));
  problem.loss = [=](const V& output) { return cross_entropy(linear(output, read, V()), labels); };
  return problem;
}

namespace {

Sequential<double> branch(std::size_t width, xgrad::Rng& rng) {
  return Sequential<double>{xgrad::Linear<double>(width, width, Init::he_normal(), rng, xgrad::Bias::no),
                            xgrad::activation<double>("relu"),
                            xgrad::Linear<double>(width, width, Init::lecun_normal(), rng, xgrad::Bias::no)};
}

}  // namespace

Problem perceptron(const std::string& wiring, std::size_t blocks, std::size_t width, std::uint64_t seed) {
  constexpr std::size_t samples = 32;
  xgrad::Rng rng(seed);
  Problem problem;
  problem.x = rng.normal<double>({samples, width});
  problem.target = rng.normal<double>({samples, width});
  problem.loss = [y = V(problem.target)](const V& output) {
    return V(.5 / double(samples)) * xgrad::sum((output - y) * (output - y));
  };
  for (std::size_t l = 0; l < blocks; ++l) {
    if (wiring == "Fixup") {
      problem.network.add(xgrad::FixupBlock<double>(width, blocks, Init::he_normal(), rng));
    } else if (wiring == "ReZero") {
      problem.network.add(xgrad::ScaledResidual<double>(branch(width, rng)));
    } else {
      const double alpha = wiring == "residual" ? 1 : 1 / std::sqrt(double(blocks));
      xgrad::ScaledResidual<double> block(branch(width, rng), alpha);
      block.alpha.requires_grad(false);
      problem.network.add(std::move(block));
    }
  }
  return problem;
}

namespace {

double squares(const xgrad::Array<double>& x) {
  double sum = 0;
  for (double entry : x) sum += entry * entry;
  return sum;
}

/// κ(x, x') = E relu(w·x) relu(w·x') for w ~ N(0, 2/n): ‖x‖‖x'‖/n · (sin θ + (π - θ) cos θ)/π
/// (Cho & Saul 2009).
xgrad::Array<double> kernel(const xgrad::Array<double>& x) {
  const double pi = std::acos(-1.);
  const std::size_t samples = x.shape(0), n = x.shape(1);
  const auto dot = [&](std::size_t i, std::size_t j) {
    double sum = 0;
    for (std::size_t k = 0; k < n; ++k) sum += x(i, k) * x(j, k);
    return sum;
  };
  auto result = xgrad::empty<double>({samples, samples});
  for (std::size_t i = 0; i < samples; ++i)
    for (std::size_t j = 0; j < samples; ++j) {
      const double lengths = std::sqrt(dot(i, i) * dot(j, j));
      const double cosine = std::min(1., dot(i, j) / lengths), angle = std::acos(cosine);
      result(i, j) = lengths / double(n) * (std::sin(angle) + (pi - angle) * cosine) / pi;
    }
  return result;
}

/// δ = ∂L/∂F at F = x, and κδ.
struct Start {
  xgrad::Array<double> kernel, delta, smoothed;
};
Start start(const Problem& problem) {
  Start result;
  result.kernel = kernel(problem.x);
  result.delta = (problem.x - problem.target) / double(problem.x.shape(0));
  result.smoothed = matmul(V(result.kernel), V(result.delta)).value();
  return result;
}

}  // namespace

// ΔF = -η n κδ, whatever the number of blocks
double predicted_fixup(const Problem& problem, double rate) {
  const double move = rate * double(problem.x.shape(1));
  return std::log10(move) + .5 * std::log10(squares(start(problem).smoothed) / squares(problem.x));
}

// ΔF = -η Σ f⟨f, δ⟩ over L independent branches f of covariance κ ⊗ I:
// E‖ΔF‖² = η² (L(L+1) ‖κδ‖² + L ⟨δ, κδ⟩ n tr κ), nearly a χ² with L degrees of freedom: E ln is ψ(L/2) -
// ln(L/2) below.
double predicted_rezero(const Problem& problem, double rate, std::size_t blocks) {
  const auto at = start(problem);
  double trace = 0, along = 0;
  for (std::size_t i = 0; i < at.kernel.shape(0); ++i) trace += at.kernel(i, i);
  for (std::size_t i = 0; i < at.delta.size(); ++i) along += at.delta.data()[i] * at.smoothed.data()[i];
  const double n = double(problem.x.shape(1)), L = double(blocks);
  const double square = L * (L + 1) * squares(at.smoothed) + L * along * n * trace;
  const double bend = -1 / L - 1 / (3 * L * L);  // ψ(L/2) - ln(L/2), to third order
  return std::log10(rate) + .5 * (std::log10(square / squares(problem.x)) + bend / std::log(10));
}

}  // namespace plots
