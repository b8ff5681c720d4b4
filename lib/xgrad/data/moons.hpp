#pragma once
#include "xgrad/data/labelled.hpp"

namespace xgrad {

/// Two interleaved half circles of radius 1: label 0 on (cos θ, sin θ), label 1 on (1 - cos θ, ½ - sin θ),
/// 0 ≤ θ < π uniform, plus normal noise of the given deviation in each coordinate. No straight line parts
/// them. x is (n, 2); labels alternate 0, 1, 0, …. The numbers depend on the seed only.
template <class T>
Labelled<T> moons(std::size_t n, double noise, std::uint64_t seed);

}  // namespace xgrad
