#include "xgrad/core/array.hpp"

#include <algorithm>
#include <numeric>

#include "xgrad/core/scalars.hpp"

namespace xgrad {

std::string to_string(const Shape& shape) {
  std::ostringstream text;
  text << '(';
  for (std::size_t i = 0; i < shape.size(); ++i) text << (i ? ", " : "") << shape[i];
  text << (shape.size() == 1 ? ",)" : ")");
  return text.str();
}

std::size_t normalised_axis(const char* op, std::ptrdiff_t axis, std::size_t rank) {
  const auto n = static_cast<std::ptrdiff_t>(rank);
  if (n == 0) fail(op, "axis ", axis, " does not exist: a scalar has no axes");
  if (axis < -n || axis >= n)
    fail(op, "axis ", axis, " does not exist: an array of rank ", rank, " has axes ", -n, " to ", n - 1);
  return static_cast<std::size_t>(axis < 0 ? axis + n : axis);
}

std::vector<std::size_t> normalised_axes(const char* op, const Axes& axes, std::size_t rank) {
  std::vector<std::size_t> result;
  if (axes.empty()) {
    result.resize(rank);
    std::iota(result.begin(), result.end(), std::size_t(0));
    return result;
  }
  for (auto axis : axes) result.push_back(normalised_axis(op, axis, rank));
  std::sort(result.begin(), result.end());
  if (std::adjacent_find(result.begin(), result.end()) != result.end()) fail(op, "an axis is named twice");
  return result;
}

Shape broadcast_shape(const char* op, const Shape& a, const Shape& b) {
  Shape result(std::max(a.size(), b.size()));
  for (std::size_t i = 1; i <= result.size(); ++i) {
    const std::size_t m = i <= a.size() ? a[a.size() - i] : 1;
    const std::size_t n = i <= b.size() ? b[b.size() - i] : 1;
    if (m != n && m != 1 && n != 1)
      fail(op, "a is ", to_string(a), ", b is ", to_string(b),
           ": axes are matched from the last one, and must be equal or 1");
    result[result.size() - i] = m == 1 ? n : m;
  }
  return result;
}

Shape reduced_shape(const Shape& shape, const std::vector<std::size_t>& axes, bool keepdims) {
  Shape result;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool reduced = std::binary_search(axes.begin(), axes.end(), i);
    if (!reduced)
      result.push_back(shape[i]);
    else if (keepdims)
      result.push_back(1);
  }
  return result;
}

namespace {
template <class T>
void print(std::ostream& out, const T*& entry, const Shape& shape, std::size_t axis) {
  if (axis == shape.size()) {
    out << *entry++;
    return;
  }
  out << '[';
  for (std::size_t i = 0; i < shape[axis]; ++i) {
    if (i) out << (axis + 1 == shape.size() ? ", " : ",\n" + std::string(axis + 1, ' '));
    print(out, entry, shape, axis + 1);
  }
  out << ']';
}
}  // namespace

template <class T>
std::string to_string(const Array<T>& array, int digits) {
  std::ostringstream text;
  text.precision(digits);
  const T* entry = array.data();
  print(text, entry, shape_of(array), 0);
  return text.str();
}

#define XGRAD_INSTANTIATE(T) template std::string to_string(const Array<T>&, int);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)
XGRAD_INSTANTIATE(std::int64_t)
XGRAD_INSTANTIATE(bool)

}  // namespace xgrad
