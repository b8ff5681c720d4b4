#include "xgrad/core/variable.hpp"

#include "xgrad/core/parallel.hpp"
#include "xgrad/core/scalars.hpp"
#include "xgrad/core/strided.hpp"
#include "xgrad/core/tape.hpp"

namespace xgrad {

template <class T>
Variable<T>::Variable(Array<T> value, bool requires_grad, std::string name)
    : node_(std::allocate_shared<Node<T>>(RecyclingAllocator<Node<T>>(), std::move(value))) {
  node_->requires_grad = requires_grad;
  node_->name = std::move(name);
}

template <class T>
std::size_t Variable<T>::extent(std::ptrdiff_t axis) const {
  return value().shape()[normalised_axis("extent", axis, rank())];
}

template <class T>
T Variable<T>::item() const {
  if (size() != 1)
    fail("item", "the value is ", to_string(shape()), ": only an array of one entry is an item");
  return value().data()[0];
}

template <class T>
Variable<T>& Variable<T>::requires_grad(bool on) {
  node().requires_grad = on;
  return *this;
}

template <class T>
Variable<T>& Variable<T>::named(std::string name) {
  node().name = std::move(name);
  return *this;
}

template <class T>
const Array<T>& Variable<T>::grad() const {
  if (!node().grad)
    fail("grad", name().empty() ? "this variable" : name(), " has no gradient: ",
         requires_grad() ? "no backward pass has reached it yet" : "it does not require one");
  return *node_->grad;
}

template <class T>
void Variable<T>::accumulate(Array<T> g) const {
  if (!requires_grad()) return;
  const Array<T>& x = value();
  if (g.shape() != x.shape()) {
    if (broadcast_shape("accumulate", shape_of(g), shape_of(x)) != shape_of(g))
      fail("accumulate", "the gradient is ", to_string(shape_of(g)), ", the value is ", to_string(shape()),
           ": the value does not broadcast to the gradient");
    g = detail::sum_to(g, shape());
  }
  auto* collected = detail::collected(*this);
  auto& grad = collected ? *collected : node_->grad;
  if (!grad) {
    grad.emplace(std::move(g));
    return;
  }
  if (grad->shape() != g.shape())
    fail("accumulate", "the gradient so far is ", to_string(shape_of(*grad)), ", the value now ",
         to_string(shape()), ": call zero_grad before a value changes its shape");
  T* sum = grad->data();
  for (std::size_t i = 0; i < g.size(); ++i) sum[i] += g.data()[i];
}

namespace {
template <class T>
Tape<T>& tape_for_backward() {
  if (!Tape<T>::current()) fail("backward", "there is no tape: create one before the computation");
  return *Tape<T>::current();
}
}  // namespace

template <class T>
void Variable<T>::backward(Keep keep) const {
  tape_for_backward<T>().backward(*this, keep);
}

template <class T>
void Variable<T>::backward(Array<T> cotangent, Keep keep) const {
  tape_for_backward<T>().backward(*this, std::move(cotangent), keep);
}

#define XGRAD_INSTANTIATE(T) template class Variable<T>;
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
