#pragma once
// Event files for TensorBoard (tensorboard --logdir FOLDER). A library part of its own, xgrad_tensorboard: it
// needs protobuf, the rest does not.

#include <fstream>
#include <string>

#include "xgrad/core/array.hpp"
#include "xgrad/io/log.hpp"

namespace xgrad {

class TensorBoardLog : public Log {
 public:
  /// A new event file in `folder`, which is made when it is not there. With first_step > 0, TensorBoard
  /// forgets what older files of the folder have from that step on. Throws Error when it cannot be written.
  explicit TensorBoardLog(const std::string& folder, std::size_t first_step = 0);

  void write(std::size_t step, const Scalars& scalars) override;

  /// The distribution of an array's entries, in 30 buckets of one width; entries that are not finite are
  /// left out. Nothing is written when there are no others.
  template <class T>
  void histogram(std::size_t step, const std::string& name, const Array<T>& array);

  const std::string& path() const { return path_; }

 private:
  /// An event in protobuf's format, framed as TensorFlow's records are: length, checksum, event, checksum.
  void append(const std::string& event);

  std::string path_;
  std::ofstream out_;
};

}  // namespace xgrad
