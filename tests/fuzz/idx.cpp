#include "xgrad/data/idx.hpp"

#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::File file(data, size);
  fuzz::accept_or_refuse([&] {
    const auto idx = xgrad::read_idx(file.path());
    fuzz::expect(idx.entries.size() == xgrad::count(idx.shape),
                 "there are as many entries as the shape says");
  });
  fuzz::accept_or_refuse([&] { xgrad::read_digits<float>(file.path(), file.path()); });
  return 0;
}
