// Which changes of weights and data does a normalisation not see, and what does that do to gradients?
// J. Ba, J. Kiros & G. Hinton, arXiv:1607.06450, Table 1; weight normalisation: T. Salimans & D. Kingma,
// arXiv:1602.07868. No ε and no bias before the normalisation, as in the table.

#include <algorithm>
#include <cmath>

#include "parts.hpp"
#include "xgrad/ops/ops.hpp"

namespace plots {
namespace {

using xgrad::Array, xgrad::Rng, xgrad::Variable;
using V = Variable<double>;

enum class Method { batch, weight, layer };
struct Row {
  Method method;
  std::string name;
  bool invariant[6];
};
// Table 1: the weight matrix re-scaled and re-centred, one weight vector re-scaled, the data re-scaled and
// re-centred, a single case re-scaled.
const Row table[] = {{Method::batch, "batch norm", {true, false, true, true, true, false}},
                     {Method::weight, "weight norm", {true, false, true, false, false, false}},
                     {Method::layer, "layer norm", {true, true, false, true, false, true}}};

// g ⊙ normalised(W x) + b: x (batch, in), W (out, in).
V layer(Method method, const V& x, const V& w, const V& g, const V& b) {
  if (method == Method::batch) return xgrad::batch_norm(linear(x, w), g, b, 0).y;
  if (method == Method::layer) return xgrad::layer_norm(linear(x, w), g, b, {0});
  return g * linear(x, w / sqrt(sum(w * w, {-1}, true))) + b;
}

// `array` with its row i multiplied by `factor`.
Array<double> row_scaled(Array<double> array, std::size_t i, double factor) {
  const std::size_t columns = array.shape(1);
  std::for_each_n(array.data() + i * columns, columns, [&](double& entry) { entry *= factor; });
  return array;
}

// The largest change of the output for each method (rows) and each of the six changes.
std::vector<std::vector<double>> changes(const Sizes& n, std::uint64_t seed) {
  Rng rng(seed);
  const V x(rng.normal<double>({n.batch, n.in})), w(rng.normal<double>({n.out, n.in}));
  const V g(rng.uniform<double>({n.out}, .5, 1.5)), b(rng.normal<double>({n.out}));
  const V all_rows(rng.normal<double>({1, n.in})), all_cases(rng.normal<double>({1, n.in}));
  const std::pair<V, V> changed[6] = {{x, 3.7 * w}, {x, w + all_rows},  {x, row_scaled(w.value(), 3, 2.5)},
                                      {2.2 * x, w}, {x + all_cases, w}, {row_scaled(x.value(), 5, 1.9), w}};
  std::vector<std::vector<double>> result;
  for (const auto& row : table) {
    result.emplace_back();
    for (const auto& [data, weight] : changed) {
      const auto difference = abs(layer(row.method, data, weight, g, b) - layer(row.method, x, w, g, b));
      result.back().push_back(max(difference).item());
    }
  }
  return result;
}

Panel table_panel(Laboratory& lab, const Sizes& n) {
  Panel panel{"change of the output", "kind of change, 1 … 6 (below)", "largest change", 10, {}};
  const auto runs = lab.over_seeds("table", lab.seeds(5, 3), [&](auto seed) { return changes(n, seed); });
  std::vector<double> seen;
  for (std::size_t m = 0; m < 3; ++m) {
    Series points{table[m].name, {.4, 6.6}, {NAN, NAN}};  // air on both sides
    points.look = m;
    double invariant = 0, other = INFINITY;
    for (std::size_t k = 0; k < 6; ++k) {
      double low = INFINITY, high = 0;
      for (const auto& run : runs) {
        low = std::min(low, run[m][k]);
        high = std::max(high, run[m][k]);
        if (!table[m].invariant[k]) seen.push_back(run[m][k]);
      }
      if (table[m].invariant[k]) {
        invariant = std::max(invariant, high);
      } else {
        other = std::min(other, low);
      }
      const double shift = .16 * (double(m) - 1);
      for (const double y : {std::log10(std::max(high, floor_of_picture)), double(NAN)}) {  // NaN: no line
        points.x.push_back(double(k + 1) + shift);
        points.y.push_back(y);
      }
    }
    panel.series.push_back(points);
    lab.verdicts().below("acceptance: " + table[m].name + ", largest change where invariant", invariant, 0,
                         1e-12, "[published] Ba et al. 2016, Table 1");
    lab.verdicts().above("acceptance: " + table[m].name + ", smallest change where not", other, .01, .01,
                         "[published] Ba et al. 2016, Table 1");
  }
  double rescaled = 0;
  for (const auto& run : runs) rescaled = std::max(rescaled, run[2][0]);
  lab.verdicts().below("acceptance: E3 largest |LN(αWx) - LN(Wx)|, α = 3.7", rescaled, 0, 1e-10,
                       "[published] Ba et al. 2016, Table 1");
  if (!lab.changed())
    lab.verdicts().between("oracle: median change where not invariant", median(seen), 2.5, 1, 5.5,
                           "NumPy reference, other random numbers: 1.0 to 5.5");
  panel.x_ticks = {1, 2, 3, 4, 5, 6};
  return panel;
}

}  // namespace
}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("layernorm-invariances",
                        "What normalisations do not see, and what LN does to gradients",
                        "J. Ba, J. Kiros & G. Hinton, arXiv:1607.06450");
  plots::Sizes n;
  lab.add_option("--batch", n.batch, "cases").between(8, 4096);
  lab.add_option("--inputs", n.in, "columns of W").between(2, 4096);
  lab.add_option("--outputs", n.out, "rows of W: what is normalised").between(5, 4096);
  lab.add_option("--features", n.features, "length of the vector of the Jacobian").between(3, 500);
  return lab.run(argc, argv, [&] {
    plots::Figure figure{
        "layernorm-invariances",
        "What layer normalisation does not see",
        "random matrices and data, in double: outputs, Jacobian, weight gradients, variances",
        {},
        2};
    figure.same_y = false;
    figure.prediction = "closed form";
    figure.caption =
        "Kinds of change: 1 all of W re-scaled, 2 re-centred (one vector added to each row), 3 one row of W "
        "re-scaled, 4 all data re-scaled, 5 re-centred, 6 a single case re-scaled. 10⁻¹⁷ stands for an exact "
        "0. "
        "s = √(σ² + ε). Ba, Kiros & Hinton 2016, Table 1.";
    figure.panels = {plots::table_panel(lab, n), plots::jacobian_panel(lab, n)};
    plots::judge_gradient(lab, n);
    figure.panels.push_back(plots::weight_panel(lab, n));
    figure.panels.push_back(plots::variance_panel());
    plots::judge_vectors(lab);
    lab.draw(figure);
  });
}
