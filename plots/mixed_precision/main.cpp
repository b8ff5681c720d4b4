// Half precision loses small gradients; a factor on the loss lifts them, and depth pulls them down again.
// P. Micikevicius et al., arXiv:1710.03740. Rounding to IEEE half is emulated (xgrad/train/half.hpp).

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "format.hpp"
#include "mean_field.hpp"
#include "stack_figures.hpp"
#include "xgrad/train/half.hpp"

namespace plots {
namespace {

using xgrad::round_to_half, xgrad::Rng;
using V = xgrad::Variable<float>;

struct Settings {
  std::string activation = "sigmoid";
  std::size_t depth = 20, width = 128, batch = 32;
  double top = -10;  // log₂ of the deviation of ∂L/∂x_L
  std::vector<double> scales = {0, 3, 15};
};

StackOptions stack_of(const Settings& s, bool residual) {
  StackOptions stack;
  stack.wiring = residual ? Wiring::residual : Wiring::plain;
  set_activation(stack, s.activation);
  set_init(stack, "xavier");
  stack.depth = s.depth;
  stack.width = s.width;
  stack.batch = s.batch;
  return stack;
}

// From the top layer down: the share of entries of ∂L/∂x that half precision does not hold, and the relative
// error of ∂L/∂W (of W₁ in a residual layer).
struct Losses {
  std::vector<double> lost, log10_error;
};

// One forward and one backward pass: states, their gradients and weights in half (or none of them), sums in
// float. Leaves ∂L/∂W in the stack.
std::vector<V> pass(xgrad::Sequential<float>& stack, const xgrad::Array<float>& x,
                    const xgrad::Array<float>& dy, bool half) {
  xgrad::Tape<float> tape;
  const auto store = [&](const V& v) { return half ? xgrad::through_half(v) : v; };
  std::vector<V> states{store(xgrad::parameter(x))};
  for (std::size_t i = 0; i < stack.size(); ++i) states.push_back(store(stack[i](states.back())));
  tape.backward(states.back(), dy);
  return states;
}

Losses losses(const Settings& s, const StackOptions& options, double scale, std::uint64_t seed) {
  Rng rng(seed);
  auto stack = make_stack<float>(options, rng);
  const xgrad::Shape shape{s.batch, s.width};
  const auto x = rng.normal<float>(shape);
  const auto dy = rng.normal<float>(shape, 0, std::exp2(s.top));
  pass(stack, x, dy, false);
  std::vector<V> exact;
  for (const auto& p : stack.parameters()) exact.push_back(p.variable.grad());
  stack.zero_grad();

  const xgrad::HalfWeights<float> half(stack.parameters());
  const auto states = pass(stack, x, (V(dy) * float(scale)).value(), true);
  xgrad::LossScale(scale).unscale(stack.parameters());

  Losses result;
  for (std::size_t l = s.depth; l-- > 0;) {
    const auto& g = states[l].grad();
    const auto lost = std::count_if(g.begin(), g.end(), [](float entry) {
      const float stored = round_to_half(entry);
      return stored == 0 || !std::isfinite(stored);
    });
    result.lost.push_back(double(lost) / double(g.size()));
    const std::size_t each = exact.size() / s.depth;  // matrices of a layer
    const V found(stack[l].parameters().front().variable.grad());
    result.log10_error.push_back(xgrad::log10_norm((found - exact[l * each]).value()) -
                                 xgrad::log10_norm(exact[l * each].value()));
  }
  return result;
}

// The same share when the entries are Gaussian: from layer to layer their mean square changes as in the
// mean-field recursion of plain stacks, and what half precision takes away does not go further down.
std::vector<double> predicted_share(const Settings& s, double scale) {
  const auto gradients = predict(stack_of(s, false)).gradients;  // log₁₀ RMS, relative to the top
  double deviation = std::exp2(s.top) * scale;
  std::vector<double> shares;
  for (std::size_t l = s.depth; l-- > 0;) {
    double square = 0, weight = 0;
    for (double z = .005; z < 6; z += .01) {  // the distribution is even
      const double density = std::exp(-z * z / 2);
      const double stored = round_to_half(z * deviation);
      square += density * stored * stored;
      weight += density;
    }
    deviation = std::pow(10, gradients[l] - gradients[l + 1]) * std::sqrt(square / weight);
    shares.push_back(deviation == 0 ? 1 : std::erf(std::exp2(-25) / deviation / std::sqrt(2.)));
  }
  return shares;
}

// How many layers down the share passes ½, between two layers by a straight line; NaN if it does not.
double layers_until_half(const std::vector<double>& shares) {
  for (std::size_t i = 1; i < shares.size(); ++i)
    if (shares[i] >= .5) return double(i) + (.5 - shares[i - 1]) / (shares[i] - shares[i - 1]);
  return NAN;
}

std::string power(double exponent) {
  char text[32];
  std::snprintf(text, sizeof text, "loss scale 2^%g", exponent);
  return exponent == 0 ? "no loss scale" : text;
}

void by_depth(Laboratory& lab, const Settings& s, std::vector<Panel>& panels) {
  const auto seeds = lab.seeds(5, 3);
  const auto x = counting(s.depth, 1);
  Panel lost{"lost entries of ∂L/∂x", "layers below the output", "share that half precision loses", 0, {}};
  Panel error{"error of ∂L/∂W", "layers below the output", "relative error", 10, {}};
  struct Case {
    std::string name;
    double exponent;
    bool residual;
  };
  std::vector<Case> cases;
  for (const double exponent : s.scales) cases.push_back({power(exponent), exponent, false});
  cases.push_back({"residual, no loss scale", 0, true});
  std::vector<double> crossings;
  for (std::size_t look = 0; look < cases.size(); ++look) {
    const auto& [name, exponent, residual] = cases[look];
    const auto options = stack_of(s, residual);
    const double scale = std::exp2(exponent);
    const auto runs = lab.over_seeds(name, seeds, [&](auto seed) { return losses(s, options, scale, seed); });
    std::vector<std::vector<double>> shares, errors;
    std::vector<double> halves;
    for (const auto& run : runs) {
      shares.push_back(run.lost);
      errors.push_back(run.log10_error);
      halves.push_back(layers_until_half(run.lost));
    }
    const auto lost_curve = curve(shares);
    lost.series.push_back(measured(name, look, x, lost_curve));
    error.series.push_back(measured(name, look, x, curve(errors)));
    if (residual) {
      lab.verdicts().below("acceptance: residual: largest share lost",
                           *std::max_element(lost_curve.high.begin(), lost_curve.high.end()), 0, .001,
                           "[derived here] the skip path carries 2⁻¹⁰ all the way");
      lab.verdicts().below("residual: error of ∂W in the lowest layer",
                           std::pow(10, curve(errors).mean.back()), std::exp2(-10), .004,
                           "[derived here] rounding, at least half a unit: 2⁻¹¹");
      continue;
    }
    const auto theory = predicted_share(s, scale);
    lost.series.push_back(predicted("prediction, " + name, x, theory));
    if (!std::isfinite(layers_until_half(theory))) continue;  // too shallow for this factor
    if (predict(options).values.back() < std::log10(std::exp2(-14))) {
      lab.note("the states themselves leave the normal range of half precision: no loss scale can help");
      continue;
    }
    crossings.push_back(mean(halves));
    lab.verdicts().within("acceptance: " + name + ": layers until half is lost", crossings.back(),
                          layers_until_half(theory), .5, "[derived here] mean field, Gaussian entries");
  }
  if (!lab.changed()) {
    const double bits = -std::log2(.0557) / 2;
    lab.verdicts().within("acceptance: layers that a loss scale of 2^15 buys",
                          crossings.back() - crossings.front(), 15 / bits, .5,
                          "[derived here] 15 bits; a layer takes log₂(1/.236) = 2.08");
  }
  panels.push_back(lost);
  panels.push_back(error);
}

}  // namespace
}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("mixed-precision", "Half precision loses the small gradients of deep plain networks",
                        "P. Micikevicius et al., arXiv:1710.03740");
  plots::Settings s;
  lab.add_option("--activation", s.activation, "linear, relu, tanh or sigmoid")
      .among(plots::activation_names);
  lab.add_option("--depth", s.depth, "layers").between(2, 1000);
  lab.add_option("--width", s.width, "of each layer").between(2, 4096);
  lab.add_option("--batch", s.batch, "samples").between(1, 4096);
  lab.add_option("--top", s.top, "log₂ of the deviation of the gradient at the output");
  lab.add_option("--scales", s.scales, "up to three loss scales, as powers of 2").expected(1, 3);
  return lab.run(argc, argv, [&] {
    plots::Figure figure{"mixed-precision",
                         "Depth makes gradients too small for half precision",
                         std::to_string(s.depth) + " " + s.activation + " layers of width " +
                             std::to_string(s.width) +
                             "; states, gradients and weights in emulated half precision",
                         {},
                         2};
    figure.same_y = false;
    figure.caption =
        "Plain: x ← φ(W x), Xavier; residual: x ← x + W₂ φ(W₁ x). The gradient at the output has deviation "
        "2⁻¹⁰. "
        "Lost: rounded to 0, at or below 2⁻²⁵, or not finite. Mean and range over the seeds. Below, left: "
        "gradients spread over many "
        "orders of magnitude (log-normal around 2⁻²², deviation 3 in ln). Micikevicius et al. 2017.";
    plots::by_depth(lab, s, figure.panels);
    figure.panels.push_back(plots::scale_panel(lab));
    plots::judge_format(lab.verdicts());
    figure.panels.push_back(plots::master_weight_panel(lab.verdicts()));
    lab.draw(figure);
  });
}
