#pragma once
// Data parallelism: the parts of a batch on several threads, each with its own tape.

#include <functional>

#include "xgrad/core/variable.hpp"

namespace xgrad {

/// Runs part(0) … part(n-1) at the same time, the first on this thread. Each part records on a Tape of its
/// own and calls backward. What it sends to values from outside, such as the parameters, is kept apart until
/// all parts have ended and is then added in the order of the parts: the result is the same in every run, and
/// that of one thread up to rounding. So a part does not see the parameters' gradients, and must not clear
/// them. A NoGrad around the call holds for all parts. Modules that keep a state which forward changes
/// (Dropout's generator) must not be shared between the parts. Operations inside use one thread each. When a
/// part throws, the others are awaited, no gradient is added, and the first part's exception goes on.
template <class T>
void in_parallel(std::size_t n, const std::function<void(std::size_t)>& part);

namespace detail {
/// Where a gradient for x is to be added on this thread: null outside in_parallel and for what the part
/// itself recorded, then x takes it.
template <class T>
std::optional<Array<T>>* collected(const Variable<T>& x);
}  // namespace detail

}  // namespace xgrad
