// What residual connections and layer normalisation cost, and what they let run in parallel (experiments E7
// and E9 of the documents' claims). K. He et al., arXiv:1512.03385; J. Ba et al., arXiv:1607.06450.

#include "parts.hpp"

namespace plots {

const std::vector<Variant> variants = {{{false, false}, "plain", 0},
                                       {{true, false}, "residual", 1},
                                       {{false, true}, "LN", 4},
                                       {{true, true}, "residual + LN", 2}};

xgrad::Sequential<double> make_blocks(const Variant& variant, std::size_t blocks, std::size_t width,
                                      xgrad::Rng& rng) {
  xgrad::Sequential<double> stack;
  for (std::size_t i = 0; i < blocks; ++i)
    stack.add(xgrad::SwitchedBlock<double>(
        xgrad::Sequential<double>{xgrad::Linear<double>(width, width, xgrad::Init::he_normal(), rng),
                                  xgrad::activation<double>("relu")},
        width, variant.switches));
  return stack;
}

}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("claims-cost", "Residual connections and LN cost a little, and save nothing",
                        "experiments E7 and E9; He et al., arXiv:1512.03385; Ba et al., arXiv:1607.06450");
  plots::Settings s;
  lab.add_option("--batch", s.batch, "rows; from 256 on all memory is counted").between(256, 65536);
  lab.add_option("--blocks", s.blocks, "blocks").between(1, 1000);
  lab.add_option("--widths", s.widths, "their widths d").between(1, 4096);
  return lab.run(argc, argv, [&] {
    plots::Figure figure{"claims-cost",
                         "Residual connections and LN cost a little, and save nothing",
                         "blocks x + relu(W LN(x) + b), with and without the two; counted on the tape",
                         {},
                         2};
    figure.same_y = false;
    figure.prediction = "closed form";
    figure.caption =
        "Per row, a product costs 2d², the add d, LN 8d operations. Kept: all outputs of ops, and two "
        "numbers a row for "
        "LN, in units of a row. The longest chain is the time that any number of processors would need. "
        "Experiments E7 and E9 of the documents' claims.";
    plots::cost_panels(lab, s, figure.panels);
    figure.panels.push_back(plots::path_panel(lab, s));
    plots::judge_independence(lab);
    lab.draw(figure);
  });
}
