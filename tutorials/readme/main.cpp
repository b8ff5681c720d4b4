#include <iostream>
#include <xgrad/xgrad.hpp>

using namespace xgrad;

int main() {
  const auto x = parameter(Array<double>{-1, 0, 2}, "x");
  const Variable<double> weights(Array<double>{0.5, -1, 2}, false, "weights");
  Tape<double> tape;           // while it lives, it records
  const auto y = x + relu(x);  // a residual add
  const auto loss = sum(weights * y);
  std::cout << tape;
  loss.backward();
  std::cout << "loss = " << loss.item() << ", dx = " << to_string(x.grad()) << '\n';
}
