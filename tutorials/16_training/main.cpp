// The training toolbox: the loop, optimisers, regularisation, adversarial images, half precision, sharing.
#include "quick.hpp"
#include "toolbox.hpp"

int main(int argc, char** argv) {
  show::options(argc, argv, "The training toolbox, one measured experiment for each tool.");
  the_loop();
  optimisers();
  regularisation();
  adversaries();
  half_precision();
  sharing();
  return show::finish();
}
