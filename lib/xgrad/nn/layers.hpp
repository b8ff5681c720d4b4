#pragma once
// The layers from which the models are built.

#include "xgrad/nn/init.hpp"
#include "xgrad/nn/module.hpp"
#include "xgrad/ops/ops.hpp"

namespace xgrad {

enum class Bias { no, yes };

/// y = x Wᵀ + b, W (out, in), b (out,); x (…, in).
template <class T>
class Linear : public Module<T> {
 public:
  Linear(std::size_t in, std::size_t out, const Init& init, Rng& rng, Bias bias = Bias::yes);
  Variable<T> forward(const Variable<T>& x) override { return linear(x, weight, bias); }
  std::vector<Part<T>> parts() override { return {{"weight", weight}, {"bias", bias}}; }
  std::string describe() const override;

  Variable<T> weight, bias;
};

/// Layer normalisation over the trailing axes `shape`, with γ = 1 and β = 0 to start with (affine), or
/// without.
template <class T>
class LayerNorm : public Module<T> {
 public:
  explicit LayerNorm(const Shape& shape, double eps = 1e-5, bool affine = true,
                     Divisor divisor = Divisor::population);
  explicit LayerNorm(std::size_t features, double eps = 1e-5, bool affine = true,
                     Divisor divisor = Divisor::population)
      : LayerNorm(Shape{features}, eps, affine, divisor) {}
  Variable<T> forward(const Variable<T>& x) override;
  std::vector<Part<T>> parts() override { return {{"gamma", gamma}, {"beta", beta}}; }
  std::string describe() const override;

  Variable<T> gamma, beta;

 private:
  Shape shape_;
  LayerNormOptions options_;
};

/// Dropout in training mode, the identity in evaluation mode. Owns its generator.
template <class T>
class Dropout : public Module<T> {
 public:
  Dropout(double p, Rng& rng);
  Variable<T> forward(const Variable<T>& x) override {
    return this->training() && p_ > 0 ? dropout(x, p_, rng_) : x;
  }
  std::vector<Part<T>> parts() override { return {{"generator", rng_}}; }
  std::string describe() const override;

 private:
  double p_;
  Rng rng_;
};

/// x's entries as row numbers. Throws Error on one that is not whole.
template <class T>
Indices whole_numbers(const Array<T>& x);

/// A table of vectors, (vocabulary, d), N(0, deviation²).
template <class T>
class Embedding : public Module<T> {
 public:
  Embedding(std::size_t vocabulary, std::size_t d, Rng& rng, double deviation = 1);
  Variable<T> operator()(const Indices& indices) { return embedding(weight, indices); }
  /// For use inside Sequential: x holds whole numbers.
  Variable<T> forward(const Variable<T>& x) override;
  std::vector<Part<T>> parts() override { return {{"weight", weight}}; }
  std::string describe() const override;

  Variable<T> weight;
};

/// A function without parameters as a module: Function<float>("ReLU", relu<float>).
template <class T>
class Function : public Module<T> {
 public:
  Function(std::string name, std::function<Variable<T>(const Variable<T>&)> f)
      : name_(std::move(name)), f_(std::move(f)) {}
  Variable<T> forward(const Variable<T>& x) override { return f_(x); }
  std::string describe() const override { return name_; }

 private:
  std::string name_;
  std::function<Variable<T>(const Variable<T>&)> f_;
};

/// The activation called "relu", "leaky_relu", "gelu", "gelu_tanh", "sigmoid", "tanh", "softplus" or
/// "identity"; throws Error with the list on any other name.
template <class T>
Function<T> activation(const std::string& name);

/// One module after the other: Sequential<float>{Linear<float>(…), activation<float>("relu"), …}. Braces, not
/// round brackets: they fix the order in which the arguments draw from a generator, so that a seed means one
/// network.
template <class T>
class Sequential : public Module<T> {
 public:
  template <class... Modules>
  explicit Sequential(Modules... modules) {
    (add(std::move(modules)), ...);
  }
  Sequential(Sequential&&) = default;
  Sequential& operator=(Sequential&&) = default;

  template <class M>
  Sequential& add(M module) {
    modules_.push_back(std::make_unique<M>(std::move(module)));
    return *this;
  }
  Variable<T> forward(const Variable<T>& x) override;
  std::vector<Part<T>> parts() override;
  std::string describe() const override;
  std::size_t size() const { return modules_.size(); }
  Module<T>& operator[](std::size_t i) { return *modules_.at(i); }
  using Module<T>::operator();

 private:
  std::vector<std::unique_ptr<Module<T>>> modules_;
};

/// y = shortcut(x) + branch(x) (He et al., arXiv:1512.03385); without a shortcut module it is the identity.
template <class T>
class Residual : public Module<T> {
 public:
  template <class Branch>
  explicit Residual(Branch branch) : branch_(std::make_unique<Branch>(std::move(branch))) {}
  template <class Branch, class Shortcut>
  Residual(Branch branch, Shortcut shortcut)
      : branch_(std::make_unique<Branch>(std::move(branch))),
        shortcut_(std::make_unique<Shortcut>(std::move(shortcut))) {}
  Residual(Residual&&) = default;
  Residual& operator=(Residual&&) = default;

  Variable<T> forward(const Variable<T>& x) override;
  std::vector<Part<T>> parts() override;
  std::string describe() const override { return "Residual"; }
  Module<T>& branch() { return *branch_; }

 private:
  std::unique_ptr<Module<T>> branch_, shortcut_;
};

/// W₂ φ(W₁ x + b₁) + b₂, d → hidden → d: the position-wise feed-forward network of the Transformer.
template <class T>
class FeedForward : public Module<T> {
 public:
  FeedForward(std::size_t d, std::size_t hidden, const Init& init, Rng& rng,
              const std::string& activation = "relu");
  Variable<T> forward(const Variable<T>& x) override { return second(activation_(first(x))); }
  std::vector<Part<T>> parts() override {
    return {{"first", first}, {"activation", activation_}, {"second", second}};
  }
  std::string describe() const override;

  Linear<T> first, second;

 private:
  Function<T> activation_;
};

}  // namespace xgrad
