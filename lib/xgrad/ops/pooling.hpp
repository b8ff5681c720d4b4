#pragma once
// Pooling of images (N, C, H, W): each channel by itself. Readable definitions are in composed.hpp.

#include "xgrad/core/tape.hpp"

namespace xgrad {

struct PoolOptions {
  std::size_t stride = 0;   ///< between neighbouring windows; 0 means the window's size, so that none overlap
  std::size_t padding = 0;  ///< around the image; at most half the window, so that each sees the image
};

/// The largest entry of each size×size window; padding is -∞. (N, C, H', W') with
/// H' = ⌊(H + 2·padding - size)/stride⌋ + 1. The first of equal entries gets the gradient; a window with a
/// NaN gives NaN.
template <class T>
Variable<T> max_pool2d(const Variable<T>& x, std::size_t size, const PoolOptions& options = {});

/// The mean of each size×size window. Padding counts as zeros: the divisor is always size².
template <class T>
Variable<T> avg_pool2d(const Variable<T>& x, std::size_t size, const PoolOptions& options = {});

/// The mean of each channel: (N, C, H, W) → (N, C) (Lin, Chen & Yan, arXiv:1312.4400).
template <class T>
Variable<T> global_average_pool(const Variable<T>& x);

}  // namespace xgrad
