#pragma once
// Recurrent networks (Elman, Cognitive Science 14, 1990), with layer normalisation and residual connections
// through time as options.

#include "xgrad/nn/layers.hpp"

namespace xgrad {

struct RecurrentOptions {
  bool residual = false;  ///< the old state is added to the new one
  bool norm =
      false;  ///< LN: of the state when it is residual, else before tanh (Ba et al., arXiv:1607.06450)
  double eps = 1e-5;
  std::string activation = "tanh";  ///< as xgrad::activation; "relu": Le et al., arXiv:1504.00941
};

/// One step of a recurrent network, with z = W x + U h + b:
///
///   h' = tanh(z)             h' = tanh(LN(z))            (norm)
///   h' = h + tanh(z)         h' = LN(h + tanh(z))        (residual; residual and norm)
///
/// or another activation in tanh's place. x (batch, in), h and h' (batch, d).
template <class T>
class RNNCell : public Module<T> {
 public:
  RNNCell(std::size_t in, std::size_t d, const Init& init, Rng& rng, const RecurrentOptions& options = {});
  Variable<T> operator()(const Variable<T>& x, const Variable<T>& h);
  using Module<T>::operator();
  /// The first step, from h = 0.
  Variable<T> forward(const Variable<T>& x) override { return step(x, start(x)); }
  std::vector<Part<T>> parts() override;
  std::string describe() const override;
  /// h = 0 for the batch of x.
  Variable<T> start(const Variable<T>& x) const;

  Linear<T> input, state;  ///< W and b; U
  LayerNorm<T> norm;

 private:
  Variable<T> step(const Variable<T>& x, const Variable<T>& h);
  RecurrentOptions options_;
  Function<T> activation_;
};

/// A cell that reads a sequence step by step from h = 0.
template <class T>
class RNN : public Module<T> {
 public:
  RNN(std::size_t in, std::size_t d, const Init& init, Rng& rng, const RecurrentOptions& options = {})
      : cell(in, d, init, rng, options) {}
  /// The state after each step; x holds one (batch, in) for each. After a backward pass the handles hold the
  /// gradients through time. Throws Error when there is no step.
  std::vector<Variable<T>> operator()(const std::vector<Variable<T>>& x);
  using Module<T>::operator();
  /// The same for x (batch, T, in): all states, (batch, T, d).
  Variable<T> forward(const Variable<T>& x) override;
  std::vector<Part<T>> parts() override { return {{"cell", cell}}; }
  std::string describe() const override;

  RNNCell<T> cell;
};

}  // namespace xgrad
