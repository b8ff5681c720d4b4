#pragma once
// Windows that slide along an axis: the arithmetic that convolution and pooling share.

#include <algorithm>
#include <utility>

#include "xgrad/core/array.hpp"

namespace xgrad::detail {

/// Windows of `size` entries, `stride` apart, over an axis with `padding` more entries at both ends.
/// Entry i of window o is x[o·stride + i - padding]; what lies outside the axis is padding.
struct SlidingWindows {
  std::size_t extent, size, stride, padding, count;

  /// The windows [first, last) whose entry i lies in the axis, not in the padding.
  std::pair<std::size_t, std::size_t> inside(std::size_t i) const {
    const auto reach = [&](std::size_t x) {  // the first window whose entry i is x - padding or later
      return x > i ? std::min(count, (x - i + stride - 1) / stride) : 0;
    };
    return {reach(padding), reach(padding + extent)};
  }
  /// The entries [first, last) of the axis that window o sees.
  std::pair<std::size_t, std::size_t> seen_by(std::size_t o) const {
    const auto clipped = [&](std::size_t i) { return i > padding ? std::min(extent, i - padding) : 0; };
    return {clipped(o * stride), clipped(o * stride + size)};
  }
  /// Where in the axis entry i of window o lies.
  std::size_t at(std::size_t o, std::size_t i) const { return o * stride + i - padding; }
};

/// count = ⌊(extent + 2 padding - size)/stride⌋ + 1. Throws Error when size or stride is 0 or no window fits.
inline SlidingWindows sliding_windows(const char* op, std::size_t extent, std::size_t size,
                                      std::size_t stride, std::size_t padding) {
  if (size == 0 || stride == 0)
    fail(op, "the window is ", size, ", the stride ", stride, ": both must be at least 1");
  if (padding > PTRDIFF_MAX / 4) fail(op, "the padding is ", padding, ": there is no such memory");
  const std::size_t padded = extent + 2 * padding;
  if (size > padded)
    fail(op, "the window is ", size, ", the axis ", extent, " with padding ", padding,
         ": the window must fit into the padded axis");
  return {extent, size, stride, padding, (padded - size) / stride + 1};
}

}  // namespace xgrad::detail
