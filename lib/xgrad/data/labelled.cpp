#include "xgrad/data/labelled.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/core/scalars.hpp"

namespace xgrad {

template <class T>
Labelled<T> samples(const Labelled<T>& data, std::size_t begin, std::size_t end) {
  if (data.labels.dimension() != 1 || data.x.dimension() == 0 || data.x.shape(0) != data.size())
    fail("samples", "x is ", to_string(shape_of(data.x)), ", labels ", to_string(shape_of(data.labels)),
         ": there must be one label for each row of x");
  if (begin > end || end > data.size())
    fail("samples", begin, " to ", end, " of ", data.size(), ": begin ≤ end ≤ the number of samples");
  Shape shape = shape_of(data.x);
  shape.at(0) = end - begin;
  Labelled<T> part{empty<T>(shape), Indices::from_shape({end - begin})};
  const std::size_t width = data.size() ? data.x.size() / data.size() : 0;
  std::copy(data.x.data() + begin * width, data.x.data() + end * width, part.x.data());
  std::copy(data.labels.data() + begin, data.labels.data() + end, part.labels.data());
  return part;
}

template <class T>
std::size_t count_correct(const Array<T>& scores, const Indices& labels) {
  if (scores.dimension() != 2 || scores.shape(0) != labels.size() || scores.shape(1) == 0)
    fail("count_correct", "scores are ", to_string(shape_of(scores)), ", labels ",
         to_string(shape_of(labels)), ": scores must be (samples, classes), with one label per sample");
  const std::size_t classes = scores.shape(1);
  std::size_t correct = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const T* row = scores.data() + i * classes;
    if (std::any_of(row, row + classes, [](T score) { return std::isnan(score); })) continue;
    correct += std::max_element(row, row + classes) - row == labels.data()[i];
  }
  return correct;
}

#define XGRAD_INSTANTIATE(T)                                                  \
  template Labelled<T> samples(const Labelled<T>&, std::size_t, std::size_t); \
  template std::size_t count_correct(const Array<T>&, const Indices&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
