#pragma once
// Arrays, shapes and the words in which the library complains about them.

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "xgrad/core/memory.hpp"
#include "xgrad/core/xtensor.hpp"

namespace xgrad {

/// A dense row-major array of any rank, a value (copying copies). T is float or double. (An xt::xarray, but
/// for its memory and for extents that are not set to 0 before they get their values.)
template <class T>
using Array = xt::xarray_container<xt::uvector<T, RecyclingAllocator<T>>, xt::layout_type::row_major,
                                   xt::svector<std::size_t, 4, std::allocator<std::size_t>, false>>;

using Indices = Array<std::int64_t>;  ///< class labels, token numbers, positions
using Mask = Array<bool>;             ///< true marks the entries a mask speaks of

using Shape = std::vector<std::size_t>;
using Axes = std::vector<std::ptrdiff_t>;  ///< a negative axis counts from the end, as in NumPy

/// Everything that xgrad rejects is an Error: one line that names the operation, what it got, and the rule.
class Error : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// Throws Error("[where] part part …").
template <class... Parts>
[[noreturn]] void fail(const std::string& where, const Parts&... parts) {
  std::ostringstream text;
  text << '[' << where << "] ";
  (text << ... << parts);
  throw Error(text.str());
}

template <class A>
Shape shape_of(const A& array) {
  return Shape(array.shape().begin(), array.shape().end());
}

/// Whether both arrays have the same shape.
template <class A, class B>
bool equal_shapes(const A& a, const B& b) {
  if (a.dimension() != b.dimension()) return false;
  for (std::size_t i = 0; i < a.dimension(); ++i)
    if (a.shape()[i] != b.shape()[i]) return false;
  return true;
}

/// "(32, 64)", "(5,)", "()": as NumPy writes shapes.
std::string to_string(const Shape& shape);

/// Number of entries, 1 for rank 0. Throws when memory could not address that many. S is Shape or an array's
/// own shape_type.
template <class S = Shape>
std::size_t count(const S& shape) {
  std::ptrdiff_t entries = 1;
  bool none = false;
  for (std::size_t extent : shape) {  // strides are products too: an extent of 0 does not excuse the others
    none |= extent == 0;
    if (__builtin_mul_overflow(entries, extent ? extent : 1, &entries))
      fail("shape", to_string(Shape(shape.begin(), shape.end())),
           " has more entries than memory can address");
  }
  return none ? 0 : static_cast<std::size_t>(entries);
}

/// `axis` counted from the front. Throws when it is outside [-rank, rank).
std::size_t normalised_axis(const char* op, std::ptrdiff_t axis, std::size_t rank);

/// All `axes` counted from the front, ascending; the empty list means every axis. Throws on repeats.
std::vector<std::size_t> normalised_axes(const char* op, const Axes& axes, std::size_t rank);

/// The common shape of `a` and `b` under NumPy's broadcasting rule. Throws, naming `op`, when there is none.
Shape broadcast_shape(const char* op, const Shape& a, const Shape& b);

/// `shape` with `axes` removed, or kept as size 1.
Shape reduced_shape(const Shape& shape, const std::vector<std::size_t>& axes, bool keepdims);

template <class T, class S = Shape>
Array<T> empty(const S& shape) {  // uninitialised
  count(shape);                   // throws when there are too many
  return Array<T>::from_shape(typename Array<T>::shape_type(shape.begin(), shape.end()));
}

/// Uninitialised, of the same shape.
template <class T>
Array<T> empty_like(const Array<T>& array) {
  return Array<T>(array.shape());
}

template <class T>
Array<T> full(const Shape& shape, T value) {
  auto array = empty<T>(shape);
  std::fill(array.data(), array.data() + array.size(), value);
  return array;
}

template <class T>
Array<T> zeros(const Shape& shape) {
  return full<T>(shape, T(0));
}

template <class T>
Array<T> scalar(T value) {
  return full<T>({}, value);
}

/// The same entries in row-major order under another shape of the same size. Throws when the sizes differ.
template <class T>
Array<T> reshaped(Array<T> array, const Shape& shape) {
  if (count(shape) != array.size())
    fail("reshaped", "the array is ", to_string(shape_of(array)), ", the new shape ", to_string(shape),
         ": both must have the same number of entries");
  array.reshape(shape);
  return array;
}

/// Entry by entry conversion, for example from float to double. Write xgrad::cast: the bare name finds the
/// lazy xt::cast as well.
template <class To, class From>
Array<To> cast(const Array<From>& array) {
  auto result = empty<To>(shape_of(array));
  for (std::size_t i = 0; i < array.size(); ++i) result.data()[i] = static_cast<To>(array.data()[i]);
  return result;
}

/// Nested brackets as NumPy prints them, `digits` significant digits.
template <class T>
std::string to_string(const Array<T>& array, int digits = 6);

}  // namespace xgrad
