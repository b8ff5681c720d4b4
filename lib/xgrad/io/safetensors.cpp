#include "xgrad/io/safetensors.hpp"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "xgrad/io/file.hpp"
#include "xgrad/io/json.hpp"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors.cpp copies little-endian numbers byte by byte"
#endif

namespace xgrad {

namespace {
constexpr std::size_t prefix = 8, longest_header = 100'000'000;  // as the reference implementation has it

const std::string checksum_key = "xgrad.crc32";

/// Of the header, as it is without the checksum itself, and the data.
std::string checksum(const Json& header, const char* data, std::size_t size) {
  const std::string text = header.dump();
  uLong crc = crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size());
  crc = crc32_z(crc, reinterpret_cast<const Bytef*>(data), size);
  return std::to_string(crc);
}

const char* dtype(const AnyArray& array) {
  constexpr const char* names[] = {"F32", "F64", "I64"};
  return names[array.index()];
}

std::size_t bytes_per_entry(const std::string& dtype) {
  if (dtype == "F64" || dtype == "I64") return 8;
  if (dtype == "F32") return 4;
  return dtype == "F16" || dtype == "BF16" ? 2 : 0;  // 0: not read here
}

// IEEE half: sign, 5 bits of exponent (bias 15), 10 bits of fraction.
float half_to_float(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  float value;
  if (exponent == 31)
    value = fraction ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
  else if (exponent == 0)
    value = std::ldexp(float(fraction), -24);
  else
    value = std::ldexp(float(1024 + fraction), exponent - 25);
  return bits >> 15 ? -value : value;
}

// The upper half of a float.
float bfloat_to_float(std::uint16_t bits) {
  const std::uint32_t whole = std::uint32_t(bits) << 16;
  float value;
  std::memcpy(&value, &whole, sizeof value);
  return value;
}

/// An array of the numbers at `data`, which may lie at any address.
template <class T>
Array<T> copied(const Shape& shape, const char* data) {
  auto array = empty<T>(shape);
  if (array.size() > 0) std::memcpy(array.data(), data, array.size() * sizeof(T));
  return array;
}

AnyArray widened(const Shape& shape, const char* data, float (*widen)(std::uint16_t)) {
  auto array = empty<float>(shape);
  for (std::size_t i = 0; i < array.size(); ++i) {
    std::uint16_t bits;
    std::memcpy(&bits, data + 2 * i, 2);
    array.data()[i] = widen(bits);
  }
  return array;
}

AnyArray array_from(const std::string& dtype, const Shape& shape, const char* data) {
  if (dtype == "F32") return copied<float>(shape, data);
  if (dtype == "F64") return copied<double>(shape, data);
  if (dtype == "I64") return copied<std::int64_t>(shape, data);
  return widened(shape, data, dtype == "F16" ? half_to_float : bfloat_to_float);
}

/// Reads one file.
class Reader {
 public:
  Reader(const std::string& path, const std::string& bytes) : path_(path), bytes_(bytes) {}

  Tensors read() {
    const Json header = read_header();
    Tensors tensors;
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__")
        read_metadata(entry, tensors.metadata);
      else
        places_.push_back(place(name, entry));
    }
    check_that_all_is_covered();
    check_checksum(header);
    tensors.metadata.erase(checksum_key);
    for (const Place& p : places_)
      tensors.arrays.emplace_back(p.name, array_from(p.dtype, p.shape, bytes_.data() + data_ + p.begin));
    return tensors;
  }

 private:
  struct Place {
    std::string name, dtype;
    Shape shape;
    std::size_t begin, end;  // counted from data_
  };

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail("safetensors", path_, parts...);
  }

  Json read_header() {
    if (bytes_.size() < prefix)
      refuse(" has ", bytes_.size(),
             " bytes: a safetensors file begins with the 8 bytes of its header's length");
    std::uint64_t length;
    std::memcpy(&length, bytes_.data(), prefix);
    if (length > longest_header)
      refuse(" is no safetensors file: its header would be ", length, " bytes long, at most ", longest_header,
             " are allowed");
    if (length > bytes_.size() - prefix)
      refuse(" is truncated: its header is ", length, " bytes long, ", bytes_.size() - prefix, " follow");
    data_ = prefix + length;
    const std::string text = bytes_.substr(prefix, length);
    if (text.empty() || text[0] != '{') refuse(" is no safetensors file: its header must begin with {");
    return parse_json("safetensors", path_, text);
  }

  void check_checksum(Json header) const {
    const Json::json_pointer key(Json::json_pointer("/__metadata__") / checksum_key);
    if (!header.contains(key)) return;  // written by another program
    const Json expected = header[key];
    header["__metadata__"].erase(checksum_key);
    if (header["__metadata__"].empty()) header.erase("__metadata__");
    if (expected != checksum(header, bytes_.data() + data_, bytes_.size() - data_))
      refuse(" is damaged: it does not have the checksum that it was written with");
  }

  void read_metadata(const Json& entry, std::map<std::string, std::string>& metadata) const {
    if (!entry.is_object()) refuse(": __metadata__ must be an object of texts");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) refuse(": __metadata__ has ", in_quotes(key), ", which must be a text");
      metadata[key] = value.get<std::string>();
    }
  }

  Place place(const std::string& name, const Json& entry) const {
    const std::string shown = in_quotes(name);
    if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") || !entry.contains("shape") ||
        !entry.contains("data_offsets") || !entry["dtype"].is_string())
      refuse(": ", shown, " must have dtype, shape and data_offsets, and nothing else");
    Place p{name, entry["dtype"].get<std::string>(), {}, 0, 0};
    const std::size_t size = bytes_per_entry(p.dtype);
    if (size == 0)
      refuse(": ", shown, " has type ", in_quotes(p.dtype), ": only F64, F32, F16, BF16 and I64 are read");
    p.shape = numbers(shown, "shape", entry["shape"]);
    const Shape offsets = numbers(shown, "data_offsets", entry["data_offsets"]);
    if (offsets.size() != 2)
      refuse(": ", shown, " has ", offsets.size(), " data_offsets: begin and end are needed");
    p.begin = offsets[0];
    p.end = offsets[1];
    const std::size_t present = bytes_.size() - data_;
    if (p.begin > p.end) refuse(": ", shown, " ends at byte ", p.end, ", before it begins at ", p.begin);
    if (p.end > present)
      refuse(" is truncated: ", shown, " ends at byte ", p.end, " of the data, ", present, " are there");
    if (needed(p.shape, size) != p.end - p.begin)
      refuse(": ", shown, " has ", p.end - p.begin, " bytes, the shape ", to_string(p.shape), " of ", p.dtype,
             " needs another number");
    return p;
  }

  Shape numbers(const std::string& name, const char* key, const Json& list) const {
    if (!list.is_array()) refuse(": ", name, " has a ", key, " that is no list");
    Shape result;
    for (const Json& number : list) {
      if (!number.is_number_unsigned())
        refuse(": ", name, " has a ", key, " with an entry that is no whole number of at least 0");
      result.push_back(number.get<std::size_t>());
    }
    return result;
  }

  /// Bytes of an array, or the largest number when it does not fit: no file has that many.
  static std::size_t needed(const Shape& shape, std::size_t size) {
    if (std::find(shape.begin(), shape.end(), 0u) != shape.end()) return 0;
    std::size_t n = size;
    for (std::size_t extent : shape) {
      if (n > std::numeric_limits<std::size_t>::max() / extent)
        return std::numeric_limits<std::size_t>::max();
      n *= extent;
    }
    return n;
  }

  void check_that_all_is_covered() const {
    std::vector<const Place*> order;
    for (const Place& p : places_) order.push_back(&p);
    std::sort(order.begin(), order.end(), [](const Place* a, const Place* b) {
      return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
    });
    std::size_t here = 0;
    for (const Place* p : order) {
      if (p->begin != here)
        refuse(": ", in_quotes(p->name), " begins at byte ", p->begin,
               " of the data, the arrays before it end at ", here, ": arrays must not overlap or leave gaps");
      here = p->end;
    }
    if (here != bytes_.size() - data_)
      refuse(" is too long: its arrays end at byte ", here, " of the data, ", bytes_.size() - data_,
             " are there");
  }

  const std::string& path_;
  const std::string& bytes_;
  std::size_t data_ = 0;
  std::vector<Place> places_;
};

}  // namespace

const AnyArray* Tensors::find(const std::string& name) const {
  for (const auto& [n, array] : arrays)
    if (n == name) return &array;
  return nullptr;
}

std::string describe(const AnyArray& array) {
  return dtype(array) + (" " + std::visit([](const auto& a) { return to_string(shape_of(a)); }, array));
}

Tensors parse_safetensors(const std::string& path, const std::string& bytes) {
  return Reader(path, bytes).read();
}

Tensors load_safetensors(const std::string& path) {
  return parse_safetensors(path, read_file("safetensors", path));
}

void save_safetensors(const std::string& path, const Tensors& tensors) {
  // Types of 8 bytes first: then every array begins at a multiple of its entries' size.
  std::vector<const std::pair<std::string, AnyArray>*> order;
  for (const auto& array : tensors.arrays) order.push_back(&array);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return bytes_per_entry(dtype(a->second)) > bytes_per_entry(dtype(b->second));
  });

  Json header = Json::object();
  if (!tensors.metadata.empty()) header["__metadata__"] = tensors.metadata;
  std::string data;
  for (const auto* entry : order) {
    const auto& [name, any] = *entry;
    if (name == "__metadata__" || header.contains(name))
      fail("safetensors", path, " cannot be written: there are two arrays called ", in_quotes(name));
    const std::size_t begin = data.size();
    const Shape shape = std::visit(
        [&](const auto& array) {
          data.append(reinterpret_cast<const char*>(array.data()), array.size() * sizeof(*array.data()));
          return shape_of(array);
        },
        any);
    header[name] = {{"dtype", dtype(any)}, {"shape", shape}, {"data_offsets", {begin, data.size()}}};
  }
  json_text("safetensors", path, header);  // throws unless all is UTF-8
  header["__metadata__"][checksum_key] = checksum(header, data.data(), data.size());
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t length = text.size();
  std::string bytes(reinterpret_cast<const char*>(&length), prefix);
  write_file("safetensors", path, bytes + text + data);
}

}  // namespace xgrad
