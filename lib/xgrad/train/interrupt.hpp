#pragma once
// Ctrl-C as a request instead of a death.

namespace xgrad {

/// While it lives, the first Ctrl-C (SIGINT) is only noted, so that a loop can end in order; the second kills
/// the program as usual. They nest, and the outermost one puts back what was there before.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  static bool requested();  ///< whether Ctrl-C came since the outermost one began
};

}  // namespace xgrad
