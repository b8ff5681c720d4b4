#pragma once
// A file (or a folder) that is gone when the test ends.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

struct TemporaryFile {
  explicit TemporaryFile(const std::string& extension = "") {
    static int number = 0;
    path = (std::filesystem::temp_directory_path() /
            ("xgrad_" + std::to_string(std::random_device{}()) + "_" + std::to_string(number++) + extension))
               .string();
  }
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
    std::filesystem::remove(path + ".part", ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  std::string read() const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& bytes) const { std::ofstream(path, std::ios::binary) << bytes; }
  std::string path;
};
