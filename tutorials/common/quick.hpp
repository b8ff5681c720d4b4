#pragma once
// A chapter that takes more than ten seconds has a quick form, for sanitizers and for builds that are slow:
// fewer seeds, steps or images, the same code. It is chosen by --quick, or for all chapters at once by
// XGRAD_QUICK=1 in the environment.

#include <cstdlib>
#include <string>

namespace show {

/// Whether this is a quick run. A chapter with options of its own adds
/// `app.add_flag("--quick", show::quick, show::quick_help)`; the others call `options`.
inline bool quick = [] {
  const char* set = std::getenv("XGRAD_QUICK");
  return set && *set && std::string(set) != "0";
}();
inline const std::string quick_help = "seconds instead of a minute: fewer seeds, steps or images";

/// Reads --quick and --help, for a chapter that has no other option. Anything else ends the program with one
/// line and code 2.
void options(int argc, char** argv, const std::string& about);

}  // namespace show
