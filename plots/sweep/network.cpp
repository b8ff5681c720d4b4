#include "network.hpp"

#include <cmath>
#include <functional>

#include "xgrad/nn/highway.hpp"
#include "xgrad/nn/norms.hpp"
#include "xgrad/nn/recurrent.hpp"
#include "xgrad/nn/residuals.hpp"
#include "xgrad/nn/transformer.hpp"
#include "xgrad/probe/gradient_norms.hpp"

namespace plots::sweep {

using xgrad::Bias;
using xgrad::Init;
using xgrad::Rng;
using xgrad::Shape;
using xgrad::Variable;
using Block = xgrad::Sequential<double>;
using Map = xgrad::Function<double>;

namespace {

constexpr bool affine =
    false;  // γ and β would start at 1 and 0; without them there is less to draw and to train

Map times(double factor) {
  return {"scale", [factor](const Variable<double>& x) { return factor * x; }};
}

/// The recurrent cell as a layer: each step of time has an input of its own.
class Step : public xgrad::Module<double> {
 public:
  Step(std::shared_ptr<xgrad::RNNCell<double>> cell, Variable<double> input)
      : cell_(std::move(cell)), input_(std::move(input)) {}
  Variable<double> forward(const Variable<double>& h) override { return (*cell_)(input_, h); }
  std::vector<xgrad::Part<double>> parts() override { return {{"cell", *cell_}}; }
  std::string describe() const override { return "Step"; }

 private:
  std::shared_ptr<xgrad::RNNCell<double>> cell_;
  Variable<double> input_;
};

class Builder {
 public:
  Builder(const Cell& cell, Rng& rng) : cell_(cell), rng_(rng) {
    static const std::vector<std::pair<std::string, const char*>> names = {
        {"default", "uniform_fan_in"}, {"xavier", "xavier_uniform"}, {"he", "he_normal"},
        {"lecun", "lecun_normal"},     {"orthogonal", "orthogonal"}, {"balanced", "lecun_normal"}};
    for (const auto& [name, rule] : names)
      if (name == cell.init) init_ = Init::named(rule);
    branches_ = double(cell.depth) * (cell.architecture == "transformer" ? 2 : 1);
    activation_ = cell.activation == "linear" ? "identity" : cell.activation;
    if (cell.wiring == "deepnorm") {  // N layers of two branches: α = (2N)^¼, β = (8N)^-¼
      alpha_ = std::pow(branches_, .25);
      beta_ = std::pow(4 * branches_, -.25);
    }
  }

  Block stack() {
    Block stack;
    if (cell_.architecture == "rnn")
      recurrent_ =
          std::make_shared<xgrad::RNNCell<double>>(cell_.width, cell_.width, init_, rng_, cell_options());
    for (std::size_t i = 0; i < cell_.depth; ++i) stack.add(layer());
    return stack;
  }

 private:
  xgrad::RecurrentOptions cell_options() const {
    xgrad::RecurrentOptions options;
    options.activation = activation_;
    return options;
  }

  Block layer() {
    Block layer;
    if (cell_.architecture == "mlp") return wired(perceptron());
    if (cell_.architecture == "ffn") return wired(feed_forward(cell_.width));
    if (cell_.architecture == "rnn") {
      Block step;
      step.add(Step(recurrent_, Variable<double>(rng_.normal<double>({cell_.batch, cell_.width}))));
      return wired(std::move(step));
    }
    layer.add(wired(attention()));
    if (cell_.architecture == "transformer") layer.add(wired(feed_forward(4 * cell_.width)));
    return layer;
  }

  // --- branches

  Block perceptron() {
    Block branch;
    branch.add(xgrad::Linear<double>(cell_.width, cell_.width, init_.scaled(beta_), rng_, Bias::no));
    branch.add(xgrad::activation<double>(activation_));
    return branch;
  }

  Block feed_forward(std::size_t hidden) {
    const Init first = cell_.init == "balanced" ? Init::he_normal() : init_;
    Block branch;
    branch.add(xgrad::Linear<double>(cell_.width, hidden, first.scaled(beta_), rng_, Bias::no));
    branch.add(xgrad::activation<double>(activation_));
    branch.add(xgrad::Linear<double>(hidden, cell_.width, init_.scaled(beta_), rng_, Bias::no));
    return branch;
  }

  Block attention() {
    xgrad::MultiHeadAttention<double> attention(cell_.width, cell_.heads, init_, rng_, Bias::no);
    if (beta_ != 1)  // DeepNorm: values and output, not queries and keys
      for (auto* linear : {&attention.value, &attention.output})
        for (double& weight : linear->weight.mutable_value()) weight *= beta_;
    Block branch;
    branch.add(std::move(attention));
    return branch;
  }

  // --- norms and wirings

  void add_norm(Block& block) {
    if (cell_.norm == "rms") {
      block.add(xgrad::RMSNorm<double>(cell_.width, 1e-5, affine));
    } else if (cell_.norm == "batch") {
      add_batch_norm(block);
    } else {
      block.add(xgrad::LayerNorm<double>(cell_.width, 1e-5, affine));
    }
  }

  // Over all tokens of all sequences, feature by feature.
  void add_batch_norm(Block& block) {
    using Extents = std::vector<std::ptrdiff_t>;
    const auto width = std::ptrdiff_t(cell_.width), length = std::ptrdiff_t(cell_.tokens);
    const bool tokens = cell_.architecture == "attention" || cell_.architecture == "transformer";
    const auto reshaped = [](const Extents& shape) {
      return Map("reshape", [shape](const Variable<double>& x) { return xgrad::reshape(x, shape); });
    };
    if (tokens) block.add(reshaped({-1, width}));
    block.add(xgrad::BatchNorm<double>(cell_.width, 1e-5, .1, affine));
    if (tokens) block.add(reshaped({-1, length, width}));
  }

  Block wired(Block f) {
    Block branch, layer;
    if (cell_.norm != "none" && cell_.norm != "post") add_norm(branch);
    branch.add(std::move(f));
    if (cell_.norm == "sandwich") add_norm(branch);
    if (cell_.wiring == "plain") {
      layer.add(std::move(branch));
    } else if (cell_.wiring == "residual") {
      layer.add(xgrad::Residual<double>(std::move(branch)));
    } else if (cell_.wiring == "deepnorm") {
      layer.add(xgrad::Residual<double>(std::move(branch), times(alpha_)));
    } else if (cell_.wiring == "highway") {
      layer.add(xgrad::Highway<double>(std::move(branch), cell_.width, init_, rng_));
    } else {
      const bool learned = cell_.wiring == "rezero";
      xgrad::ScaledResidual<double> residual(std::move(branch), learned ? 0 : 1 / std::sqrt(branches_));
      residual.alpha.requires_grad(learned);
      layer.add(std::move(residual));
    }
    if (cell_.norm == "post") add_norm(layer);
    return layer;
  }

  const Cell& cell_;
  Rng& rng_;
  Init init_ = Init::xavier_uniform();
  std::string activation_;
  double branches_ = 1, alpha_ = 1, beta_ = 1;
  std::shared_ptr<xgrad::RNNCell<double>> recurrent_;
};

}  // namespace

Network::Network(const Cell& cell, Rng& rng) : cell_(cell), stack_(Builder(cell, rng).stack()) {}

Shape Network::input_shape() const {
  const bool tokens = cell_.architecture == "attention" || cell_.architecture == "transformer";
  return tokens ? Shape{cell_.batch, cell_.tokens, cell_.width} : Shape{cell_.batch, cell_.width};
}

std::vector<Variable<double>> Network::states(const Variable<double>& x) {
  return xgrad::hidden_states(stack_, x);
}

}  // namespace plots::sweep
