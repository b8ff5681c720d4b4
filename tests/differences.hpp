#pragma once
// How far arrays are apart.

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstddef>

#include "xgrad/core/array.hpp"

/// The largest |a - b| over all entries of two arrays of the same shape; NaN when any difference is NaN.
template <class T>
double largest_difference(const xgrad::Array<T>& a, const xgrad::Array<T>& b) {
  BOOST_REQUIRE_EQUAL(xgrad::to_string(xgrad::shape_of(a)), xgrad::to_string(xgrad::shape_of(b)));
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(double(a.data()[i]) - double(b.data()[i]));
    if (difference > largest || std::isnan(difference)) largest = difference;
  }
  return largest;
}

/// The largest |a|; NaN when any entry is NaN.
template <class T>
double largest_of(const xgrad::Array<T>& a) {
  return largest_difference<T>(a, xgrad::zeros<T>(xgrad::shape_of(a)));
}
