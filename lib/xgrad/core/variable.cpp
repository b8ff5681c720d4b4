#include "xgrad/core/variable.hpp"

#include "xgrad/core/parallel.hpp"
#include "xgrad/core/scalars.hpp"
#include "xgrad/core/strided.hpp"
#include "xgrad/core/tape.hpp"

namespace xgrad {

template <class T>
Variable<T>::Variable(Array<T>&& value, bool requires_grad, std::string name)
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

namespace {
/// g summed over the axes along which x was broadcast.
template <class T>
Array<T> summed(const Array<T>& g, const Array<T>& x) {
  const Shape from = shape_of(g), to = shape_of(x);
  if (!detail::broadcasts_to(to, from))
    fail("accumulate", "the gradient is ", to_string(from), ", the value is ", to_string(to),
         ": the value does not broadcast to the gradient");
  return detail::sum_to(g, to);
}

/// sum += g
template <class T>
void add_to(Array<T>& sum, const Array<T>& g) {
  if (!equal_shapes(sum, g))
    fail("accumulate", "the gradient so far is ", to_string(shape_of(sum)), ", the value now ",
         to_string(shape_of(g)), ": call zero_grad before a value changes its shape");
  T* to = sum.data();
  const T* from = g.data();
  XGRAD_INDEPENDENT
  for (std::size_t i = 0; i < g.size(); ++i) to[i] += from[i];
}
}  // namespace

template <class T>
std::optional<Array<T>>& Variable<T>::sum_of_gradients() const {
  auto* collected = detail::collected(*this);
  return collected ? *collected : node_->grad;
}

template <class T>
template <class G>
void Variable<T>::add_to_gradient(G&& g) const {
  if (!requires_grad()) return;
  if (!equal_shapes(g, value())) return accumulate(summed(g, value()));
  auto& sum = sum_of_gradients();
  if (sum)
    add_to(*sum, g);
  else
    sum.emplace(std::forward<G>(g));
}

template <class T>
void Variable<T>::accumulate(const Array<T>& g) const {
  add_to_gradient(g);
}

template <class T>
void Variable<T>::accumulate(Array<T>&& g) const {
  add_to_gradient(std::move(g));
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
