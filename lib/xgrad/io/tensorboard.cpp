#include "xgrad/io/tensorboard.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>

#include "tensorboard.pb.h"
#include "xgrad/core/scalars.hpp"

namespace xgrad {

namespace {
namespace tb = tensorboard;

/// CRC-32C (Castagnoli), bit-reversed polynomial 0x82f63b78 (RFC 3720).
std::uint32_t crc32c(const char* data, std::size_t size) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> t;
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      t[byte] = byte;
      for (int bit = 0; bit < 8; ++bit) t[byte] = t[byte] >> 1 ^ (t[byte] & 1 ? 0x82f63b78u : 0u);
    }
    return t;
  }();
  std::uint32_t crc = ~0u;
  for (std::size_t i = 0; i < size; ++i)
    crc = crc >> 8 ^ table[(crc ^ static_cast<unsigned char>(data[i])) & 255];
  return ~crc;
}

/// TFRecord's masked checksum: a checksum of data that hold checksums would be weak.
std::string masked_checksum(const char* data, std::size_t size) {
  const std::uint32_t crc = crc32c(data, size), masked = (crc >> 15 | crc << 17) + 0xa282ead8u;
  return {reinterpret_cast<const char*>(&masked), sizeof masked};
}

tb::Event event_of(std::size_t step) {
  tb::Event event;
  event.set_wall_time(
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count());
  event.set_step(static_cast<std::int64_t>(step));
  return event;
}

/// A name that no other file of the folder has; TensorBoard looks for "tfevents" in it.
std::string file_name() {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  static int number = 0;
  return "events.out.tfevents." + std::to_string(seconds.count()) + ".xgrad." + std::to_string(::getpid()) +
         "." + std::to_string(number++);
}
}  // namespace

TensorBoardLog::TensorBoardLog(const std::string& folder, std::size_t first_step) {
  std::error_code ignored;  // opening the file tells
  std::filesystem::create_directories(folder, ignored);
  path_ = (std::filesystem::path(folder) / file_name()).string();
  out_.open(path_, std::ios::binary);
  tb::Event version = event_of(0);
  version.set_file_version("brain.Event:2");
  append(version.SerializeAsString());
  if (first_step > 0) {
    tb::Event start = event_of(first_step);
    start.mutable_session_log()->set_status(tb::SessionLog::START);
    append(start.SerializeAsString());
  }
}

void TensorBoardLog::write(std::size_t step, const Scalars& scalars) {
  tb::Event event = event_of(step);
  for (const auto& [name, value] : scalars) {
    auto& entry = *event.mutable_summary()->add_value();
    entry.set_tag(name);
    entry.set_simple_value(static_cast<float>(value));
  }
  append(event.SerializeAsString());
}

template <class T>
void TensorBoardLog::histogram(std::size_t step, const std::string& name, const Array<T>& array) {
  constexpr std::size_t most_buckets = 30;
  tb::Histogram h;
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const T x : array)
    if (std::isfinite(x)) {
      low = std::min(low, double(x));
      high = std::max(high, double(x));
      h.set_num(h.num() + 1);
      h.set_sum(h.sum() + double(x));
      h.set_sum_squares(h.sum_squares() + double(x) * double(x));
    }
  if (h.num() == 0) return;
  h.set_min(low);
  h.set_max(high);

  const std::size_t buckets = low < high ? most_buckets : 1;
  const double width = high / double(buckets) - low / double(buckets);  // high - low might overflow
  std::vector<double> count(buckets);
  for (const T x : array)
    if (std::isfinite(x)) {
      const double place = width > 0 ? (double(x) / width - low / width) : 0;
      ++count[std::min(static_cast<std::size_t>(std::max(place, 0.)), buckets - 1)];
    }
  for (std::size_t i = 0; i < buckets; ++i) {
    h.add_bucket_limit(i + 1 == buckets ? high : low + double(i + 1) * width);
    h.add_bucket(count[i]);
  }
  tb::Event event = event_of(step);
  auto& entry = *event.mutable_summary()->add_value();
  entry.set_tag(name);
  *entry.mutable_histo() = h;
  append(event.SerializeAsString());
}

void TensorBoardLog::append(const std::string& event) {
  const std::uint64_t length = event.size();
  const std::string prefix(reinterpret_cast<const char*>(&length), sizeof length);
  out_ << prefix + masked_checksum(prefix.data(), prefix.size()) + event +
              masked_checksum(event.data(), event.size())
       << std::flush;
  if (!out_) fail("tensorboard", path_, " cannot be written");
}

#define XGRAD_INSTANTIATE(T) \
  template void TensorBoardLog::histogram(std::size_t, const std::string&, const Array<T>&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
