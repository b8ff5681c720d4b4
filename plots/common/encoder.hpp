#pragma once
// Deep Transformer encoders at initialisation, wired in eight ways, and the gradients in them.

#include <cstdint>
#include <string>
#include <vector>

#include "xgrad/nn/transformer.hpp"

namespace plots {

/// A wiring with its name and its look in figures: open markers are the remedy of the filled ones of the same
/// colour.
struct EncoderWiring {
  std::string name;
  xgrad::Wiring wiring;
  bool final_norm;  ///< LN after the last layer
  std::size_t look;
  bool hollow;
};

/// No skip, skip, Post-LN and Pre-LN; and each with its remedy: LN, 1/√(2L), DeepNorm, 1/√(2L).
std::vector<EncoderWiring> eight_wirings(std::size_t depth);
/// The one of them called `name`.
EncoderWiring wiring_named(const std::string& name, std::size_t depth);

struct EncoderOptions {
  std::size_t depth = 24, width = 64, heads = 4, tokens = 16, batch = 4;
  bool causal = false;
  std::string init = "xavier_normal";  ///< as xgrad::Init
};

/// One encoder; logarithms to base 10, one number for each of the layers 0…L-1.
struct EncoderMeasurement {
  std::vector<double> states;  ///< ‖∂L/∂x‖ at the layer's input x
  std::vector<double> sizes;   ///< RMS of that input
  std::vector<double> query;   ///< ‖∂L/∂W_Q‖
  std::vector<double> value;   ///< ‖∂L/∂W_V‖
  std::vector<double>
      query_share;  ///< ‖∂L/∂W_Q‖ / ‖∂L/∂W_V‖ as predicted from the attention's input (and β of W_V)
};

/// Draws standard normal tokens, weights (feed-forward width 4d) and random labels from `seed`; one pass
/// forward to a cross-entropy over d classes and one backward.
EncoderMeasurement measure(const EncoderOptions& options, const EncoderWiring& wiring, std::uint64_t seed);

/// Makes W_O the identity: the attention of papers that write it with W_V alone.
void merge_output(xgrad::MultiHeadAttention<double>& attention);

/// `what` of every measurement.
std::vector<std::vector<double>> all(const std::vector<EncoderMeasurement>& runs,
                                     std::vector<double> EncoderMeasurement::*what);

}  // namespace plots
