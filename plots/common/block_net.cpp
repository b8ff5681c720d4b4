#include "block_net.hpp"

#include <cmath>

namespace plots {

using xgrad::LayerNorm, xgrad::Linear, xgrad::Residual, xgrad::Rng, xgrad::Sequential;

const std::vector<BlockName> block_names = {{Block::plain, "plain", 0},  {Block::res, "residual", 1},
                                            {Block::ln, "LN", 4},        {Block::bn, "BN", 3},
                                            {Block::post, "Post-LN", 5}, {Block::pre, "Pre-LN", 2}};

template <class T>
Sequential<T> make_block(Block block, const BlockOptions& options, Rng& rng) {
  const std::size_t n = options.width;
  Sequential<T> branch;
  if (block == Block::pre) branch.add(LayerNorm<T>(n));
  branch.add(Linear<T>(n, n, xgrad::Init::normal(options.gain / std::sqrt(double(n))), rng, options.bias));
  if (block == Block::ln) branch.add(LayerNorm<T>(n));
  if (block == Block::bn) branch.add(xgrad::BatchNorm<T>(n));
  branch.add(xgrad::activation<T>(options.activation));
  if (block == Block::plain || block == Block::ln || block == Block::bn) return branch;
  Sequential<T> result{Residual<T>(std::move(branch))};
  if (block == Block::post) result.add(LayerNorm<T>(n));
  return result;
}

template <class T>
Sequential<T> block_net(Block block, std::size_t in, std::size_t depth, std::size_t out,
                        const BlockOptions& options, Rng& rng) {
  Sequential<T> net{Linear<T>(in, options.width, xgrad::Init::uniform_fan_in(), rng),
                    xgrad::activation<T>("relu")};
  for (std::size_t i = 0; i < depth; ++i) net.add(make_block<T>(block, options, rng));
  if (block == Block::pre) net.add(LayerNorm<T>(options.width));
  net.add(Linear<T>(options.width, out, xgrad::Init::uniform_fan_in(), rng));
  return net;
}

#define PLOTS_INSTANTIATE(T)                                                                             \
  template Sequential<T> make_block<T>(Block, const BlockOptions&, Rng&);                                \
  template Sequential<T> block_net<T>(Block, std::size_t, std::size_t, std::size_t, const BlockOptions&, \
                                      Rng&);
PLOTS_INSTANTIATE(float)
PLOTS_INSTANTIATE(double)
#undef PLOTS_INSTANTIATE

}  // namespace plots
