// What is accepted is in range, and is written as JSON that is accepted again with the same values.
#include "xgrad/io/config.hpp"

#include "fuzz.hpp"

namespace {
struct Options {
  std::size_t layers = 4;
  double dropout = .1;
  bool bias = true;
  std::string norm = "pre", title;
  xgrad::AdamOptions adam;
};

void fields(xgrad::Fields& f, Options& o) {
  f("layers", o.layers, 1, 100);
  f("dropout", o.dropout, 0, .9);
  f("bias", o.bias);
  f("norm", o.norm, {"pre", "post"});
  f("title", o.title);
  f("adam", o.adam);
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::accept_or_refuse([&] {
    const auto options =
        xgrad::from_json<Options>("input", std::string(reinterpret_cast<const char*>(data), size));
    fuzz::expect(options.layers >= 1 && options.layers <= 100, "layers are in range");
    fuzz::expect(options.dropout >= 0 && options.dropout <= .9, "dropout is in range");
    fuzz::expect(options.norm == "pre" || options.norm == "post", "norm is a choice");
    const std::string text = xgrad::to_json(options);
    fuzz::expect(xgrad::to_json(xgrad::from_json<Options>("output", text)) == text,
                 "what is written is read");
  });
  return 0;
}
