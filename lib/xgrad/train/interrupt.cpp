#include "xgrad/train/interrupt.hpp"

#include <csignal>

namespace xgrad {

namespace {
volatile std::sig_atomic_t noted = 0;
int alive = 0;
struct sigaction before;

void note(int) { noted = 1; }
}  // namespace

Interrupt::Interrupt() {
  if (alive++ > 0) return;
  noted = 0;
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // the second one is not ours
  sigaction(SIGINT, &action, &before);
}

Interrupt::~Interrupt() {
  if (--alive == 0) sigaction(SIGINT, &before, nullptr);
}

bool Interrupt::requested() { return noted != 0; }

}  // namespace xgrad
