#pragma once
#include "xgrad/data/labelled.hpp"

namespace xgrad {

/// Arms of a spiral of one and a half turns, wound into each other: at the angle t = 3π√u, u uniform in
/// [0, 1), label k of `arms` lies at radius t/3π in the direction t + 2πk/arms, plus normal noise of the
/// given deviation in each coordinate. x is (n, 2); labels go round, 0, 1, 0, … for two arms. The numbers
/// depend on the seed, and in the last digit on the C library's sine. Throws Error unless the noise is 0 or
/// more and there is at least one arm.
template <class T>
Labelled<T> spiral(std::size_t n, double noise, std::uint64_t seed, std::size_t arms = 2);

}  // namespace xgrad
