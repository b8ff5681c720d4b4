#pragma once
#include "xgrad/data/labelled.hpp"

namespace xgrad {

/// Two arms of a spiral of one and a half turns, wound into each other: at the angle t = 3π√u, u uniform in
/// [0, 1), label 0 lies at radius t/3π in the direction t, label 1 opposite, plus normal noise of the given
/// deviation in each coordinate. x is (n, 2); labels alternate 0, 1, 0, …. The numbers depend on the seed,
/// and in the last digit on the C library's sine.
template <class T>
Labelled<T> spiral(std::size_t n, double noise, std::uint64_t seed);

}  // namespace xgrad
