#include "xgrad/io/npy.hpp"

#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::File file(data, size);
  const auto read = [&](auto zero) {
    fuzz::accept_or_refuse([&] {
      const auto array = xgrad::load_npy<decltype(zero)>(file.path());
      fuzz::expect(array.size() <= size, "there are no more entries than bytes");
    });
  };
  read(0.f);
  read(0.);
  read(std::int64_t(0));
  read(false);
  return 0;
}
