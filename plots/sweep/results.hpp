#pragma once
// What was measured, in a CSV file that grows cell by cell: a sweep that was stopped goes on where it was.

#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "network.hpp"

namespace plots::sweep {

/// One line a snapshot: the settings, the seed, then step, loss, and the two lists of numbers separated by
/// spaces. The lines of one network are written at once. Numbers read back exactly.
class Results {
 public:
  /// Reads what is there; a network whose lines are not all there is forgotten, and a last line that was cut
  /// off as well. Throws std::runtime_error on a file that is something else, of another version, or
  /// unreadable. `fresh`: begins anew whatever is there.
  explicit Results(const std::string& path, bool fresh = false);

  bool has(const Cell& cell, std::uint64_t seed) const;
  /// Throws std::out_of_range when it is not there.
  const std::vector<Snapshot>& of(const Cell& cell, std::uint64_t seed) const;
  /// Appends to the file, and forces the lines out. Any thread may call it.
  void add(const Cell& cell, std::uint64_t seed, const std::vector<Snapshot>& snapshots);
  std::size_t size() const { return found_.size(); }

 private:
  void read(const std::string& text);
  void drop_incomplete();

  std::string path_;
  std::map<std::string, std::vector<Snapshot>> found_;
  std::ofstream file_;
  std::mutex lock_;
};

}  // namespace plots::sweep
