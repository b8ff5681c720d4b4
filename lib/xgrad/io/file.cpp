#include "xgrad/io/file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "xgrad/core/array.hpp"

namespace xgrad {

namespace {
namespace fs = std::filesystem;

/// An open file or folder, closed at the end of the scope.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : number_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  explicit operator bool() const { return number_ >= 0; }
  operator int() const { return number_; }

 private:
  int number_;
};

/// Whether the open file is (still) the one called `path`.
bool is_called(int file, const std::string& path) {
  struct stat open, named;
  return ::fstat(file, &open) == 0 && ::stat(path.c_str(), &named) == 0 && open.st_ino == named.st_ino &&
         open.st_dev == named.st_dev;
}

bool write_all(int file, const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::write(file, bytes.data() + done, std::min<std::size_t>(bytes.size() - done, 1 << 26));
    if (n < 0 && errno != EINTR) return false;
    done += static_cast<std::size_t>(std::max<ssize_t>(n, 0));
  }
  return true;
}
}  // namespace

std::string read_file(const std::string& where, const std::string& path) {
  const Descriptor file(path, O_RDONLY);
  if (!file) fail(where, path, " cannot be opened: ", std::strerror(errno));
  std::string bytes;
  for (std::size_t size = 0, piece = 1 << 16;; piece = std::min<std::size_t>(2 * piece, 1 << 26)) {
    bytes.resize(size + piece);
    const ssize_t n = ::read(file, bytes.data() + size, piece);
    if (n < 0 && errno != EINTR) fail(where, path, " cannot be read: ", std::strerror(errno));
    size += static_cast<std::size_t>(std::max<ssize_t>(n, 0));
    bytes.resize(size);
    if (n == 0) return bytes;
  }
}

void write_file(const std::string& where, const std::string& path, const std::string& bytes) {
  const auto give_up = [&] { fail(where, path, " cannot be written: ", std::strerror(errno)); };
  const std::string part = path + ".part";
  const Descriptor file(part, O_WRONLY | O_CREAT);
  if (!file) give_up();
  // The lock ends with the process. Who had it before may have renamed the file that was opened here.
  if (::flock(file, LOCK_EX | LOCK_NB) != 0 || !is_called(file, part))
    fail(where, path, " cannot be written: another process is writing it");
  if (::ftruncate(file, 0) != 0 || !write_all(file, bytes) || ::fsync(file) != 0 ||
      ::rename(part.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(part.c_str());
    errno = error;
    give_up();
  }
  // The new name lasts once its folder is on disk too. Some file systems cannot do that, and need not.
  const fs::path folder = fs::path(path).parent_path();
  const Descriptor names(folder.empty() ? "." : folder.string(), O_RDONLY | O_DIRECTORY);
  if (names) ::fsync(names);
}

std::string printable(const std::string& text) {
  std::size_t end = std::min<std::size_t>(text.size(), 60);
  while (end < text.size() && (text[end] & 0xc0) == 0x80) ++end;  // not inside a character of UTF-8
  std::string shown = text.substr(0, end);
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
  return shown + (end < text.size() ? "…" : "");
}

}  // namespace xgrad
