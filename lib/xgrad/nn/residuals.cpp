#include "xgrad/nn/residuals.hpp"

#include <cmath>

#include "xgrad/core/scalars.hpp"

namespace xgrad {

template <class T>
Variable<T> ScaledResidual<T>::forward(const Variable<T>& x) {
  const auto f = (*branch_)(x);
  if (f.shape() != x.shape())
    fail("scaled_residual", "x is ", to_string(x.shape()), ", the branch gives ", to_string(f.shape()),
         ": both must have the same shape to be added");
  return x + alpha * f;
}

template <class T>
std::string ScaledResidual<T>::describe() const {
  std::ostringstream text;
  text << "ScaledResidual(α = " << alpha.item() << ")";
  return text.str();
}

template <class T>
FixupBlock<T>::FixupBlock(std::size_t width, std::size_t blocks, const Init& init, Rng& rng,
                          std::size_t matrices, const std::string& activation)
    : multiplier(parameter(full<T>({1}, T(1)), "multiplier")), activation_(xgrad::activation<T>(activation)) {
  if (matrices < 2 || blocks == 0)
    fail("fixup", "there are ", matrices, " matrices in each of ", blocks,
         " blocks: it takes two matrices and one block at least");
  const auto inner = init.scaled(std::pow(double(blocks), -1 / (2 * double(matrices) - 2)));
  for (std::size_t i = 1; i <= matrices; ++i) {
    layers.emplace_back(width, width, i < matrices ? inner : Init::constant(0), rng, Bias::no);
    before.push_back(parameter(zeros<T>({1}), "before"));
    if (i > 1) activated.push_back(parameter(zeros<T>({1}), "activated"));
  }
}

template <class T>
Variable<T> FixupBlock<T>::forward(const Variable<T>& x) {
  auto h = layers[0](x + before[0]);
  for (std::size_t i = 1; i < layers.size(); ++i)
    h = layers[i](activation_(h + activated[i - 1]) + before[i]);
  return x + multiplier * h;
}

template <class T>
std::vector<Part<T>> FixupBlock<T>::parts() {
  std::vector<Part<T>> result;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string number = std::to_string(i);
    if (i > 0) result.emplace_back("activated." + number, activated[i - 1]);
    result.emplace_back("before." + number, before[i]);
    result.emplace_back("layers." + number, layers[i]);
  }
  result.emplace_back("multiplier", multiplier);
  return result;
}

template <class T>
std::string FixupBlock<T>::describe() const {
  std::ostringstream text;
  text << "FixupBlock(" << layers.size() << " × " << layers[0].weight.extent(0) << ")";
  return text.str();
}

#define XGRAD_INSTANTIATE(T)        \
  template class ScaledResidual<T>; \
  template class FixupBlock<T>;
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
