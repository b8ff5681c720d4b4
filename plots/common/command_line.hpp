#pragma once
// CommandLine of the command line. Only command_line.cpp reads CLI11, whose header takes longer to compile
// than most experiments.

#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace plots {

/// One option, to be restricted: line.add("--depth", depth, "layers").between(1, 1000). What is outside
/// ends the program with one line and code 2.
class Option {
 public:
  explicit Option(CLI::Option& option) : option_(&option) {}
  Option& between(int low, int high);
  Option& between(double low, double high);
  Option& positive();
  Option& among(const std::vector<std::string>& names);
  Option& expected(int least, int most);  ///< how many values a list has
  Option& separated_by(char character);   ///< instead of commas
  Option& excludes(const Option& other);
  Option& group(const std::string& name);  ///< the heading in --help under which it stands
  Option& show_default();                  ///< in --help
  bool given() const;                      ///< once the command line is read

 private:
  CLI::Option* option_;
};

class CommandLine {
 public:
  CommandLine(const std::string& program, const std::string& description);
  ~CommandLine();

  /// `into` holds the default: a number, a string, or a list of them, separated by commas.
  template <class Value>
  Option add(const std::string& flag, Value& into, const std::string& help);
  Option add_flag(const std::string& flag, bool& into, const std::string& help);

  bool given(const std::string& flag) const;
  /// Reads the command line. -1: go on; otherwise the exit code, 0 after --help, 2 after an error and its
  /// line.
  int parse(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> app_;
};

}  // namespace plots
