// Whoever writes a file leaves the old one whole when the disk is full, and nothing beside it.
#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <functional>

#include "errors.hpp"
#include "temporary_file.hpp"
#include "xgrad/data/cifar.hpp"
#include "xgrad/data/idx.hpp"
#include "xgrad/io/file.hpp"
#include "xgrad/io/npy.hpp"

namespace {

using namespace xgrad;

/// As long as this lives, no file gets longer than 16 bytes.
class FullDisk {
 public:
  FullDisk() : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit small = before_;
    small.rlim_cur = 16;
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_;
};

void keeps_the_old_file(const std::string& extension, const std::function<void(const std::string&)>& write) {
  const TemporaryFile file(extension);
  file.write("old");
  std::string message;
  {
    const FullDisk disk;
    try {
      write(file.path);
    } catch (const Error& error) {
      message = error.what();
    }
  }
  BOOST_TEST(message.find(file.path + " cannot be written: ") != std::string::npos, "message: " << message);
  BOOST_TEST(file.read() == "old");
  BOOST_TEST(!std::filesystem::exists(file.path + ".part"));
  write(file.path);
  BOOST_TEST(file.read().size() > 16u);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(writing_test)

BOOST_AUTO_TEST_CASE(write_file_keeps_the_old_file) {
  keeps_the_old_file("", [](const auto& path) { write_file("test", path, std::string(100, 'x')); });
}

BOOST_AUTO_TEST_CASE(save_npy_keeps_the_old_file) {
  keeps_the_old_file(".npy", [](const auto& path) { save_npy(path, zeros<double>({3})); });
}

BOOST_AUTO_TEST_CASE(write_idx_keeps_the_old_file) {
  const Idx idx{{30}, std::vector<std::uint8_t>(30, 7)};
  for (const char* extension : {"", ".gz"})
    keeps_the_old_file(extension, [&](const auto& path) { write_idx(path, idx); });
}

BOOST_AUTO_TEST_CASE(write_cifar10_keeps_the_old_file) {
  const Labelled<float> data{zeros<float>({1, 3, 32, 32}), Indices{4}};
  keeps_the_old_file(".bin", [&](const auto& path) { write_cifar10(data, path); });
}

BOOST_AUTO_TEST_SUITE_END()
