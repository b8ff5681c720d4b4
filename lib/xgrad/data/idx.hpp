#pragma once
// IDX, the format in which MNIST is published: two zero bytes, a type byte, the number of axes, each extent
// as a big-endian 32-bit number, then the entries in row-major order; as it is or in a gzip file.

#include <string>

#include "xgrad/data/labelled.hpp"

namespace xgrad {

/// What an IDX file of unsigned bytes holds.
struct Idx {
  Shape shape;
  std::vector<std::uint8_t> entries;
};

/// Reads a whole file, compressed or not. Throws Error, naming the file, what was found and the rule, when
/// the file is missing, empty, truncated, damaged, of another format or type, or longer than its header says.
/// A header is believed only as far as there are data: memory grows with what is read.
Idx read_idx(const std::string& path);

/// Writes a file, compressed when the name ends in ".gz", all or nothing (io/file.hpp). Throws Error when
/// that fails, or unless there are 1 to 255 axes and one byte per entry.
void write_idx(const std::string& path, const Idx& idx);

/// Images (n, rows, columns) and labels 0…9 (n,), pixels divided by 255. Throws Error on anything that
/// read_idx rejects, other ranks, no samples, different numbers of images and labels, and labels above 9.
template <class T>
Labelled<T> read_digits(const std::string& images, const std::string& labels);

/// The inverse: pixels in [0, 1] are rounded to bytes. Throws Error on values outside.
template <class T>
void write_digits(const Labelled<T>& data, const std::string& images, const std::string& labels);

template <class T>
struct Mnist : TrainTest<T> {
  bool split_here;  ///< one file only was there: its first four fifths are `train`, the rest `test`
};

/// The MNIST files of a folder under their usual names: train-images-idx3-ubyte, train-labels-idx1-ubyte,
/// t10k-images-…, t10k-labels-…, with "." for the last "-" as some archives have it, and with or without
/// ".gz". When only one of train and t10k is there, it is split: the 10,000 images of t10k into 8,000 and
/// 2,000.
template <class T>
Mnist<T> load_mnist(const std::string& folder);

}  // namespace xgrad
