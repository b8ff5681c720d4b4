#pragma once
// What the fuzzers share. A reader may accept its input or throw an Error of one line; anything else, such as
// another exception, ends the run with a report.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "xgrad/core/array.hpp"

namespace fuzz {

/// A file in memory with these bytes, for readers that take a path.
class File {
 public:
  File(const std::uint8_t* data, std::size_t size) : number_(::memfd_create("fuzz", 0)) {
    if (number_ < 0 || ::write(number_, data, size) != static_cast<ssize_t>(size)) std::abort();
  }
  ~File() { ::close(number_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(number_); }

 private:
  int number_;
};

inline void expect(bool condition, const std::string& rule) {
  if (condition) return;
  std::cerr << "broken: " << rule << '\n';
  std::abort();
}

template <class F>
void accept_or_refuse(F read) {
  try {
    read();
  } catch (const xgrad::Error& error) {
    const std::string text = error.what();
    expect(!text.empty() && text.find('\n') == std::string::npos, "a message is one line: " + text);
  }
}

}  // namespace fuzz
