#include "xgrad/probe/units.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "xgrad/core/rows.hpp"

namespace xgrad {

// |2(y - low)/(high - low) - 1| > threshold  where  |y - middle| > threshold (high - low)/2
template <class T>
double saturated_share(const Array<T>& y, double low, double high, double threshold) {
  if (!(low < high)) fail("saturated_share", "the range is ", low, " to ", high, ": low must be below high");
  const T middle = T((low + high) / 2), bound = T(threshold * (high - low) / 2);
  return detail::sum_of<double>(
             y.size(), [=](T y_i) { return std::abs(y_i - middle) > bound ? 1. : 0.; }, y.data()) /
         double(y.size());
}

template <class T>
double dead_share(const Array<T>& y, std::ptrdiff_t axis) {
  const std::size_t at = normalised_axis("dead_share", axis, y.dimension());
  if (y.size() == 0) fail("dead_share", "y is ", to_string(shape_of(y)), ": it must have entries");
  const std::size_t units = y.shape()[at];
  std::size_t inner = 1;  // entries of a unit that follow one another
  for (std::size_t i = at + 1; i < y.dimension(); ++i) inner *= y.shape()[i];
  std::vector<unsigned char> alive(units, 0);
  for (const T* sample = y.data(); sample != y.data() + y.size(); sample += units * inner)
    for (std::size_t unit = 0; unit < units; ++unit)
      for (std::size_t i = 0; i < inner; ++i) alive[unit] |= !(sample[unit * inner + i] <= 0);
  return double(std::count(alive.begin(), alive.end(), 0)) / double(units);
}

namespace {

template <class T>
std::string kind(const Module<T>& module) {
  std::string name = module.describe();
  for (char& c : name) c = char(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

template <class T>
std::vector<NamedModule<T>> activations(Module<T>& model) {
  std::vector<NamedModule<T>> result;
  for (const auto& part : watched_modules(model, Watch::all))
    if (const auto name = kind(*part.module); name == "tanh" || name == "sigmoid" || name == "relu")
      result.push_back(part);
  return result;
}

}  // namespace

template <class T>
UnitRecorder<T>::UnitRecorder(Module<T>& model, double threshold)
    : threshold_(threshold), modules_(activations(model)), watch_(modules_) {
  for (const auto& [name, module] : modules_)
    (kind(*module) == "relu" ? dead_ : saturated_).names.push_back(name);
}

template <class T>
void UnitRecorder<T>::step() {
  saturated_.rows.emplace_back();
  dead_.rows.emplace_back();
  const auto calls = watch_.take();
  for (std::size_t i = 0; i < modules_.size(); ++i) {
    const std::string name = kind(*modules_[i].module);
    double sum = 0;
    for (const auto& call : calls[i]) {
      const Array<T>& y = call.y.value();
      sum += name == "relu" ? dead_share(y, y.dimension() == 4 ? 1 : -1)
                            : saturated_share(y, name == "tanh" ? -1 : 0, 1, threshold_);
    }
    (name == "relu" ? dead_ : saturated_).rows.back().push_back(sum / double(calls[i].size()));
  }
}

#define XGRAD_INSTANTIATE(T)                                                \
  template double saturated_share(const Array<T>&, double, double, double); \
  template double dead_share(const Array<T>&, std::ptrdiff_t);              \
  template class UnitRecorder<T>;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
