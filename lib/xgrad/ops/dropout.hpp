#pragma once
#include "xgrad/core/random.hpp"
#include "xgrad/core/tape.hpp"

namespace xgrad {

/// Each entry is zeroed with probability p in [0, 1), the rest scaled by 1/(1-p), so that the expectation is
/// x (Srivastava et al., JMLR 15, 2014, in its "inverted" form). Throws Error on any other p.
template <class T>
Variable<T> dropout(const Variable<T>& x, double p, Rng& rng);

}  // namespace xgrad
