#pragma once
// The block net of the documents' claims (E1 to E5): six ways to wire a = W h + b, ReLU (or another φ),
// residual add and normalisation.

#include <string>
#include <vector>

#include "xgrad/nn/norms.hpp"

namespace plots {

enum class Block {
  plain,  ///< φ(a)
  res,    ///< h + φ(a)
  ln,     ///< φ(LN(a))
  bn,     ///< φ(BN(a))
  post,   ///< LN(h + φ(a))
  pre     ///< h + φ(W LN(h) + b)
};

struct BlockName {
  Block block;
  std::string name;
  std::size_t look;  ///< in figures
};
/// All six, in this order.
extern const std::vector<BlockName> block_names;

struct BlockOptions {
  std::size_t width = 32;
  double gain = 1;  ///< W ~ N(0, gain²/width), b = 0
  std::string activation = "relu";
  xgrad::Bias bias = xgrad::Bias::yes;
};

/// One block, width → width.
template <class T>
xgrad::Sequential<T> make_block(Block block, const BlockOptions& options, xgrad::Rng& rng);

/// in → width, ReLU, `depth` blocks, a last LN for `pre`, width → out. The first and last layers have
/// PyTorch's default initialisation.
template <class T>
xgrad::Sequential<T> block_net(Block block, std::size_t in, std::size_t depth, std::size_t out,
                               const BlockOptions& options, xgrad::Rng& rng);

}  // namespace plots
