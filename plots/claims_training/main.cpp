// What wiring and normalisation do to a training: steps by depth and by initialisation, drift of a layer's
// input, and the gap between training and test (experiments E2 to E5 of the documents' claims).
// K. He et al., arXiv:1512.03385; J. Ba et al., arXiv:1607.06450; S. Santurkar et al., arXiv:1805.11604.

#include "parts.hpp"

int main(int argc, char** argv) {
  plots::Laboratory lab("claims-training",
                        "Residual and LN together train at depths where each alone does not",
                        "experiments E2 to E5; He et al., arXiv:1512.03385; Ba et al., arXiv:1607.06450");
  plots::Settings s;
  lab.add_option("--rate", s.rate, "of Adam on the spiral");
  lab.add_option("--limit", s.limit, "steps at most").between(2, 100000);
  lab.add_option("--target", s.target, "the loss to reach");
  lab.add_option("--width", s.width, "of each block on the spiral").between(2, 1024);
  return lab.run(argc, argv, [&] {
    if (lab.quick()) s.limit = 120;
    plots::Figure figure{"claims-training",
                         "What residual connections and layer normalisation do to a training",
                         "spiral of 256 points, 500 small digits, Adam; bands: fastest and slowest seed",
                         {},
                         2};
    figure.same_y = false;
    figure.caption =
        "E2 and E3: median number of steps until the loss is " + std::to_string(s.target).substr(0, 4) +
        "; " + std::to_string(s.limit + 1) +
        " means never. E4: mean over the units of |mean now - mean at the start|, over the deviation "
        "at the start. E5: 1 plain, 2 residual, 3 LN, 4 BN, 5 Post-LN, 6 Pre-LN.";
    figure.panels = {plots::depth_panel(lab, s), plots::gain_panel(lab, s), plots::drift_panel(lab, s),
                     plots::gap_panel(lab)};
    lab.draw(figure);
  });
}
