// The library's side of tests that are written in Python and know only the formats: safetensors_test.py,
// kill_test.py, tensorboard_test.py.

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <limits>

#include "xgrad/io/tensorboard.hpp"
#include "xgrad/xgrad.hpp"

using namespace xgrad;

namespace {

void write_tensors(const std::string& path) {
  const float inf = std::numeric_limits<float>::infinity();
  save_safetensors(path, {{{"f32", Array<float>{{1.5f, -2, .1f}, {inf, 1e-45f, 0}}},
                           {"f64", Array<double>{.1, -1e300}},
                           {"i64", Indices{{{1, -2}, {std::int64_t(1) << 62, 0}}}},
                           {"scalar", scalar(7.f)},
                           {"nothing ∅", zeros<float>({2, 0})}},
                          {{"purpose", "a \"test\""}}});
}

/// name dtype (shape) and the entries, exactly.
void print_tensors(const std::string& path) {
  const Tensors tensors = load_safetensors(path);
  for (const auto& [name, array] : tensors.arrays) {
    std::cout << name << '\t' << describe(array);
    std::visit(
        [](const auto& a) {
          for (const auto x : a)
            if constexpr (std::is_integral_v<std::decay_t<decltype(x)>>) {
              std::cout << '\t' << x;
            } else {
              char text[64];
              std::snprintf(text, sizeof text, "%a", double(x));
              std::cout << '\t' << text;
            }
        },
        array);
    std::cout << '\n';
  }
  for (const auto& [key, text] : tensors.metadata) std::cout << "metadata\t" << key << '\t' << text << '\n';
}

/// Trains until `steps` are done, from the checkpoint if there is one; a checkpoint after every step. Prints
/// each step that is safe, and at the end the losses of all steps.
void train(const std::string& path, std::size_t steps) {
  Rng rng(1);
  const Init init = Init::xavier_uniform();
  Sequential<float> model{Linear<float>(2, 300, init, rng), activation<float>("tanh"),
                          Dropout<float>(.1, rng),          Linear<float>(300, 300, init, rng),
                          activation<float>("tanh"),        Linear<float>(300, 2, init, rng)};
  Adam<float> optimizer(model.parameters(), 1e-3);
  std::size_t step = 0;
  std::vector<double> losses;
  const Training<float> training{
      model, optimizer, {{"samples", &rng}}, {{"step", &step}, {"losses", &losses}}, R"({"hidden": 300})"};
  if (std::filesystem::exists(path)) load_checkpoint(path, training);
  const auto data = moons<float>(64, .1, 1);
  while (step < steps) {
    const auto batch = Batches<float>(data, 16, rng)[0];
    Tape<float> tape;
    const auto loss = cross_entropy(model(batch.x), batch.labels);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    losses.push_back(double(loss.item()));
    ++step;
    save_checkpoint(path, training);
    std::cout << "safe " << step << std::endl;
  }
  std::cout << "losses";
  for (double loss : losses) std::printf(" %a", loss);
  std::cout << std::endl;
}

void write_events(const std::string& folder) {
  {
    TensorBoardLog log(folder);
    log.write(0, {{"loss", .5}, {"accuracy", .25}});
    log.write(300, {{"loss", std::nan("")}});
    log.histogram(300, "weights", Array<float>{{-1, 0, .5f, .5f}, {1, 2, std::nanf(""), 2}});
    log.histogram(300, "one value", full<double>({5}, 3));
    log.histogram(300, "nothing", zeros<double>({0}));
    std::cout << log.path() << '\n';
  }
  TensorBoardLog resumed(folder, 300);
  resumed.write(300, {{"loss", .125}});
  std::cout << resumed.path() << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 2 ? argv[1] : "", path = argc > 2 ? argv[2] : "";
  try {
    if (what == "write")
      write_tensors(path);
    else if (what == "print")
      print_tensors(path);
    else if (what == "train" && argc > 3)
      train(path, std::stoul(argv[3]));
    else if (what == "events")
      write_events(path);
    else
      fail("file_tool", "usage: file_tool write|print|train|events PATH [STEPS]");
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 2;
  }
}
