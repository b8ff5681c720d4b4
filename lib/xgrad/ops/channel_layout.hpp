#pragma once
// (N, C, …) in memory: the loops that the normalisations by channel share.

#include "xgrad/core/rows.hpp"
#include "xgrad/core/tape.hpp"

namespace xgrad::detail {

/// x seen as (samples, channels, length): the axes after the first two are one run in memory.
struct Layout {
  std::size_t samples, channels, length;
  std::size_t values() const { return samples * length; }  ///< of one channel
};

/// Checks x and what goes with its channels.
template <class T>
Layout channel_layout(const char* op, const Variable<T>& x, const Variable<T>& gamma,
                      const Variable<T>& beta) {
  const Shape shape = x.shape();
  if (shape.size() < 2) fail(op, "x is ", to_string(shape), ": it must be (N, C, …)");
  for (const auto* affine : {&gamma, &beta})
    if (*affine && affine->shape() != Shape{shape[1]})
      fail(op, "x is ", to_string(shape), ", ", affine == &gamma ? "gamma" : "beta", " is ",
           to_string(affine->shape()), ": it must have one number for each channel, (", shape[1], ",)");
  return {shape[0], shape[1], count(Shape(shape.begin() + 2, shape.end()))};
}

/// f(i, c) for every entry i, c its channel.
template <class F>
void for_each_entry(const Layout& x, F f) {
  for (std::size_t n = 0; n < x.samples; ++n) {
    if (x.length == 1) {  // (N, C): the channels are the run
      XGRAD_INDEPENDENT
      for (std::size_t c = 0; c < x.channels; ++c) f(n * x.channels + c, c);
    } else {
      for (std::size_t c = 0; c < x.channels; ++c) {
        const std::size_t start = (n * x.channels + c) * x.length;
        XGRAD_INDEPENDENT
        for (std::size_t i = start; i < start + x.length; ++i) f(i, c);
      }
    }
  }
}

/// Σ f(i, c) over the entries i of each channel c: (C,).
template <class T, class F>
Array<T> sum_of_channels(const Layout& x, F f) {
  auto result = zeros<T>({x.channels});
  T* total = result.data();
  if (x.length == 1) {
    for_each_entry(x, [=](std::size_t i, std::size_t c) { total[c] += f(i, c); });
  } else {
    for (std::size_t run = 0; run < x.samples * x.channels; ++run) {
      const std::size_t c = run % x.channels, start = run * x.length;
      total[c] += sum_of<T>(x.length, [=](std::size_t i) { return f(start + i, c); });
    }
  }
  return result;
}

/// Those of the handles that are not empty: what an op records as its inputs.
template <class T>
VariableList<T> not_empty(std::initializer_list<Variable<T>> inputs) {
  VariableList<T> result;
  for (const auto& input : inputs)
    if (input) result.push_back(input);
  return result;
}

template <class T>
Array<T> sum_of_channels(const Layout& layout, const Array<T>& x) {
  return sum_of_channels<T>(layout, [p = x.data()](std::size_t i, std::size_t) { return p[i]; });
}

}  // namespace xgrad::detail
