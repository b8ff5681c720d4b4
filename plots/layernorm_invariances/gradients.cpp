// The Jacobian of layer normalisation, and the gradients of the weights before it.

#include <algorithm>
#include <cmath>

#include "parts.hpp"
#include "xgrad/ops/ops.hpp"
#include "xgrad/probe/jacobian.hpp"

namespace plots {

using xgrad::Rng;
using V = xgrad::Variable<double>;

namespace {

struct WeightGradient {
  double norm, radial;  // ‖∂W‖ and ⟨W, ∂W⟩/(‖W‖ ‖∂W‖)
};
WeightGradient weight_gradient(const Sizes& n, std::uint64_t seed, double scale, bool norm, double eps) {
  Rng rng(seed);
  const V x(rng.normal<double>({n.batch, n.in})),
      w(V(rng.normal<double>({n.out, n.in}) * scale).value(), true);
  xgrad::Tape<double> tape;
  const V y = linear(x, w);
  tape.backward(norm ? xgrad::layer_norm<double>(y, {}, {}, {eps}) : y, rng.normal<double>({n.batch, n.out}));
  const V g(w.grad()), value(w.value());
  const double size = std::sqrt(sum(g * g).item());
  return {size, sum(g * value).item() / (size * std::sqrt(sum(value * value).item()))};
}

}  // namespace

Panel jacobian_panel(Laboratory& lab, const Sizes& n) {
  Panel panel{"Jacobian of LN at one x", "number of the singular value", "singular value × s", 10, {}};
  std::size_t look = 2;
  for (const double eps : {0., 1e-3}) {
    Series values{eps == 0 ? "ε = 0" : "ε = 10⁻³", {}, {}};
    values.look = look++;
    double ones = 0, zeros = 0, along_x = 0, along_1 = 0, radial = 0;
    const auto seeds = lab.seeds(5, 3);
    for (const auto seed : seeds) {
      Rng rng(seed);
      const auto x = rng.normal<double>({n.features});
      const auto f = [&](const V& v) { return xgrad::layer_norm<double>(v, {}, {}, {eps}); };
      const V j(xgrad::jacobian(f, x));
      const double s = std::sqrt(variance(V(x)).item() + eps);
      auto singular = xgrad::singular_values(j.value());
      for (double& value : singular) value *= s;
      for (std::size_t i = 0; i + 2 < singular.size(); ++i) ones = std::max(ones, std::abs(singular[i] - 1));
      zeros += double(std::count_if(singular.begin(), singular.end(), [](double v) { return v < 1e-12; }));
      const auto largest = [&](const V& direction) {
        return max(abs(matmul(j, reshape(direction, {-1, 1})))).item();
      };
      along_1 = std::max(along_1, largest(xgrad::full<double>({n.features}, 1)));
      along_x = std::max(along_x, largest(V(x) - mean(V(x))));
      radial = std::max(radial, std::abs(singular[n.features - 2] - eps / (s * s)));
      if (seed != seeds.front()) continue;
      values.x = counting(singular.size(), 1);
      for (const double value : singular) values.y.push_back(std::log10(std::max(value, floor_of_picture)));
    }
    panel.series.push_back(values);
    auto& verdicts = lab.verdicts();
    if (eps > 0) {
      verdicts.below("ε=10⁻³: singular value along x̂, error of ε/s²", radial, 0, 1e-12, "[derived here]");
      continue;
    }
    verdicts.within("acceptance: singular values that are 0", zeros / double(seeds.size()), 2, 0,
                    "[derived here] the directions 1 and x");
    verdicts.below("acceptance: the others, times σ: distance from 1", ones, 0, 1e-12, "[derived here]");
    verdicts.below("acceptance: largest |J 1|", along_1, 0, 1e-12, "[derived here] oracle: 4e-16");
    verdicts.below("acceptance: largest |J (x - mean)|", along_x, 0, 1e-12, "[derived here] oracle: 1e-15");
  }
  return panel;
}

void judge_gradient(Laboratory& lab, const Sizes& n) {
  double error = 0;
  for (const auto seed : lab.seeds(5, 3)) {
    Rng rng(seed);
    const V x(rng.normal<double>({n.batch, n.features}), true), gamma(rng.normal<double>({n.features}));
    const V dy(rng.normal<double>({n.batch, n.features}));
    xgrad::Tape<double> tape;
    tape.backward(xgrad::layer_norm<double>(x, gamma, {}, {0}), dy.value());
    const xgrad::NoGrad formula_only;
    const V sigma = sqrt(variance(x, {-1}, true)), normalised = (x - mean(x, {-1}, true)) / sigma;
    const V d = gamma * dy;
    const V dx = (d - mean(d, {-1}, true) - normalised * mean(d * normalised, {-1}, true)) / sigma;
    error = std::max(error, max(abs(dx - V(x.grad()))).item());
  }
  lab.verdicts().below("acceptance: error of the gradient formula", error, 0, 1e-12, "[derived here]");
}

Panel weight_panel(Laboratory& lab, const Sizes& n) {
  Panel panel{"gradient of W when W grows", "log₁₀ of the factor on W", "‖∂W‖, W × 1: 1", 10, {}};
  const auto seeds = lab.seeds(5, 3);
  struct Case {
    const char* name;
    bool norm;
    double eps;
    std::size_t look;
  };
  for (const auto& [name, norm, eps, look] :
       {Case{"no norm", false, 0, 5}, {"ε = 0", true, 0, 2}, {"ε = 10⁻³", true, 1e-3, 3}}) {
    const auto x = counting(13, -3);
    std::vector<double> exponents;
    for (const double i : x) exponents.push_back((i + 3) / 2 - 3);
    const auto runs = lab.over_seeds("", seeds, [&, norm = norm, eps = eps](auto seed) {
      const double one = weight_gradient(n, seed, 1, norm, eps).norm;
      std::vector<double> logs;
      for (const double e : exponents)
        logs.push_back(std::log10(weight_gradient(n, seed, std::pow(10, e), norm, eps).norm / one));
      return logs;
    });
    panel.series.push_back(measured(name, look, exponents, curve(runs)));
  }
  std::vector<double> ends = {-3, 3}, inverse = {3, -3};
  panel.series.push_back(predicted("1/scale", ends, inverse));
  double ratio = .1, radial = 0;
  for (const auto seed : seeds) {
    const double tenfold =
        weight_gradient(n, seed, 10, true, 0).norm / weight_gradient(n, seed, 1, true, 0).norm;
    ratio = std::abs(tenfold - .1) > std::abs(ratio - .1) ? tenfold : ratio;
    radial = std::max(radial, std::abs(weight_gradient(n, seed, 1, true, 0).radial));
  }
  lab.verdicts().ratio("acceptance: E3 W → 10 W: ‖∂W‖ is multiplied by", ratio, .1, 1e-10, "[derived here]");
  lab.verdicts().below("acceptance: E3 |cos(W, ∂W)|, largest", radial, 0, 1e-10,
                       "[derived here] ⟨W, ∂W⟩ = 0");
  return panel;
}

}  // namespace plots
