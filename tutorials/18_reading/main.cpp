// 18 Reading: one encoder, three heads: what a sentence says, which names are in it, and an answer to a
// question.
#include "reader.hpp"

int main(int argc, char** argv) {
  show::options(argc, argv, "One encoder reads sentences for three tasks.");
  set_threads(1);
  sentiment();
  tagging();
  answering();
  return show::finish();
}
