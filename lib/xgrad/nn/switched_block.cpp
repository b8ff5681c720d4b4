#include "xgrad/nn/switched_block.hpp"

#include "xgrad/core/scalars.hpp"

namespace xgrad {

std::string Switches::describe() const {
  if (residual) return norm ? "residual + LN" : "residual";
  return norm ? "LN" : "neither";
}

template <class T>
Variable<T> SwitchedBlock<T>::forward(const Variable<T>& x) {
  const auto f = (*layer_)(norm_ ? (*norm_)(x) : x);
  if (!switches_.residual) return f;
  if (f.shape() != x.shape())
    fail("switched_block", "x is ", to_string(x.shape()), ", the layer gives ", to_string(f.shape()),
         ": both must have the same shape to be added");
  return x + f;
}

template <class T>
std::vector<Part<T>> SwitchedBlock<T>::parts() {
  std::vector<Part<T>> result;
  if (norm_) result.emplace_back("norm", *norm_);
  result.emplace_back("layer", *layer_);
  return result;
}

#define XGRAD_INSTANTIATE(T) template class SwitchedBlock<T>;
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
