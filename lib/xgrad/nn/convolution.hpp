#pragma once
// Layers for images (N, C, H, W), and the residual networks made of them.

#include "xgrad/nn/layers.hpp"
#include "xgrad/nn/norms.hpp"

namespace xgrad {

/// Convolution (conv2d) with windows size×size: weight (out, in, size, size), bias (out,).
template <class T>
class Conv2d : public Module<T> {
 public:
  Conv2d(std::size_t in, std::size_t out, std::size_t size, const Init& init, Rng& rng,
         const Conv2dOptions& options = {}, Bias bias = Bias::yes);
  Variable<T> forward(const Variable<T>& x) override { return conv2d(x, weight, bias, options_); }
  std::vector<Part<T>> parts() override { return {{"weight", weight}, {"bias", bias}}; }
  std::string describe() const override;

  Variable<T> weight, bias;

 private:
  Conv2dOptions options_;
};

/// max_pool2d as a module.
template <class T>
class MaxPool2d : public Module<T> {
 public:
  explicit MaxPool2d(std::size_t size, const PoolOptions& options = {}) : size_(size), options_(options) {}
  Variable<T> forward(const Variable<T>& x) override { return max_pool2d(x, size_, options_); }
  std::string describe() const override;

 private:
  std::size_t size_;
  PoolOptions options_;
};

/// avg_pool2d as a module.
template <class T>
class AvgPool2d : public Module<T> {
 public:
  explicit AvgPool2d(std::size_t size, const PoolOptions& options = {}) : size_(size), options_(options) {}
  Variable<T> forward(const Variable<T>& x) override { return avg_pool2d(x, size_, options_); }
  std::string describe() const override;

 private:
  std::size_t size_;
  PoolOptions options_;
};

/// The mean of each channel: (N, C, H, W) → (N, C).
template <class T>
class GlobalAveragePool : public Module<T> {
 public:
  Variable<T> forward(const Variable<T>& x) override { return global_average_pool(x); }
  std::string describe() const override { return "GlobalAveragePool"; }
};

/// (N, …) → (N, product of the rest).
template <class T>
class Flatten : public Module<T> {
 public:
  Variable<T> forward(const Variable<T>& x) override;
  std::string describe() const override { return "Flatten"; }
};

/// The order of operations in a residual block of two 3×3 convolutions.
enum class BlockOrder {
  basic,          ///< relu(x + norm(conv(relu(norm(conv(x)))))) (He et al., arXiv:1512.03385, fig. 2)
  pre_activation  ///< x + conv(relu(norm(conv(relu(norm(x)))))) (He et al., arXiv:1603.05027, fig. 1b)
};

struct ConvBlockOptions {
  BlockOrder order = BlockOrder::basic;
  std::size_t stride = 1;            ///< of the first convolution and of the shortcut
  bool norm = true;                  ///< batch normalisation
  Bias bias = Bias::no;              ///< of the convolutions: a following normalisation would remove it
  bool shortcut = true;              ///< false: a plain block, to compare with
  double eps = 1e-5, momentum = .1;  ///< of batch normalisation
};

/// A residual block (N, in, H, W) → (N, out, H', W'). The shortcut is the identity when in = out and the
/// stride is 1, else a projection: a 1×1 convolution of x with that stride, normalised in the basic order.
template <class T>
class ConvBlock : public Module<T> {
 public:
  ConvBlock(std::size_t in, std::size_t out, const Init& init, Rng& rng,
            const ConvBlockOptions& options = {});
  Variable<T> forward(const Variable<T>& x) override;
  std::vector<Part<T>> parts() override;
  std::string describe() const override;

  Conv2d<T> conv1, conv2;
  std::unique_ptr<BatchNorm<T>> norm1, norm2;  ///< null: none
  std::unique_ptr<Module<T>> projection;       ///< null: the shortcut is the identity, or there is none

 private:
  ConvBlockOptions options_;
};

struct ResNetOptions {
  std::size_t channels = 1, classes = 10;
  std::vector<std::size_t> widths = {16, 32, 64};  ///< channels of each stage; each but the first halves H, W
  std::size_t blocks = 1;                          ///< per stage
  ConvBlockOptions block;                          ///< its stride is set by the network
};

/// The residual network for small images of He et al., arXiv:1512.03385, section 4.2: a 3×3 convolution,
/// stages of blocks, the mean of each channel, a linear layer. 6·blocks + 2 layers with weights for three
/// stages. (N, channels, H, W) → logits (N, classes).
template <class T>
class ResNet : public Module<T> {
 public:
  ResNet(const ResNetOptions& options, const Init& init, Rng& rng);
  Variable<T> forward(const Variable<T>& x) override;
  std::vector<Part<T>> parts() override;
  std::string describe() const override;

  Conv2d<T> stem;
  std::unique_ptr<BatchNorm<T>> norm;  ///< after the stem; of pre-activation blocks: after the last block
  Sequential<T> blocks;
  Linear<T> head;

 private:
  BlockOrder order_;
};

}  // namespace xgrad
