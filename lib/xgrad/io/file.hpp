#pragma once
// Whole files: read at once, and written so that a crash leaves the old file or the new one.

#include <string>

namespace xgrad {

/// The bytes of a file. Throws Error("[where] path …") when it does not exist or cannot be read.
std::string read_file(const std::string& where, const std::string& path);

/// Puts `bytes` into the file `path`, all or nothing: they are written to `path`.part, forced to disk, and
/// renamed. Whoever opens `path` finds the old content or the new one, also after a crash, a kill or a power
/// cut; a .part that is left behind is written over the next time. Folders are not made. Throws
/// Error("[where] path …") when something fails, for example when another process is writing the same file.
void write_file(const std::string& where, const std::string& path, const std::string& bytes);

/// What a file holds as it can stand in a message: at most about 60 bytes, control characters as ?.
std::string printable(const std::string& text);

}  // namespace xgrad
