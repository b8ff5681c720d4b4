#pragma once
// NumPy's .npy files, format version 1.0: one array of float32, float64, int64 or bool, little-endian, C
// order. (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html)

#include "xgrad/core/array.hpp"

namespace xgrad {

/// Reads what numpy.save wrote. T is float, double, std::int64_t or bool and must be what the file holds;
/// `cast` converts afterwards. Throws Error on a file that is missing, foreign, truncated, too long, in
/// Fortran order, or of another type.
template <class T>
Array<T> load_npy(const std::string& path);

/// Writes a file for numpy.load, all or nothing (io/file.hpp). Throws Error when that fails.
template <class T>
void save_npy(const std::string& path, const Array<T>& array);

}  // namespace xgrad
