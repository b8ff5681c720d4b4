#pragma once
#include <vector>

#include "xgrad/core/array.hpp"

namespace xgrad {

/// The singular values of a matrix, largest first. Throws Error unless `a` has rank 2 and all
/// its entries are finite.
std::vector<double> singular_values(const Array<double>& a);

}  // namespace xgrad
