#include "command_line.hpp"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <iostream>

namespace plots {

Option& Option::between(int low, int high) {
  option_->check(CLI::Range(low, high));
  return *this;
}

Option& Option::between(double low, double high) {
  option_->check(CLI::Range(low, high));
  return *this;
}

Option& Option::positive() {
  option_->check(CLI::PositiveNumber);
  return *this;
}

Option& Option::among(const std::vector<std::string>& names) {
  option_->check(CLI::IsMember(names));
  return *this;
}

Option& Option::expected(int least, int most) {
  option_->expected(least, most);
  return *this;
}

Option& Option::separated_by(char character) {
  option_->delimiter(character);
  return *this;
}

Option& Option::excludes(const Option& other) {
  option_->excludes(other.option_);
  return *this;
}

Option& Option::group(const std::string& name) {
  option_->group(name);
  return *this;
}

Option& Option::show_default() {
  option_->capture_default_str();
  return *this;
}

bool Option::given() const { return option_->count() > 0; }

CommandLine::CommandLine(const std::string& program, const std::string& description)
    : app_(std::make_unique<CLI::App>(description)) {
  app_->name(program);
}

CommandLine::~CommandLine() = default;

template <class Value>
Option CommandLine::add(const std::string& flag, Value& into, const std::string& help) {
  auto* option = app_->add_option(flag, into, help);
  if constexpr (CLI::detail::is_mutable_container<Value>::value) option->delimiter(',');
  return Option(*option);
}

Option CommandLine::add_flag(const std::string& flag, bool& into, const std::string& help) {
  return Option(*app_->add_flag(flag, into, help));
}

bool CommandLine::given(const std::string& flag) const { return app_->count(flag) > 0; }

int CommandLine::parse(int argc, char** argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app_->exit(error);  // --help
    std::cerr << app_->get_name() << ": " << error.what() << '\n';
    return 2;
  }
  return -1;
}

template Option CommandLine::add(const std::string&, int&, const std::string&);
template Option CommandLine::add(const std::string&, std::size_t&, const std::string&);
template Option CommandLine::add(const std::string&, double&, const std::string&);
template Option CommandLine::add(const std::string&, std::string&, const std::string&);
template Option CommandLine::add(const std::string&, std::vector<int>&, const std::string&);
template Option CommandLine::add(const std::string&, std::vector<std::size_t>&, const std::string&);
template Option CommandLine::add(const std::string&, std::vector<double>&, const std::string&);
template Option CommandLine::add(const std::string&, std::vector<std::string>&, const std::string&);

}  // namespace plots
