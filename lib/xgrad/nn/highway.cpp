#include "xgrad/nn/highway.hpp"

#include "xgrad/core/scalars.hpp"

namespace xgrad {

// t f + (1 - t) x = x + t (f - x)
template <class T>
Variable<T> Highway<T>::forward(const Variable<T>& x) {
  const auto f = (*branch_)(x);
  if (f.shape() != x.shape())
    fail("highway", "x is ", to_string(x.shape()), ", the branch gives ", to_string(f.shape()),
         ": both must have the same shape to be mixed");
  return x + sigmoid(gate(x)) * (f - x);
}

#define XGRAD_INSTANTIATE(T) template class Highway<T>;
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
