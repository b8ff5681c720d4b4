#include "xgrad/data/cifar.hpp"

#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::File file(data, size);
  fuzz::accept_or_refuse([&] {
    const auto images = xgrad::read_cifar10<float>(file.path());
    fuzz::expect(images.size() * 3073 == size, "every byte is read");
  });
  return 0;
}
