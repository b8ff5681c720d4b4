// The number of heads: what it changes, and what not.
#include <iomanip>

#include "translator.hpp"

void number_of_heads() {
  show::section("More heads");
  std::vector<show::Result> results;
  std::cout << "heads    parameters    exact on held-out\n";
  for (const std::size_t heads : {1, 2, 4, 8}) {
    const Runs found = runs(1, NormPlacement::post, heads);
    const auto name = std::to_string(heads) + (heads == 1 ? " head" : " heads");
    std::cout << std::setw(5) << heads << std::setw(14) << found.parameters << "    "
              << show::text(found.unseen, 3) << '\n';
    results.push_back(show::equals("parameters, " + name, double(found.parameters), 33517));
    results.push_back(show::reported("exact match, held out, " + name, found.unseen));
  }
  show::experiment(
      {"E27", "the number of heads changes no number of parameters; accuracy reported", results});
}
