#include "xgrad/probe/path_lengths.hpp"

#include "xgrad/probe/jacobian.hpp"

namespace xgrad {
namespace {

template <class T>
void add_to(Array<T>& sum, const Array<T>& x) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum.data()[i] += x.data()[i];
}

// x₀…x_{n-1}: where each branch is evaluated.
template <class T>
std::vector<Array<T>> branch_inputs(const std::vector<Module<T>*>& branches, const Array<T>& x) {
  const NoGrad pause;
  std::vector<Array<T>> inputs{x};
  for (std::size_t l = 0; l < branches.size(); ++l) {
    const auto branch = (*branches[l])(Variable<T>(inputs.back())).value();
    if (shape_of(branch) != shape_of(x))
      fail("gradients_by_path_length", "branch ", l + 1, " makes ", to_string(shape_of(branch)), " of ",
           to_string(shape_of(x)), ": it must keep the shape");
    auto next = inputs.back();
    add_to(next, branch);
    inputs.push_back(std::move(next));
  }
  inputs.pop_back();
  return inputs;
}

}  // namespace

template <class T>
std::vector<Array<T>> gradients_by_path_length(const std::vector<Module<T>*>& branches, const Array<T>& x,
                                               const Array<T>& cotangent) {
  if (branches.empty()) fail("gradients_by_path_length", "there is no branch: at least one is needed");
  const auto inputs = branch_inputs(branches, x);
  std::vector<Array<T>> by_length{cotangent};
  for (std::size_t l = branches.size(); l-- > 0;) {
    std::vector<Array<T>> through_branch;
    for (const auto& g : by_length) through_branch.push_back(input_gradient(*branches[l], inputs[l], g));
    by_length.push_back(zeros<T>(shape_of(x)));
    for (std::size_t k = 0; k < through_branch.size(); ++k) add_to(by_length[k + 1], through_branch[k]);
  }
  return by_length;
}

#define XGRAD_INSTANTIATE(T)                                                                               \
  template std::vector<Array<T>> gradients_by_path_length(const std::vector<Module<T>*>&, const Array<T>&, \
                                                          const Array<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
