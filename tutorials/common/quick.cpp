#include "quick.hpp"

#include <CLI/CLI.hpp>
#include <iostream>

namespace show {

void options(int argc, char** argv, const std::string& about) {
  std::string program = argv[0];
  program = program.substr(program.rfind('/') + 1);
  CLI::App app(about, program);
  app.add_flag("--quick", quick, quick_help);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) std::exit(app.exit(error));  // --help
    std::cerr << program << ": " << error.what() << " (--help lists the options)\n";
    std::exit(2);
  }
}

}  // namespace show
