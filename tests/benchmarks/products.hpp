#pragma once
// The matrix products of a training step and nothing else: what the step would cost if all the rest were
// free.

#include <cstddef>
#include <variant>
#include <vector>

#include "xgrad/core/array.hpp"

namespace benchmarks {

using Matrix = xgrad::Array<float>;

class Products {
 public:
  /// y = x Wᵀ for x (rows, in), with the products for dW and, if it is wanted, for dx.
  void linear(std::size_t rows, std::size_t in, std::size_t out, bool dx = true);
  /// The products of attention, forward and backward, for `count` matrices (tokens, width). A causal mask
  /// spares none of them.
  void attention(std::size_t count, std::size_t tokens, std::size_t width);
  /// A convolution of images with so many outputs each, `window` numbers under a window: image by image Y = W
  /// K, with the products for dW and, if it is wanted, for the columns' gradient.
  void convolution(std::size_t images, std::size_t outputs, std::size_t window, std::size_t channels,
                   bool dx = true);
  /// The linear layers and the attention of a Transformer encoder layer with 4d hidden units.
  void encoder_layer(std::size_t batch, std::size_t tokens, std::size_t d, std::size_t heads);

  bool empty() const { return parts_.empty(); }
  double flops() const;  ///< a multiplication and an addition count as two
  /// Computes all of them, forward in order, then backward in reverse.
  void run();

 private:
  struct Linear {
    std::size_t rows, in, out;
    bool wants_dx;
    Matrix x, w, y, dx, dw;
    double flops() const;
    void forward();
    void backward();
  };
  struct Attention {
    std::size_t count, tokens, width;
    Matrix q, k, v, y, p, dq, dk, dv, dp;
    double flops() const;
    void forward();
    void backward();
  };
  struct Convolution {
    std::size_t images, outputs, window, channels;
    bool wants_dx;
    Matrix k, w, y, dk, dw;  // k, dk: of one image
    double flops() const;
    void forward();
    void backward();
  };
  std::vector<std::variant<Linear, Attention, Convolution>> parts_;
};

}  // namespace benchmarks
