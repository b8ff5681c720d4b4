#include "stack.hpp"

#include "workers.hpp"

namespace plots {

using xgrad::Array;
using xgrad::Rng;
using xgrad::Variable;

template <class T>
xgrad::Sequential<T> make_stack(const StackOptions& options, Rng& rng) {
  const auto n = options.width;
  const auto first = xgrad::Init::named(options.init), second = xgrad::Init::named(options.second_init);
  const auto norm = [&] { return xgrad::LayerNorm<T>(n, layer_norm_epsilon, /*affine=*/false); };

  xgrad::Sequential<T> stack;
  for (std::size_t i = 0; i < options.depth; ++i) {
    xgrad::Sequential<T> branch;
    if (options.norm == Norm::pre) branch.add(norm());
    branch.add(xgrad::Linear<T>(n, n, first, rng, xgrad::Bias::no));
    if (options.norm == Norm::inner) branch.add(norm());
    branch.add(xgrad::activation<T>(options.activation));
    if (options.wiring != Wiring::plain) {
      branch.add(xgrad::Linear<T>(n, n, second, rng, xgrad::Bias::no));
      if (options.alpha != 1)
        branch.add(xgrad::Function<T>(
            "scale", [alpha = T(options.alpha)](const Variable<T>& x) { return alpha * x; }));
    }
    xgrad::Sequential<T> layer;
    if (options.wiring == Wiring::residual) {
      layer.add(xgrad::Residual<T>(std::move(branch)));
    } else {
      layer.add(std::move(branch));
    }
    if (options.norm == Norm::post) layer.add(norm());
    stack.add(std::move(layer));
  }
  return stack;
}

template <class T>
Measurement measure(const StackOptions& options, std::uint64_t seed, bool weights) {
  Rng rng(seed);
  auto stack = make_stack<T>(options, rng);
  stack.requires_grad(weights);
  const xgrad::Shape shape{options.batch, options.width};
  xgrad::Tape<T> tape;
  const auto x = xgrad::parameter(rng.normal<T>(shape));
  const auto states = xgrad::hidden_states(stack, x);
  tape.backward(states.back(), rng.normal<T>(shape));

  Measurement result{xgrad::log10_values(states), xgrad::log10_gradients(states), {}};
  if (weights)
    for (std::size_t i = 0; i < stack.size(); ++i)
      result.weights.push_back(xgrad::log10_rms(stack[i].parameters().front().variable.grad()));
  return result;
}

template <class T>
std::vector<Measurement> measure_seeds(const StackOptions& options, const std::vector<std::uint64_t>& seeds,
                                       bool weights) {
  std::vector<Measurement> results(seeds.size());
  on_all_processors("", seeds.size(),
                    [&](std::size_t i) { results[i] = measure<T>(options, seeds[i], weights); });
  return results;
}

#define PLOTS_INSTANTIATE(T)                                                                                 \
  template xgrad::Sequential<T> make_stack(const StackOptions&, Rng&);                                       \
  template Measurement measure<T>(const StackOptions&, std::uint64_t, bool);                                 \
  template std::vector<Measurement> measure_seeds<T>(const StackOptions&, const std::vector<std::uint64_t>&, \
                                                     bool);
PLOTS_INSTANTIATE(float)
PLOTS_INSTANTIATE(double)
#undef PLOTS_INSTANTIATE

}  // namespace plots
