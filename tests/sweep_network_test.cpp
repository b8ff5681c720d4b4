// The sweep builds its Transformer from branches, wirings and norms: it must be the library's encoder layer.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "../plots/sweep/network.hpp"
#include "xgrad/nn/transformer.hpp"

using namespace xgrad;

BOOST_AUTO_TEST_SUITE(sweep_network_test)

BOOST_AUTO_TEST_CASE(one_layer_is_the_encoder_layer) {
  struct Case {
    const char *wiring, *norm;
    Wiring same;
  };
  for (const auto& [wiring, norm, same] :
       {Case{"plain", "none", NormPlacement::neither}, Case{"plain", "post", NormPlacement::norm_only},
        Case{"residual", "none", NormPlacement::residual_only}, Case{"residual", "pre", NormPlacement::pre},
        Case{"residual", "post", NormPlacement::post}, Case{"scaled", "none", Wiring::scaled_residual(1)},
        Case{"deepnorm", "post", Wiring::deepnorm(1)}})
    BOOST_TEST_CONTEXT(wiring << ", " << norm) {
      plots::sweep::Cell cell;
      cell.architecture = "transformer";
      cell.wiring = wiring;
      cell.norm = norm;
      cell.init = "xavier";
      cell.activation = "gelu";
      cell.depth = 1;
      cell.width = 8;
      cell.heads = 2;
      cell.tokens = 5;
      cell.batch = 3;
      Rng one(1), other(1), input(2);
      plots::sweep::Network network(cell, one);
      TransformerEncoderLayer<double> layer(8, 2, 32, same, Init::xavier_uniform(), other, 0, "gelu");
      const Variable<double> x(input.normal<double>(network.input_shape()));
      const auto a = network.states(x).back().value(), b = layer(x).value();
      for (std::size_t i = 0; i < a.size(); ++i) BOOST_TEST(std::abs(a.data()[i] - b.data()[i]) < 1e-13);
    }
}

BOOST_AUTO_TEST_SUITE_END()
