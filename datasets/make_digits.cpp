// Writes generated digits as IDX files under MNIST's names: to try a reader of such files, ours or another.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "xgrad/data/digits.hpp"
#include "xgrad/data/idx.hpp"

int main(int argc, char** argv) {
  std::string folder;
  std::size_t train = 3000, test = 1000;
  std::uint64_t seed = 1;
  bool plain = false;
  CLI::App app("Writes generated digits as IDX files under MNIST's names.", "make_digits");
  app.add_option("folder", folder, "where to write; made when it is not there")->required();
  app.add_option("--train", train, "number of training images")->check(CLI::Range(1, 1000000));
  app.add_option("--test", test, "number of test images")->check(CLI::Range(1, 1000000));
  app.add_option("--seed", seed, "of the training images; the test images use the next one");
  app.add_flag("--plain", plain, "do not compress");
  try {
    app.parse(argc, argv);
    std::filesystem::create_directories(folder);
    const auto write = [&](const std::string& part, const xgrad::Labelled<float>& data) {
      const std::string stem = folder + "/" + part, ending = plain ? "" : ".gz";
      const std::string images = stem + "-images-idx3-ubyte" + ending,
                        labels = stem + "-labels-idx1-ubyte" + ending;
      xgrad::write_digits(data, images, labels);
      std::cout << images << '\n' << labels << '\n';
    };
    write("train", xgrad::digits<float>(train, seed));
    write("t10k", xgrad::digits<float>(test, seed + 1));
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    std::cerr << "make_digits: " << error.what() << " (--help lists the options)\n";
  } catch (const std::exception& error) {
    std::cerr << "make_digits: " << error.what() << '\n';
  }
  return 2;
}
