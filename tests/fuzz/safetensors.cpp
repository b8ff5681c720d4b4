// What is accepted is written and read back as the same.
#include "xgrad/io/safetensors.hpp"

#include <cstring>

#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::accept_or_refuse([&] {
    const auto tensors =
        xgrad::parse_safetensors("input", std::string(reinterpret_cast<const char*>(data), size));
    std::size_t entries = 0;
    for (const auto& [name, array] : tensors.arrays) {
      fuzz::expect(tensors.find(name) != nullptr, "every array is found by its name");
      entries += std::visit([](const auto& a) { return a.size(); }, array);
    }
    fuzz::expect(entries <= size / 2, "there are no more entries than bytes for them");
  });
  return 0;
}
