#pragma once
// Variable: a handle to a value and, once backward has run, to its gradient.

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "xgrad/core/array.hpp"

namespace xgrad {

enum class Keep { no, yes };  ///< whether a tape survives its backward pass

template <class T>
class Tape;
template <class T>
class Variable;

// The ops behind + - * / (ops/elementwise.hpp).
template <class T>
Variable<T> add(const Variable<T>& a, const Variable<T>& b);
template <class T>
Variable<T> sub(const Variable<T>& a, const Variable<T>& b);
template <class T>
Variable<T> mul(const Variable<T>& a, const Variable<T>& b);
template <class T>
Variable<T> div(const Variable<T>& a, const Variable<T>& b);
template <class T>
Variable<T> neg(const Variable<T>& x);

/// What a Variable points at. Values and gradients live here; how a value was computed lives in the Tape, so
/// that nodes never own one another: no cycles, and nothing recursive to destroy.
template <class T>
struct Node {
  explicit Node(Array<T>&& value) : value(std::move(value)) {}
  Array<T> value;
  std::optional<Array<T>> grad;  // ∂L/∂value, empty until something flows back
  bool requires_grad = false;
  std::size_t position = 0;  // index of the entry that made it, in the tape that recorded it
  std::string name;
};

/// A handle to an array and its gradient. Copies share both. A number converts to a constant, so `2 * x + 1`
/// means what it says. An Array does too, but not beside an operator, where xtensor's own would take it:
/// write `Variable<T>(array) * x`.
template <class T>
class Variable {
 public:
  Variable() = default;  ///< an empty handle: "no bias", "no mask"
  Variable(T value) : Variable(scalar(value)) {}
  Variable(Array<T>&& value, bool requires_grad = false, std::string name = {});
  Variable(const Array<T>& value, bool requires_grad = false, std::string name = {})
      : Variable(Array<T>(value), requires_grad, std::move(name)) {}

  explicit operator bool() const { return static_cast<bool>(node_); }

  const Array<T>& value() const& { return node().value; }
  /// Of a temporary handle, by value: `for (T y : f(x).value())` would read what is gone already.
  Array<T> value() && { return node_.use_count() == 1 ? std::move(node().value) : node().value; }
  Array<T>& mutable_value() { return node().value; }  ///< for optimisers and initialisation only
  Shape shape() const { return shape_of(value()); }
  std::size_t rank() const { return value().dimension(); }
  std::size_t size() const { return value().size(); }
  /// Length of one axis; a negative axis counts from the end. Throws Error when there is no such axis.
  std::size_t extent(std::ptrdiff_t axis) const;
  /// The only entry. Throws Error when there is not exactly one.
  T item() const;

  bool requires_grad() const { return node_ && node_->requires_grad; }
  Variable& requires_grad(bool on);  ///< false freezes a parameter
  bool has_grad() const { return node_ && node_->grad; }
  /// ∂L/∂this, same shape as the value. Throws Error when no backward pass has reached this variable.
  const Array<T>& grad() const;
  Array<T>& mutable_grad() { return const_cast<Array<T>&>(grad()); }  ///< for gradient clipping
  void zero_grad() {
    if (node_) node_->grad.reset();
  }

  /// grad += g: the only place in the library that touches a gradient. Axes along which this variable was
  /// broadcast are summed over; any other difference of shape throws Error. Constants ignore it.
  void accumulate(const Array<T>& g) const;
  void accumulate(Array<T>&& g) const;  ///< keeps g's memory if it is the first

  /// Runs the current tape backwards from this scalar (seed 1). See Tape::backward.
  void backward(Keep keep = Keep::no) const;
  void backward(Array<T> cotangent, Keep keep = Keep::no) const;

  /// The same value as a constant: nothing flows back through it.
  Variable detach() const { return Variable(value()); }

  const std::string& name() const { return node().name; }
  Variable& named(std::string name);  ///< the name that tapes and graphs show

  friend Variable operator+(const Variable& a, const Variable& b) { return add(a, b); }
  friend Variable operator-(const Variable& a, const Variable& b) { return sub(a, b); }
  friend Variable operator*(const Variable& a, const Variable& b) { return mul(a, b); }
  friend Variable operator/(const Variable& a, const Variable& b) { return div(a, b); }
  friend Variable operator-(const Variable& a) { return neg(a); }
  /// These give the handle a new value; whatever used the old one is not disturbed.
  Variable& operator+=(const Variable& b) { return *this = *this + b; }
  Variable& operator-=(const Variable& b) { return *this = *this - b; }
  Variable& operator*=(const Variable& b) { return *this = *this * b; }
  Variable& operator/=(const Variable& b) { return *this = *this / b; }

 private:
  friend class Tape<T>;
  Node<T>& node() const {
    if (!node_) fail("variable", "this handle is empty: give it a value first");
    return *node_;
  }
  /// Where gradients for this value are added up on this thread.
  std::optional<Array<T>>& sum_of_gradients() const;
  template <class G>
  void add_to_gradient(G&& g) const;
  std::shared_ptr<Node<T>> node_;
};

/// The inputs of an op, in recycled memory.
template <class T>
using VariableList = std::vector<Variable<T>, RecyclingAllocator<Variable<T>>>;

/// A trainable variable: requires_grad is set, and its gradient adds up until zero_grad.
template <class T>
Variable<T> parameter(Array<T> value, std::string name = {}) {
  return Variable<T>(std::move(value), true, std::move(name));
}

}  // namespace xgrad
