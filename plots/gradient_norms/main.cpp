// Gradient norms across depth for any choice of wiring, normalisation, activation and initialisation of a
// stack of layers, measured on real networks and judged against theory. Without a selection it draws two
// figures of its page.

#include "figures.hpp"

#include <algorithm>
#include <stdexcept>

int main(int argc, char** argv) {
  plots::Laboratory lab(
      "gradient-norms", "Gradients across depth: with and without residual connections and normalisation",
      "K. He et al., arXiv:1512.03385; mean-field theory: B. Poole et al., arXiv:1606.05340");
  plots::StackSettings settings(lab);
  plots::Selection selection;
  const auto select = [&](const std::string& flag, auto& into, const std::string& help) {
    return lab.add_option(flag, into, help).group("Select networks: one curve for each combination");
  };
  select("--depth", selection.depths, "Numbers of layers [50]").between(1, 100000);
  select("--wiring", selection.wirings, "Wirings [plain,residual]").among(plots::wiring_names);
  select("--norm", selection.norms, "Where layer normalisation stands [none]").among(plots::norm_names);
  select("--activation", selection.activations, "Activations [relu]").among(plots::activation_names);
  select("--init", selection.inits, "Initialisations [default]").among(plots::init_names);

  std::vector<std::string> figures;
  const auto chosen = lab.add_option("--figure", figures, "Figures of the page to draw [both]")
                          .among({"plain-against-residual", "norm-placement"});

  return lab.run(argc, argv, [&] {
    if (selection.made() && chosen.given())
      throw std::runtime_error("--figure draws a figure of the page; it cannot be combined with a selection");
    const auto wanted = [&](const char* name) {
      return figures.empty() || std::find(figures.begin(), figures.end(), name) != figures.end();
    };
    if (selection.made()) {
      selected(settings, selection.completed());
    } else {
      if (wanted("plain-against-residual")) plain_against_residual(settings);
      if (wanted("norm-placement")) norm_placement(settings);
    }
  });
}
