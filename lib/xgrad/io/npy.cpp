#include "xgrad/io/npy.hpp"

#include <cstdint>
#include <cstring>
#include <limits>

#include "xgrad/io/file.hpp"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "npy.cpp copies little-endian numbers byte by byte"
#endif

namespace xgrad {

namespace {

// A file is: magic, version 1.0, length of the header (2 bytes), the header (a Python dictionary, padded with
// spaces and one newline to a multiple of 64), the entries.
const std::string magic("\x93NUMPY\x01\x00", 8);
constexpr std::size_t prefix = 10;

template <class T>
const char* descr();
template <>
const char* descr<float>() {
  return "<f4";
}
template <>
const char* descr<double>() {
  return "<f8";
}
template <>
const char* descr<std::int64_t>() {
  return "<i8";
}
template <>
const char* descr<bool>() {
  return "|b1";
}

/// The dictionary's entries, as text: {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }
class Header {
 public:
  Header(const std::string& path, const std::string& text) : path_(path), text_(text) {}

  std::string descr() {
    at("descr");
    const char quote = text_[here_];
    const std::size_t end = text_.find(quote, here_ + 1);
    if ((quote != '\'' && quote != '"') || end == std::string::npos) bad();
    return text_.substr(here_ + 1, end - here_ - 1);
  }

  bool fortran_order() {
    at("fortran_order");
    if (text_.compare(here_, 4, "True") == 0) return true;
    if (text_.compare(here_, 5, "False") == 0) return false;
    bad();
  }

  Shape shape() {
    at("shape");
    if (text_[here_] != '(') bad();
    Shape shape;
    for (++here_; skip_spaces() != ')';) {
      shape.push_back(number());
      if (skip_spaces() == ',')
        ++here_;
      else if (text_[here_] != ')')
        bad();
    }
    return shape;
  }

 private:
  [[noreturn]] void bad() const {
    std::string shown = text_.substr(0, std::min<std::size_t>(text_.find_last_not_of(" \n") + 1, 200));
    for (char& c : shown)
      if (c < ' ' || c > '~') c = '?';
    fail("load_npy", path_, " has a header that cannot be understood: ", shown);
  }

  void at(const std::string& key) {
    here_ = std::min(text_.find("'" + key + "'"), text_.find('"' + key + '"'));
    if (here_ == std::string::npos) bad();
    here_ += key.size() + 2;
    if (skip_spaces() != ':') bad();
    ++here_;
    skip_spaces();
  }

  char skip_spaces() {
    here_ = text_.find_first_not_of(' ', here_);
    if (here_ == std::string::npos) bad();
    return text_[here_];
  }

  std::size_t number() {
    const std::size_t end = std::min(text_.find_first_not_of("0123456789", here_), text_.size());
    if (end == here_ || end - here_ > 18) bad();
    const auto value = static_cast<std::size_t>(std::stoull(text_.substr(here_, end - here_)));
    here_ = end;
    return value;
  }

  const std::string& path_;
  const std::string text_;
  std::size_t here_ = 0;
};

/// The product of the extents, or the largest number when it does not fit.
std::size_t saturated_count(const Shape& shape) {
  std::size_t n = 1;
  for (std::size_t extent : shape)
    if (extent == 0) return 0;
  for (std::size_t extent : shape) {
    if (n > std::numeric_limits<std::size_t>::max() / extent) return std::numeric_limits<std::size_t>::max();
    n *= extent;
  }
  return n;
}

}  // namespace

template <class T>
Array<T> load_npy(const std::string& path) {
  const std::string bytes = read_file("load_npy", path);
  if (bytes.compare(0, 6, magic, 0, 6) != 0) fail("load_npy", path, " is not a .npy file");
  if (bytes.size() < prefix) fail("load_npy", path, " is truncated: it ends inside its header");
  if (bytes.compare(6, 2, magic, 6, 2) != 0)
    fail("load_npy", path, " has format version ", int(bytes[6]), '.', int(bytes[7]), ": only 1.0 is read");
  const std::size_t start =
      prefix + static_cast<unsigned char>(bytes[8]) + 256u * static_cast<unsigned char>(bytes[9]);
  if (bytes.size() < start) fail("load_npy", path, " is truncated: it ends inside its header");

  Header header(path, bytes.substr(prefix, start - prefix));
  if (header.descr() != descr<T>())
    fail("load_npy", path, " holds entries of type '", printable(header.descr()), "': '", descr<T>(),
         "' was asked for");
  if (header.fortran_order())
    fail("load_npy", path, " is in Fortran order: save numpy.ascontiguousarray(x) instead");
  const Shape shape = header.shape();
  const std::size_t n = saturated_count(shape), present = bytes.size() - start;
  if (n > present / sizeof(T) || n * sizeof(T) != present)
    fail("load_npy", path, n > present / sizeof(T) ? " is truncated: " : " is too long: ", present,
         " bytes follow the header, the shape ", to_string(shape), " needs ", n, " entries of ", sizeof(T));
  auto array = empty<T>(shape);
  if constexpr (std::is_same_v<T, bool>) {
    for (std::size_t i = 0; i < n; ++i) array.data()[i] = bytes[start + i] != 0;
  } else if (n != 0) {
    std::memcpy(array.data(), bytes.data() + start, n * sizeof(T));
  }
  return array;
}

template <class T>
void save_npy(const std::string& path, const Array<T>& array) {
  std::string header = std::string("{'descr': '") + descr<T>() +
                       "', 'fortran_order': False, 'shape': " + to_string(shape_of(array)) + ", }";
  header.append(63 - (prefix + header.size()) % 64, ' ');
  header += '\n';
  if (header.size() > 0xffff)
    fail("save_npy", "the shape has ", array.dimension(), " axes: too many for a header");
  std::string bytes = magic + char(header.size() & 0xff) + char(header.size() >> 8) + header;
  if constexpr (std::is_same_v<T, bool>) {
    bytes.append(array.begin(), array.end());
  } else if (array.size() != 0) {
    bytes.append(reinterpret_cast<const char*>(array.data()), array.size() * sizeof(T));
  }
  write_file("save_npy", path, bytes);
}

#define XGRAD_INSTANTIATE(T)                      \
  template Array<T> load_npy(const std::string&); \
  template void save_npy(const std::string&, const Array<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
XGRAD_INSTANTIATE(std::int64_t)
XGRAD_INSTANTIATE(bool)

}  // namespace xgrad
