#include "xgrad/nn/recurrent.hpp"

#include "xgrad/core/scalars.hpp"

namespace xgrad {

template <class T>
RNNCell<T>::RNNCell(std::size_t in, std::size_t d, const Init& init, Rng& rng,
                    const RecurrentOptions& options)
    : input(in, d, init, rng),
      state(d, d, init, rng, Bias::no),
      norm(d, options.eps, options.norm),
      options_(options),
      activation_(activation<T>(options.activation)) {}

template <class T>
Variable<T> RNNCell<T>::start(const Variable<T>& x) const {
  if (x.rank() != 2) fail("rnn", "a step is ", to_string(x.shape()), ": it must be (batch, in)");
  return Variable<T>(zeros<T>({x.extent(0), state.weight.extent(0)}));
}

template <class T>
Variable<T> RNNCell<T>::operator()(const Variable<T>& x, const Variable<T>& h) {
  return this->observed(x, step(x, h));
}

template <class T>
Variable<T> RNNCell<T>::step(const Variable<T>& x, const Variable<T>& h) {
  const auto z = input(x) + state(h);
  if (!options_.residual) return activation_(options_.norm ? norm(z) : z);
  const auto sum = h + activation_(z);
  return options_.norm ? norm(sum) : sum;
}

template <class T>
std::vector<Part<T>> RNNCell<T>::parts() {
  std::vector<Part<T>> result{{"input", input}, {"state", state}};
  if (options_.norm) result.emplace_back("norm", norm);
  return result;
}

template <class T>
std::string RNNCell<T>::describe() const {
  std::ostringstream text;
  text << "RNNCell(" << input.weight.extent(1) << " → " << input.weight.extent(0)
       << (options_.residual ? ", residual" : "") << (options_.norm ? ", LN)" : ")");
  return text.str();
}

template <class T>
std::vector<Variable<T>> RNN<T>::operator()(const std::vector<Variable<T>>& x) {
  if (x.empty()) fail("rnn", "there is no step: a sequence needs one at least");
  std::vector<Variable<T>> states;
  for (const auto& step : x) states.push_back(cell(step, states.empty() ? cell.start(step) : states.back()));
  return states;
}

template <class T>
Variable<T> RNN<T>::forward(const Variable<T>& x) {
  if (x.rank() != 3) fail("rnn", "x is ", to_string(x.shape()), ": it must be (batch, T, in)");
  std::vector<Variable<T>> steps;
  const auto batch = static_cast<std::ptrdiff_t>(x.extent(0)), in = static_cast<std::ptrdiff_t>(x.extent(2));
  for (std::ptrdiff_t t = 0; t < static_cast<std::ptrdiff_t>(x.extent(1)); ++t)
    steps.push_back(reshape(slice(x, 1, t, t + 1), {batch, in}));
  return stack((*this)(steps), 1);
}

template <class T>
std::string RNN<T>::describe() const {
  return "RNN of " + cell.describe();
}

#define XGRAD_INSTANTIATE(T) \
  template class RNNCell<T>; \
  template class RNN<T>;
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
