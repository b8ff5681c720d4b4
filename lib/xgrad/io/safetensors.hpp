#pragma once
// Named arrays in one file, in the safetensors format, which PyTorch, NumPy, JAX and others read and write
// (https://github.com/huggingface/safetensors): the length of a header as 8 bytes, little-endian; the header,
// a JSON object {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …} with text under
// "__metadata__"; the entries of the arrays, little-endian and in C order.

#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "xgrad/core/array.hpp"

namespace xgrad {

using AnyArray = std::variant<Array<float>, Array<double>, Indices>;

/// What a safetensors file holds: arrays under different names, and some text.
struct Tensors {
  std::vector<std::pair<std::string, AnyArray>> arrays;
  std::map<std::string, std::string> metadata;

  /// The array of that name, or null.
  const AnyArray* find(const std::string& name) const;
};

/// Reads arrays of F32, F64 and I64; F16 and BF16 become float, which loses nothing. Arrays come in the order
/// of their names. Throws Error, naming the file, what was found and the rule, on anything that is not
/// exactly in the format: a file that is missing, truncated or too long, a header that is no such JSON, two
/// arrays of one name, arrays that overlap, leave gaps or do not fit their shape, and other types; and when a
/// file that save_safetensors wrote does not have its checksum.
Tensors load_safetensors(const std::string& path);

/// The same from the bytes of a file; `path` is for the messages.
Tensors parse_safetensors(const std::string& path, const std::string& bytes);

/// Writes a file, as write_file does: all or nothing. A CRC-32 of its contents is added to the metadata;
/// other programs pass over it. Throws Error when two arrays have one name, a name is
/// "__metadata__" or a text is no UTF-8.
void save_safetensors(const std::string& path, const Tensors& tensors);

/// "F32 (2, 3)": type and shape, for messages.
std::string describe(const AnyArray& array);

}  // namespace xgrad
