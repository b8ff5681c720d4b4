#pragma once
// Reductions over any axes. An empty list of axes means all of them; with keepdims a reduced axis stays with
// length 1, so that the result broadcasts against x. Throws Error on an axis that does not exist or is
// repeated.

#include "xgrad/core/tape.hpp"

namespace xgrad {

enum class Divisor { population, sample };  ///< n, or n - 1 (Bessel)

/// Σ x; 0 over no entries.
template <class T>
Variable<T> sum(const Variable<T>& x, const Axes& axes = {}, bool keepdims = false);
/// Σ x / n; NaN over no entries (0/0), as in NumPy and PyTorch.
template <class T>
Variable<T> mean(const Variable<T>& x, const Axes& axes = {}, bool keepdims = false);
/// Mean squared deviation from the mean. With Divisor::sample a single entry gives NaN (0/0), as in PyTorch.
template <class T>
Variable<T> variance(const Variable<T>& x, const Axes& axes = {}, bool keepdims = false,
                     Divisor divisor = Divisor::population);
/// The largest entry; equal largest entries share the gradient evenly (as torch.amax).
/// Throws on zero entries.
template <class T>
Variable<T> max(const Variable<T>& x, const Axes& axes = {}, bool keepdims = false);
/// ln Σ eˣ, computed as m + ln Σ e^(x-m) with m = max x: no overflow. Throws on zero entries.
template <class T>
Variable<T> logsumexp(const Variable<T>& x, const Axes& axes = {}, bool keepdims = false);

}  // namespace xgrad
