// Why √d_k, why this schedule, why these positions: the constants of the Transformer, measured.
// A. Vaswani et al., arXiv:1706.03762. The other parts are in attention.cpp and training.cpp.

#include <algorithm>
#include <cmath>

#include "parts.hpp"
#include "xgrad/nn/transformer.hpp"

namespace plots {
namespace {

// ⟨PE_p, PE_{p+k}⟩ = Σᵢ cos(k ωᵢ): it depends on the distance only, so the Gram matrix is Toeplitz.
Panel position_panel(Laboratory& lab, const Sizes& n) {
  Panel panel{"sinusoidal positions", "distance k", "⟨PE_p, PE_p+k⟩ / (d/2)", 0, {}};
  const xgrad::Variable<double> pe(xgrad::sinusoidal_encoding<double>(n.positions, n.d));
  const auto gram = matmul(pe, xgrad::swap_axes(pe, 0, 1)).value();
  const double half = double(n.d) / 2;
  double uneven = 0, norm = 0, wrong = 0;
  Series theory{"", {}, {}, {}, {}, Kind::predicted};
  for (std::size_t k = 0; k < n.positions; ++k) {
    double sum = 0;
    for (std::size_t i = 0; i < n.d / 2; ++i) sum += std::cos(double(k) * std::pow(1e4, -double(i) / half));
    theory.x.push_back(double(k));
    theory.y.push_back(sum / half);
    for (std::size_t p = 0; p + k < n.positions; ++p) {
      uneven = std::max(uneven, std::abs(gram(p, p + k) - gram(0, k)));
      wrong = std::max(wrong, std::abs(gram(p, p + k) - sum));
    }
    norm = std::max(norm, std::abs(gram(k, k) - half));
  }
  for (std::size_t start : {std::size_t(0), n.positions / 2}) {
    Series products{start == 0 ? "from position 0" : "from the middle", {}, {}};
    products.look = start == 0 ? 1 : 4;
    for (std::size_t k = 0; start + k < n.positions; ++k) {
      products.x.push_back(double(k));
      products.y.push_back(gram(start, start + k) / half);
    }
    panel.series.push_back(products);
  }
  panel.series.push_back(theory);
  const double exact = 1e-12 * half / 256 * std::max(1., double(n.positions) / 100);  // angles lose digits
  lab.verdicts().below("acceptance: positions: error of ‖PE‖² = d/2", norm, 0, exact,
                       "[derived here] sin² + cos²");
  lab.verdicts().below("acceptance: positions: Gram matrix, departure from Toeplitz", uneven, 0, exact,
                       "[derived here] cos a cos b + sin a sin b");
  lab.verdicts().below("positions: error of Σ cos(kω)", wrong, 0, 4 * exact, "[derived here]");
  if (!lab.changed()) {
    const std::pair<std::size_t, double> reference[] = {
        {1, 249.102097827363}, {5, 189.59666768102988}, {20, 157.57398443375}};
    for (const auto& [k, value] : reference)
      lab.verdicts().ratio("oracle: ⟨PE₀, PE_" + std::to_string(k) + "⟩", gram(0, k), value, 1e-10,
                           "NumPy reference");
  }
  return panel;
}

}  // namespace
}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("vaswani", "Without 1/√d_k no gradient passes the softmax of wide heads",
                        "A. Vaswani et al., arXiv:1706.03762");
  plots::Sizes n;
  lab.add_option("--d", n.d, "width of the model, even").between(2, 4096);
  lab.add_option("--warm-up", n.warm_up, "steps of warm-up").between(2, 100000);
  lab.add_option("--positions", n.positions, "how many").between(4, 2000);
  lab.add_option("--classes", n.classes, "for label smoothing").between(2, 100000);
  lab.add_option("--keys", n.keys, "of one query").between(2, 1000);
  return lab.run(argc, argv, [&] {
    if (n.d % 2) xgrad::fail("vaswani", "d is ", n.d, ": half of it are sines, it must be even");
    plots::Figure figure{"vaswani",
                         "The constants of the Transformer",
                         "random queries and keys of variance 1; schedule and positions as published",
                         {},
                         2};
    figure.same_y = false;
    figure.prediction = "closed form";
    figure.caption = "Top left: Frobenius norm of the Jacobian of softmax over " + std::to_string(n.keys) +
                     " keys, median over draws, mean and range over seeds; dashed: the two largest scores "
                     "alone. Top right: 16 keys "
                     "(experiment E32). Below: d = " +
                     std::to_string(n.d) + ", " + std::to_string(n.warm_up) +
                     " steps of warm-up. Vaswani et al. 2017.";
    figure.panels = {plots::jacobian_panel(lab, n), plots::weight_panel(lab)};
    figure.panels.push_back(plots::schedule_panel(lab, n));
    plots::judge_adam(lab);
    plots::judge_label_smoothing(lab, n);
    plots::judge_dropout(lab);
    figure.panels.push_back(plots::position_panel(lab, n));
    lab.draw(figure);
  });
}
