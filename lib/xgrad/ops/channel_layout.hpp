#pragma once
// (N, C, …) in memory: the loops that the normalisations by channel share.

#include <algorithm>

#include "xgrad/core/rows.hpp"
#include "xgrad/core/tape.hpp"
#include "xgrad/core/threads.hpp"
#include "xgrad/core/vector_math.hpp"

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

/// Some neighbouring channels.
struct Channels {
  std::size_t begin, end;
};

/// f(channels) for a few neighbours at a time, on several threads where x is large. Their values stay in the
/// processor's cache while f goes over them more than once; in each sample they are a run of some length.
template <class F>
void for_channels(const Layout& x, F f) {
  constexpr std::size_t run = 256;
  const std::size_t few = std::max<std::size_t>(1, run / std::max<std::size_t>(1, x.length)),
                    groups = (x.channels + few - 1) / few;
  for_parts(parts_of(x.values() * x.channels), groups, [=](std::size_t, std::size_t begin, std::size_t end) {
    for (std::size_t g = begin; g < end; ++g) f(Channels{g * few, std::min((g + 1) * few, x.channels)});
  });
}

/// f(i, c) for every entry i of these channels, c its channel.
template <class F>
void for_each_entry(const Layout& x, Channels some, F f) {
  for (std::size_t n = 0; n < x.samples; ++n) {
    if (x.length == 1) {  // (N, C): the channels are the run
      XGRAD_INDEPENDENT
      for (std::size_t c = some.begin; c < some.end; ++c) f(n * x.channels + c, c);
    } else {
      for (std::size_t c = some.begin; c < some.end; ++c) {
        const std::size_t start = (n * x.channels + c) * x.length;
        XGRAD_INDEPENDENT
        for (std::size_t i = start; i < start + x.length; ++i) f(i, c);
      }
    }
  }
}

/// total[c] = Σ f(c)(x[i], …) over the entries i of each of these channels c. f(c) takes numbers or vectors.
template <class T, class F, class... X>
void sum_entries(const Layout& layout, Channels some, T* total, F f, const X*... x) {
  std::fill(total + some.begin, total + some.end, T(0));
  for (std::size_t n = 0; n < layout.samples; ++n) {
    const std::size_t row = n * layout.channels;
    if (layout.length == 1) {
      XGRAD_INDEPENDENT
      for (std::size_t c = some.begin; c < some.end; ++c) total[c] += f(c)(x[row + c]...);
    } else {
      for (std::size_t c = some.begin; c < some.end; ++c)
        total[c] += sum_of<T>(layout.length, f(c), (x + (row + c) * layout.length)...);
    }
  }
}

/// Σ f(x[i], …) over the entries i of each channel: (C,).
template <class T, class F, class... X>
Array<T> sum_of_channels(const Layout& layout, F f, const Array<X>&... x) {
  auto result = empty<T>({layout.channels});
  for_channels(layout, [&](Channels some) {
    sum_entries(
        layout, some, result.data(), [=](std::size_t) { return f; }, x.data()...);
  });
  return result;
}

/// Σ x over the entries of each channel.
template <class T>
Array<T> sum_of_channels(const Layout& layout, const Array<T>& x) {
  return sum_of_channels<T>(
      layout, [](auto v) { return v; }, x);
}

/// Those of the handles that are not empty: what an op records as its inputs.
template <class T>
VariableList<T> not_empty(std::initializer_list<Variable<T>> inputs) {
  VariableList<T> result;
  for (const auto& input : inputs)
    if (input) result.push_back(input);
  return result;
}

}  // namespace xgrad::detail
