#include "xgrad/data/idx.hpp"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>

#include "xgrad/core/scalars.hpp"
#include "xgrad/io/file.hpp"

namespace xgrad {

namespace {
namespace fs = std::filesystem;

struct Close {
  void operator()(gzFile file) const { gzclose(file); }
};
using GzFile = std::unique_ptr<gzFile_s, Close>;

constexpr int unsigned_byte = 0x08;
constexpr std::size_t piece = std::size_t(1) << 20;

/// Appends up to `size` bytes to `bytes`; fewer only at the end of the file.
void read_some(gzFile file, const std::string& path, std::size_t size, std::vector<std::uint8_t>& bytes) {
  while (size > 0) {
    const std::size_t before = bytes.size(), wanted = std::min(size, piece);
    bytes.resize(before + wanted);
    const int got = gzread(file, bytes.data() + before, static_cast<unsigned>(wanted));
    bytes.resize(before + static_cast<std::size_t>(std::max(got, 0)));
    int code = Z_OK;
    const std::string message = gzerror(file, &code);
    if (code == Z_BUF_ERROR)
      fail("idx", path, " ends in the middle of its compressed data: the file is truncated");
    if (code == Z_DATA_ERROR)
      fail("idx", path, " is damaged: its compressed data do not fit together or miss their checksum");
    if (got < 0 || code != Z_OK)
      fail("idx", path, " cannot be read: ", code == Z_ERRNO ? std::strerror(errno) : message.c_str());
    if (got == 0) return;
    size -= static_cast<std::size_t>(got);
  }
}

/// "60000 × 28 × 28"
std::string product(const Shape& shape) {
  std::string text;
  for (std::size_t extent : shape) text += (text.empty() ? "" : " × ") + std::to_string(extent);
  return text;
}

std::string hexadecimal(const std::vector<std::uint8_t>& bytes) {
  std::string text;
  for (std::uint8_t byte : bytes) {
    text += text.empty() ? "" : " ";
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

/// The bytes as a gzip file has them.
std::string gzipped(std::string bytes) {
  z_stream stream{};
  constexpr int best = 9, gzip = 16 + MAX_WBITS, memory = 8;
  if (deflateInit2(&stream, best, Z_DEFLATED, gzip, memory, Z_DEFAULT_STRATEGY) != Z_OK)
    fail("idx", "zlib has no memory to compress ", bytes.size(), " bytes");
  std::string result;
  std::vector<unsigned char> out(piece);
  for (std::size_t begin = 0; begin == 0 || begin < bytes.size(); begin += piece) {
    const std::size_t size = std::min(piece, bytes.size() - begin);
    stream.next_in = reinterpret_cast<unsigned char*>(bytes.data() + begin);
    stream.avail_in = static_cast<unsigned>(size);
    do {
      stream.next_out = out.data();
      stream.avail_out = static_cast<unsigned>(out.size());
      deflate(&stream, begin + size == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
      result.append(out.begin(), out.end() - stream.avail_out);
    } while (stream.avail_out == 0);
  }
  deflateEnd(&stream);
  return result;
}

Idx read_idx_of_rank(const std::string& path, std::size_t rank, const char* what) {
  Idx idx = read_idx(path);
  if (idx.shape.size() != rank)
    fail("idx", path, " holds an array ", to_string(idx.shape), ": ", what, " have ", rank,
         rank == 1 ? " axis" : " axes");
  if (idx.entries.empty())
    fail("idx", path, " holds an array ", to_string(idx.shape), ": there are no ", what, " in it");
  return idx;
}

/// The file `stem`-idx3-ubyte or the like in `folder`, under any of its usual names.
std::optional<std::string> find(const fs::path& folder, const std::string& stem, const std::string& kind) {
  for (const char* separator : {"-", "."})
    for (const char* ending : {"", ".gz"}) {
      const fs::path path = folder / (stem + separator + kind + ending);
      if (fs::exists(path)) return path.string();
    }
  return std::nullopt;
}

/// The pair of files of one part ("train", "t10k"), if there is any of it.
template <class T>
std::optional<Labelled<T>> find_part(const fs::path& folder, const std::string& part) {
  const auto images = find(folder, part + "-images", "idx3-ubyte"),
             labels = find(folder, part + "-labels", "idx1-ubyte");
  if (!images && !labels) return std::nullopt;
  if (!images || !labels)
    fail("mnist", images ? *images : *labels, " is there, but not ", part,
         images ? "-labels-idx1" : "-images-idx3", "-ubyte[.gz]: images and labels come in pairs");
  return read_digits<T>(*images, *labels);
}
}  // namespace

Idx read_idx(const std::string& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status)) fail("idx", path, " does not exist");
  if (fs::is_directory(status)) fail("idx", path, " is a folder: an IDX file is expected");
  const GzFile file(gzopen(path.c_str(), "rb"));
  if (!file) fail("idx", path, " cannot be opened: ", std::strerror(errno));

  std::vector<std::uint8_t> header;
  read_some(file.get(), path, 4, header);
  if (header.empty()) fail("idx", path, " is empty (0 bytes): an IDX file begins with a header");
  if (header.size() < 4 || header[0] != 0 || header[1] != 0)
    fail("idx", path, " begins with ", hexadecimal(header),
         " (hexadecimal): an IDX file begins with 00 00, its type, and its number of axes");
  if (header[2] != unsigned_byte)
    fail("idx", path, " has entries of type ", int(header[2]), ": only unsigned bytes (type 8) can be read");
  const std::size_t rank = header[3];
  if (rank == 0) fail("idx", path, " has 0 axes: there must be at least one");

  std::vector<std::uint8_t> extents;
  read_some(file.get(), path, 4 * rank, extents);
  if (extents.size() < 4 * rank)
    fail("idx", path, " ends after ", 4 + extents.size(), " bytes: a header for ", rank, " axes has ",
         4 + 4 * rank);
  Idx idx;
  std::size_t size = 1;
  bool overflow = false;
  for (const std::uint8_t* e = extents.data(); e != extents.data() + extents.size(); e += 4) {
    idx.shape.push_back(std::size_t(e[0]) << 24 | std::size_t(e[1]) << 16 | std::size_t(e[2]) << 8 | e[3]);
    overflow |= idx.shape.back() != 0 && size > std::numeric_limits<std::size_t>::max() / idx.shape.back();
    size *= idx.shape.back();
  }
  if (overflow) fail("idx", path, " claims ", product(idx.shape), " entries: no memory can address so many");

  read_some(file.get(), path, size, idx.entries);
  if (idx.entries.size() < size)
    fail("idx", path, " has ", idx.entries.size(), " bytes of data, its header says ", product(idx.shape),
         " = ", size, ": the file is truncated");
  std::vector<std::uint8_t> rest;
  read_some(file.get(), path, 1, rest);
  if (!rest.empty())
    fail("idx", path, " goes on after the ", product(idx.shape), " = ", size,
         " bytes that its header says: nothing may follow the data");
  return idx;
}

void write_idx(const std::string& path, const Idx& idx) {
  if (idx.shape.empty() || idx.shape.size() > 255 || idx.entries.size() != count(idx.shape))
    fail("idx", idx.entries.size(), " bytes for shape ", to_string(idx.shape),
         ": there must be 1 to 255 axes and one byte per entry");
  std::string bytes{0, 0, unsigned_byte, static_cast<char>(idx.shape.size())};
  for (std::size_t extent : idx.shape) {
    if (extent > 0xffffffff) fail("idx", "an axis of ", extent, " entries: IDX counts in 32 bits");
    for (int shift : {24, 16, 8, 0}) bytes += static_cast<char>(extent >> shift);
  }
  bytes.append(idx.entries.begin(), idx.entries.end());
  write_file("idx", path, fs::path(path).extension() == ".gz" ? gzipped(std::move(bytes)) : bytes);
}

template <class T>
Labelled<T> read_digits(const std::string& images, const std::string& labels) {
  const Idx pixels = read_idx_of_rank(images, 3, "images"), classes = read_idx_of_rank(labels, 1, "labels");
  if (pixels.shape[0] != classes.shape[0])
    fail("idx", images, " has ", pixels.shape[0], " images, ", labels, " has ", classes.shape[0],
         " labels: each image has one label");
  const auto wrong =
      std::find_if(classes.entries.begin(), classes.entries.end(), [](int c) { return c > 9; });
  if (wrong != classes.entries.end())
    fail("idx", labels, " has label ", int(*wrong), " for image ", wrong - classes.entries.begin(),
         ": labels are 0 to 9");
  Labelled<T> data{empty<T>(pixels.shape), Indices::from_shape({classes.entries.size()})};
  std::transform(pixels.entries.begin(), pixels.entries.end(), data.x.data(),
                 [](int p) { return T(p) / T(255); });
  std::copy(classes.entries.begin(), classes.entries.end(), data.labels.data());
  return data;
}

template <class T>
void write_digits(const Labelled<T>& data, const std::string& images, const std::string& labels) {
  Idx pixels{shape_of(data.x), {}}, classes{{data.size()}, {}};
  for (std::size_t i = 0; i < data.x.size(); ++i) {
    const T value = data.x.data()[i];
    if (!(value >= 0 && value <= 1)) fail("idx", "pixel ", i, " is ", value, ": pixels lie in [0, 1]");
    pixels.entries.push_back(static_cast<std::uint8_t>(value * 255 + T(.5)));
  }
  for (std::size_t i = 0; i < data.size(); ++i) {
    const auto label = data.labels.data()[i];
    if (label < 0 || label > 9) fail("idx", "label ", i, " is ", label, ": labels are 0 to 9");
    classes.entries.push_back(static_cast<std::uint8_t>(label));
  }
  write_idx(images, pixels);
  write_idx(labels, classes);
}

template <class T>
Mnist<T> load_mnist(const std::string& folder) {
  if (!fs::is_directory(folder))
    fail("mnist", folder, fs::exists(folder) ? " is not a folder" : " does not exist");
  auto train = find_part<T>(folder, "train"), test = find_part<T>(folder, "t10k");
  if (!train && !test)
    fail("mnist", folder,
         " has neither train-images-idx3-ubyte[.gz] nor t10k-images-idx3-ubyte[.gz]: "
         "one of them is needed, with its labels");
  if (train && test) {
    if (train->x.shape(1) != test->x.shape(1) || train->x.shape(2) != test->x.shape(2))
      fail("mnist", folder, " has training images ", to_string(shape_of(train->x)), " and test images ",
           to_string(shape_of(test->x)), ": their rows and columns must agree");
    return {{std::move(*train), std::move(*test)}, false};
  }
  const Labelled<T>& all = train ? *train : *test;
  const std::size_t cut = all.size() / 5 * 4;
  if (cut == 0) fail("mnist", folder, " has ", all.size(), " images: at least 5 are needed to split them");
  return {{samples(all, 0, cut), samples(all, cut, all.size())}, true};
}

#define XGRAD_INSTANTIATE(T)                                                              \
  template Labelled<T> read_digits(const std::string&, const std::string&);               \
  template void write_digits(const Labelled<T>&, const std::string&, const std::string&); \
  template Mnist<T> load_mnist(const std::string&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
