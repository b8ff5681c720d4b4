#include "xgrad/data/cifar.hpp"

#include <algorithm>
#include <filesystem>

#include "xgrad/core/scalars.hpp"
#include "xgrad/io/file.hpp"

namespace xgrad {

namespace {
namespace fs = std::filesystem;
constexpr std::size_t pixels = 3 * 32 * 32, record_bytes = 1 + pixels;

std::string read_records(const std::string& path) {
  std::string bytes = read_file("cifar", path);
  if (bytes.empty()) fail("cifar", path, " is empty (0 bytes)");
  if (bytes.size() % record_bytes)
    fail("cifar", path, " has ", bytes.size(), " bytes, ", bytes.size() % record_bytes, " more than ",
         bytes.size() / record_bytes, " records of ", record_bytes,
         ": it is truncated, or of another format");
  return bytes;
}

template <class T>
Labelled<T> joined(const Labelled<T>& a, const Labelled<T>& b) {
  const std::size_t n = a.size() + b.size();
  Labelled<T> all{empty<T>({n, 3, 32, 32}), Indices::from_shape({n})};
  std::copy_n(b.x.data(), b.x.size(), std::copy_n(a.x.data(), a.x.size(), all.x.data()));
  std::copy_n(b.labels.data(), b.size(), std::copy_n(a.labels.data(), a.size(), all.labels.data()));
  return all;
}
}  // namespace

template <class T>
Labelled<T> read_cifar10(const std::string& path) {
  const auto bytes = read_records(path);
  const std::size_t n = bytes.size() / record_bytes;
  Labelled<T> data{empty<T>({n, 3, 32, 32}), Indices::from_shape({n})};
  for (std::size_t i = 0; i < n; ++i) {
    const auto* from = reinterpret_cast<const std::uint8_t*>(bytes.data() + i * record_bytes);
    if (*from > 9) fail("cifar", path, " has label ", int(*from), " for image ", i, ": labels are 0 to 9");
    data.labels.data()[i] = *from;
    std::transform(from + 1, from + record_bytes, data.x.data() + i * pixels,
                   [](int p) { return T(p) / T(255); });
  }
  return data;
}

template <class T>
void write_cifar10(const Labelled<T>& data, const std::string& path) {
  if (data.labels.dimension() != 1 || shape_of(data.x) != Shape{data.size(), 3, 32, 32})
    fail("cifar", "x is ", to_string(shape_of(data.x)), ", labels ", to_string(shape_of(data.labels)),
         ": images are (n, 3, 32, 32), with one label each");
  std::string bytes;
  for (std::size_t i = 0; i < data.size(); ++i) {
    const auto label = data.labels.data()[i];
    if (label < 0 || label > 9) fail("cifar", "label ", i, " is ", label, ": labels are 0 to 9");
    bytes += static_cast<char>(label);
    for (std::size_t j = i * pixels; j < (i + 1) * pixels; ++j) {
      const T value = data.x.data()[j];
      if (!(value >= 0 && value <= 1)) fail("cifar", "pixel ", j, " is ", value, ": pixels lie in [0, 1]");
      bytes += static_cast<char>(static_cast<std::uint8_t>(value * 255 + T(.5)));
    }
  }
  write_file("cifar", path, bytes);
}

template <class T>
TrainTest<T> load_cifar10(const std::string& folder) {
  if (!fs::is_directory(folder))
    fail("cifar", folder, fs::exists(folder) ? " is not a folder" : " does not exist");
  const auto batch = [&](int i) { return folder + "/data_batch_" + std::to_string(i) + ".bin"; };
  const std::string test = folder + "/test_batch.bin";
  for (const auto& file : {batch(1), test})
    if (!fs::exists(file))
      fail("cifar", file, " does not exist: the folder must have data_batch_1.bin and test_batch.bin");
  Labelled<T> train = read_cifar10<T>(batch(1));
  for (int i = 2; i <= 5 && fs::exists(batch(i)); ++i) train = joined(train, read_cifar10<T>(batch(i)));
  return {std::move(train), read_cifar10<T>(test)};
}

const std::string& cifar10_class(std::size_t label) {
  static const std::string names[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                      "dog",      "frog",       "horse", "ship", "truck"};
  if (label > 9) fail("cifar", "there is no class ", label, ": labels are 0 to 9");
  return names[label];
}

#define XGRAD_INSTANTIATE(T)                                           \
  template Labelled<T> read_cifar10(const std::string&);               \
  template void write_cifar10(const Labelled<T>&, const std::string&); \
  template TrainTest<T> load_cifar10(const std::string&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
