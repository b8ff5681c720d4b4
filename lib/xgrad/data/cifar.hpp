#pragma once
// CIFAR-10 in its binary version (https://www.cs.toronto.edu/~kriz/cifar.html): records of 3,073 bytes, one
// label 0 to 9 and 32 × 32 pixels, first all red ones, then all green, then all blue, row by row.

#include <string>

#include "xgrad/data/labelled.hpp"

namespace xgrad {

/// Images (n, 3, 32, 32), bytes divided by 255, and labels (n,) from one file. Throws Error, naming the file,
/// when it cannot be read, is empty, is not made of whole records, or has a label above 9.
template <class T>
Labelled<T> read_cifar10(const std::string& path);

/// The inverse: pixels in [0, 1] are rounded to bytes, and the file is written all or nothing (io/file.hpp).
/// Throws Error on other shapes, pixels and labels.
template <class T>
void write_cifar10(const Labelled<T>& data, const std::string& path);

/// The folder cifar-10-batches-bin: data_batch_1.bin … data_batch_5.bin are `train`, as many of them as there
/// are from the first on, and test_batch.bin is `test`. Throws Error when data_batch_1.bin or test_batch.bin
/// is missing.
template <class T>
TrainTest<T> load_cifar10(const std::string& folder);

/// "airplane", "automobile", … for label 0, 1, ….
const std::string& cifar10_class(std::size_t label);

}  // namespace xgrad
