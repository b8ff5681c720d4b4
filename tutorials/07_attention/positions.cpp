// Order: attention does not know it, and positions tell it.
#include "sections.hpp"

namespace {

A with_rows(const A& x, const std::vector<std::size_t>& order) {
  auto result = empty<double>(shape_of(x));
  for (std::size_t i = 0; i < order.size(); ++i)
    for (std::size_t j = 0; j < x.shape()[1]; ++j) result(i, j) = x(order[i], j);
  return result;
}

}  // namespace

void positions() {
  show::section("Order and positions");
  const auto w = example_weights();
  const std::vector<std::size_t> order{2, 0, 1};
  // [equivariance]
  const auto difference = [&](const A& added) {
    const V x = x0, moved = with_rows(x0, order), p = added;
    return largest_difference(multi_head(moved + p, w, 2).value(),
                              with_rows(multi_head(x + p, w, 2).value(), order));
  };
  const double without = difference(zeros<double>({3, 4}));
  const double with = difference(sinusoidal_encoding<double>(3, 4));
  // [/equivariance]
  show::expect_true("without positions, tokens in another order give the same rows in that order (to 1e-14)",
                    without < 1e-14);
  std::cout << "with positions the rows differ by up to " << show::text(with, 4) << '\n';
  show::expect("PE, positions 0 to 3, d = 4", sinusoidal_encoding<double>(4, 4),
               {0, 1, 0, 1, .8414709848, .5403023059, .009999833334, .9999500004, .9092974268, -.4161468365,
                .01999866669, .9998000067, .1411200081, -.9899924966, .0299955002, .9995500337},
               1e-9, 4);
  const V pe = sinusoidal_encoding<double>(100, 64);
  const A gram = matmul(pe, transpose(pe)).value();
  double spread = 0;
  for (std::size_t lag = 0; lag < 100; ++lag)
    for (std::size_t p = 0; p + lag < 100; ++p)
      spread = std::max(spread, std::abs(gram(p, p + lag) - gram(0, lag)));
  show::expect("‖PE‖² of any position, d / 2 for d = 64", gram(0, 0), 32);
  show::expect_true("the product of two rows depends on their distance only (to 1e-12)", spread < 1e-12);
  std::cout << "rows at distance 0, 1, 5, 20: "
            << show::text({gram(0, 0), gram(0, 1), gram(0, 5), gram(0, 20)}, 4) << '\n';
}
