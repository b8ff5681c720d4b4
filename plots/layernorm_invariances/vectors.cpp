// What layer normalisation does to single vectors (experiment E28).

#include <algorithm>
#include <cmath>

#include "parts.hpp"
#include "xgrad/ops/ops.hpp"

namespace plots {
namespace {

using xgrad::Array, xgrad::Variable;
using V = Variable<double>;

const std::string exact = "[derived here] closed form";

V normalised(const V& x, double eps = 0) { return xgrad::layer_norm<double>(x, {}, {}, {eps}); }

struct Example {
  Array<double> y, dx;
};

// y = LN(x) and dx for the loss Σ w y.
Example example(const Array<double>& x, const Array<double>& w, double eps) {
  xgrad::Tape<double> tape;
  const auto input = xgrad::parameter(x);
  const V y = normalised(input, eps);
  tape.backward(y, w);
  return {y.value(), input.grad()};
}

double largest_difference(const Array<double>& a, const Array<double>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(a(i) - b(i));
    if (std::isnan(difference)) return NAN;
    largest = std::max(largest, difference);
  }
  return largest;
}

double moment(const Array<double>& x, int power) {
  const std::vector<double> entries(x.begin(), x.end());
  std::vector<double> powers;
  for (const double entry : entries) powers.push_back(std::pow(entry - mean(entries), power));
  return mean(powers);
}

double skewness(const Array<double>& x) { return moment(x, 3) / std::pow(moment(x, 2), 1.5); }
double kurtosis(const Array<double>& x) { return moment(x, 4) / std::pow(moment(x, 2), 2); }

// x = (1, 2, 3, 4), w = (1, -1, 2, ½): x̂ = (-3, -1, 1, 3)/√5 and dx = (12, -31, 26, -7)/(10√5).
void four_numbers(Verdicts& verdicts) {
  const double root = std::sqrt(5.);
  const auto [y, dx] = example({1, 2, 3, 4}, {1, -1, 2, .5}, 0);
  verdicts.below("acceptance: E28 LN of (1,2,3,4), ε=0: error of x̂",
                 largest_difference(y, {-3 / root, -1 / root, 1 / root, 3 / root}), 0, 1e-12, exact);
  verdicts.below("acceptance: E28 LN of (1,2,3,4), ε=0: error of dx",
                 largest_difference(dx, {1.2 / root, -3.1 / root, 2.6 / root, -.7 / root}), 0, 1e-12, exact);
}

void degenerate(Verdicts& verdicts) {
  for (const double eps : {1e-5, 1e-8}) {
    const auto [y, dx] = example({5, 5, 5}, {1, 0, 0}, eps);
    verdicts.ratio("acceptance: E28 constant row, ε=" + std::string(eps < 1e-6 ? "1e-8" : "1e-5") + ": dx₁",
                   dx(0), 2 / (3 * std::sqrt(eps)), 1e-9, "[derived here] (w - mean w)/√ε");
    verdicts.below("acceptance: E28 constant row: largest |x̂|", largest_difference(y, {0, 0, 0}), 0, 1e-12,
                   exact);
  }
  const auto without = example({5, 5, 5}, {1, 0, 0}, 0);
  const auto count_nan = [](const Array<double>& a) {
    return double(std::count_if(a.begin(), a.end(), [](double entry) { return std::isnan(entry); }));
  };
  verdicts.within("acceptance: E28 constant row, ε=0: NaNs in x̂ and dx",
                  count_nan(without.y) + count_nan(without.dx), 6, 0, "[derived here] 0/0");
  verdicts.within("acceptance: E28 one feature: LN(7)", normalised(V(Array<double>{7}), 1e-5).value()(0), 0,
                  0, exact);
}

void shape_of_a_distribution(Verdicts& verdicts) {
  const Array<double> x{1, 2, 3, 10};
  const auto y = normalised(V(x)).value();
  verdicts.within("acceptance: E28 skewness after LN of (1,2,3,10)", skewness(y), skewness(x), 1e-12,
                  "[derived here] that before: LN is affine in a row");
  verdicts.within("acceptance: E28 kurtosis after LN of (1,2,3,10)", kurtosis(y), kurtosis(x), 1e-12,
                  "[derived here] that before");
  const auto dominated = normalised(V(Array<double>{1000, 2, 3, 4})).value();
  verdicts.within("acceptance: E28 largest of LN(1000,2,3,4)", dominated(0), 2991 / std::sqrt(2982035.),
                  1e-12, exact);
  verdicts.below("E28 range of the other three", dominated(3) - dominated(1), 8 / std::sqrt(2982035.), .01,
                 "[derived here] one large feature leaves the others alike");
  const auto raised = normalised(V(Array<double>{1, 1.01, .99})).value();
  verdicts.within("acceptance: E28 variance of LN(1, 1.01, 0.99)", moment(raised, 2), 1, 1e-12,
                  "[derived here] LN raises a small variance");
}

// LN(ax + b) = LN(x) for a > 0, and = -LN(x) for a < 0.
void affine_changes(Laboratory& lab) {
  double same = 0, opposite = 0;
  for (const auto seed : lab.seeds(5, 3)) {
    xgrad::Rng rng(seed);
    const auto x = rng.normal<double>({64});
    const V y = normalised(V(x));
    for (const double a : {.01, .5, 30.})
      for (const double b : {-7., 0., 2.}) {
        const auto changed = [&](double factor) { return normalised(factor * V(x) + V(b)); };
        same = std::max(same, largest_difference(changed(a).value(), y.value()));
        opposite = std::max(opposite, largest_difference(changed(-a).value(), (-y).value()));
      }
  }
  lab.verdicts().below("acceptance: E28 largest |LN(ax+b) - LN(x)|, a > 0", same, 0, 1e-12, exact);
  lab.verdicts().below("E28 largest |LN(ax+b) + LN(x)|, a < 0", opposite, 0, 1e-12, exact);
}

}  // namespace

void judge_vectors(Laboratory& lab) {
  four_numbers(lab.verdicts());
  degenerate(lab.verdicts());
  shape_of_a_distribution(lab.verdicts());
  affine_changes(lab);
}

Panel variance_panel() {
  Panel panel{"variance of LN(x)", "log₁₀ of the deviation σ of x", "variance after LN", 10, {}};
  struct Epsilon {
    double eps;
    const char* name;
    std::size_t look;
    bool hollow;
  };
  for (const auto& [eps, name, look, hollow] :
       {Epsilon{1e-3, "ε = 10⁻³", 3, false}, {1e-5, "ε = 10⁻⁵", 4, false}, {1e-8, "ε = 10⁻⁸", 1, true}}) {
    Series after{name, {}, {}}, theory{name, {}, {}, {}, {}, Kind::predicted};
    after.look = look;
    after.hollow = hollow;
    for (double exponent = -6; exponent <= 2; exponent += .5) {
      const double s = std::pow(10, exponent), root = std::sqrt(1.5);  // σ of (1, 2, 3) is √(2/3)
      const auto y = normalised(V(Array<double>{-s * root, 0, s * root}), eps).value();
      after.x.push_back(exponent);
      after.y.push_back(std::log10(moment(y, 2)));
      theory.x.push_back(exponent);
      theory.y.push_back(std::log10(s * s / (s * s + eps)));
    }
    panel.series.push_back(after);
    panel.series.push_back(theory);
  }
  return panel;
}

}  // namespace plots
