#pragma once
// Convolution of images: x (N, C, H, W), N images of C channels. Its readable definition is in composed.hpp.

#include "xgrad/core/tape.hpp"

namespace xgrad {

struct Conv2dOptions {
  std::size_t stride = 1;   ///< between neighbouring windows, down and across
  std::size_t padding = 0;  ///< zeros around the image, on all four sides
};

/// y[n,o,r,s] = b[o] + Σ_{c,i,j} w[o,c,i,j] x[n, c, r·stride + i - padding, s·stride + j - padding], and x is
/// 0 outside the image. That is cross-correlation, which all of deep learning calls convolution. x (N, C, H,
/// W), w (O, C, kh, kw), b (O,) or empty; y (N, O, H', W') with H' = ⌊(H + 2·padding - kh)/stride⌋ + 1.
/// Throws Error when the shapes do not fit, the window is larger than the padded image, or the stride is 0.
template <class T>
Variable<T> conv2d(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias = {},
                   const Conv2dOptions& options = {});

}  // namespace xgrad
