#include "stack.hpp"

#include <atomic>
#include <future>
#include <thread>

#include "xgrad/core/gemm.hpp"

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
std::vector<Measurement> measure_seeds(const StackOptions& options, std::size_t seeds, bool weights) {
  // One network a thread is much faster than one matrix product on several; both at once is slowest.
  xgrad::set_gemm_threads(1);
  std::vector<Measurement> results(seeds);
  std::atomic<std::size_t> next{0};
  const auto work = [&] {  // a tape belongs to its thread: seeds need not know of one another
    for (std::size_t i; (i = next++) < seeds;) results[i] = measure<T>(options, i + 1, weights);
  };
  std::vector<std::future<void>> workers;
  for (unsigned i = 1; i < std::thread::hardware_concurrency(); ++i)
    workers.push_back(std::async(std::launch::async, work));
  work();
  for (auto& worker : workers) worker.get();  // throws here what was thrown there
  return results;
}

#define PLOTS_INSTANTIATE(T)                                                 \
  template xgrad::Sequential<T> make_stack(const StackOptions&, Rng&);       \
  template Measurement measure<T>(const StackOptions&, std::uint64_t, bool); \
  template std::vector<Measurement> measure_seeds<T>(const StackOptions&, std::size_t, bool);
PLOTS_INSTANTIATE(float)
PLOTS_INSTANTIATE(double)
#undef PLOTS_INSTANTIATE

}  // namespace plots
