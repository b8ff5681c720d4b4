#include "xgrad/probe/jacobian.hpp"

#include <algorithm>

#include "xgrad/ops/shape.hpp"

namespace xgrad {
namespace {

/// While it lives, of all that a tape's entries read, only x and what was recorded there takes gradients.
template <class T>
class OnlyGradientOf {
 public:
  OnlyGradientOf(const Variable<T>& x, const Tape<T>& tape) {
    for (const auto& entry : tape.entries())
      for (Variable<T> input : entry.inputs) {
        if (!input.requires_grad() || tape.holds(input) || &input.value() == &x.value()) continue;
        frozen_.push_back(input.requires_grad(false));
      }
  }
  ~OnlyGradientOf() {
    for (auto& variable : frozen_) variable.requires_grad(true);
  }
  OnlyGradientOf(const OnlyGradientOf&) = delete;
  OnlyGradientOf& operator=(const OnlyGradientOf&) = delete;

 private:
  std::vector<Variable<T>> frozen_;
};

void check_recording(const char* where) {
  if (NoGrad::active()) fail(where, "nothing is recorded while a NoGrad lives: call this outside of it");
}

}  // namespace

namespace detail {

template <class T>
Array<T> jacobian(const Map<T>& f, const Array<T>& x) {
  check_recording("jacobian");
  Tape<T> tape;
  auto input = parameter(x);
  const auto y = f(input);
  const std::size_t m = y.size(), n = input.size();
  auto result = zeros<T>({m, n});
  const auto flat = reshape(y, {std::ptrdiff_t(m)});  // an entry of its own, should f be the identity
  if (!tape.holds(flat)) return result;
  const OnlyGradientOf<T> only(input, tape);
  for (std::size_t i = 0; i < m; ++i) {
    auto unit = zeros<T>({m});
    unit.data()[i] = 1;
    tape.backward(flat, std::move(unit), Keep::yes);
    if (input.has_grad()) std::copy_n(input.grad().data(), n, result.data() + i * n);
    input.zero_grad();
  }
  return result;
}

template <class T>
Array<T> input_gradient(const Map<T>& f, const Array<T>& x, const Array<T>& cotangent) {
  check_recording("input_gradient");
  Tape<T> tape;
  const auto input = parameter(x);
  const auto y = f(input);
  if (cotangent.size() && shape_of(cotangent) != y.shape())
    fail("input_gradient", "the cotangent is ", to_string(shape_of(cotangent)), ", f(x) is ",
         to_string(y.shape()), ": both must have the same shape");
  const auto flat = reshape(y, {std::ptrdiff_t(y.size())});
  if (!tape.holds(flat)) return zeros<T>(input.shape());
  const OnlyGradientOf<T> only(input, tape);
  tape.backward(flat, cotangent.size() ? reshaped(cotangent, flat.shape()) : full<T>(flat.shape(), T(1)));
  return input.has_grad() ? input.grad() : zeros<T>(input.shape());
}

#define XGRAD_INSTANTIATE(T)                                  \
  template Array<T> jacobian(const Map<T>&, const Array<T>&); \
  template Array<T> input_gradient(const Map<T>&, const Array<T>&, const Array<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace detail
}  // namespace xgrad
