#pragma once
// Optimisers. Each holds handles to the parameters it was given; step() uses the gradients that backward
// left. A parameter without a gradient, or frozen, is passed over.

#include "xgrad/nn/module.hpp"

namespace xgrad {

/// Numbers that an optimiser keeps for one parameter, and their name, such as "m.attention.query.weight".
template <class T>
struct OptimizerMemory {
  std::string name;
  AlignedVector<T>* numbers;
};

template <class T>
class Optimizer {
 public:
  /// Throws Error when there are no parameters, or the rate is negative or NaN.
  explicit Optimizer(const Parameters<T>& parameters, double learning_rate);
  virtual ~Optimizer() = default;
  void step();
  void zero_grad();

  double learning_rate;  ///< may be changed between steps: that is all a schedule does

  /// What is kept between steps beside the learning rate, to save and to restore: arrays (zeros before the
  /// first step), and how often each parameter was updated. Valid while the optimiser lives.
  virtual std::vector<OptimizerMemory<T>> memory() { return {}; }
  std::vector<std::size_t>& steps() { return steps_; }

 protected:
  /// Changes n numbers of parameter number `which`, given their gradients.
  virtual void update(std::size_t which, T* x, const T* dx, std::size_t n) = 0;
  /// n zeros to start with, kept between steps.
  static T* state(std::vector<AlignedVector<T>>& states, std::size_t which, std::size_t n);
  /// Appends an array of `states` for each parameter, of the parameter's size, to what memory() lists.
  void list(const std::string& name, std::vector<AlignedVector<T>>& states,
            std::vector<OptimizerMemory<T>>& memory);
  /// How often each parameter was updated, this time included.
  std::vector<std::size_t> steps_;

 private:
  Parameters<T> parameters_;
};

struct SgdOptions {
  double momentum = 0;
  bool nesterov = false;
  double weight_decay = 0;  ///< coupled: added to the gradient, which for plain SGD is L2 regularisation
};

/// g = dx + λx;  v = μv + g;  x -= η v  (Nesterov: x -= η (g + μv)), as torch.optim.SGD.
template <class T>
class SGD : public Optimizer<T> {
 public:
  SGD(const Parameters<T>& parameters, double learning_rate, SgdOptions options = {});
  std::vector<OptimizerMemory<T>> memory() override;  ///< v when there is momentum

 private:
  void update(std::size_t which, T* x, const T* dx, std::size_t n) override;
  SgdOptions options_;
  std::vector<AlignedVector<T>> velocity_;
};

struct AdamOptions {
  double beta1 = .9, beta2 = .999, eps = 1e-8;
  double weight_decay = 0;  ///< coupled in Adam, decoupled in AdamW
};

/// m = β₁m + (1-β₁)g;  v = β₂v + (1-β₂)g²;  x -= η m̂/(√v̂ + ε), with m̂ = m/(1-β₁ᵗ), v̂ = v/(1-β₂ᵗ)
/// (Kingma & Ba, arXiv:1412.6980).
template <class T>
class Adam : public Optimizer<T> {
 public:
  Adam(const Parameters<T>& parameters, double learning_rate, AdamOptions options = {});
  std::vector<OptimizerMemory<T>> memory() override;  ///< m and v

 protected:
  void update(std::size_t which, T* x, const T* dx, std::size_t n) override;
  AdamOptions options_;
  bool decoupled_ = false;

 private:
  std::vector<AlignedVector<T>> m_, v_;
  struct Bias {
    std::size_t t;
    double first, second;  // 1 - β₁ᵗ, 1 - β₂ᵗ
  } bias_{};               // of the last update: most parameters have the same t
};

/// Adam with decoupled decay: x -= ηλx first (Loshchilov & Hutter, arXiv:1711.05101). λ defaults to 0.01
/// when no options are given; an AdamOptions of one's own starts from 0.
template <class T>
class AdamW : public Adam<T> {
 public:
  AdamW(const Parameters<T>& parameters, double learning_rate, AdamOptions options = {.9, .999, 1e-8, .01});
};

/// Scales all gradients so that their joint L2 norm is at most max_norm; returns the norm before. Not finite:
/// returned as it is, and nothing is scaled. Throws Error unless max_norm is 0 or more.
template <class T>
double clip_grad_norm(const Parameters<T>& parameters, double max_norm);

}  // namespace xgrad
