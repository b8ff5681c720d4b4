#include "xgrad/probe/recorder.hpp"

#include <cmath>
#include <limits>

namespace xgrad {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

template <class T>
std::vector<std::string> names_of(const std::vector<NamedModule<T>>& modules) {
  std::vector<std::string> names;
  for (const auto& module : modules) names.push_back(module.name);
  return names;
}

/// log₁₀ of the joint RMS of several arrays, given the log₁₀ RMS of each.
class JointRms {
 public:
  template <class T>
  void add(const Array<T>& x) {
    all_.push_back({log10_rms(x), double(x.size())});
    const double rms = all_.back().first;
    if (rms > largest_ || std::isnan(rms)) largest_ = rms;
    entries_ += double(x.size());
  }
  double log10() const {
    if (all_.empty()) return nothing;
    if (!std::isfinite(largest_)) return largest_;
    double sum = 0;
    for (const auto& [rms, size] : all_) sum += size * std::pow(10, 2 * (rms - largest_));
    return largest_ + std::log10(sum / entries_) / 2;
  }

 private:
  std::vector<std::pair<double, double>> all_;
  double largest_ = -std::numeric_limits<double>::infinity(), entries_ = 0;
};

}  // namespace

template <class T>
StepWatch<T>::StepWatch(const std::vector<NamedModule<T>>& modules, Inputs inputs)
    : calls_(modules.size()),
      observer_([this, inputs](Module<T>& module, const Variable<T>& x, const Variable<T>& y) {
        if (!Tape<T>::current() || NoGrad::active()) return;
        if (const auto at = numbers_.find(&module); at != numbers_.end())
          calls_[at->second].push_back({inputs == Inputs::keep ? x : Variable<T>(), y});
      }) {
  for (std::size_t i = 0; i < modules.size(); ++i) numbers_.emplace(modules[i].module, i);
}

template <class T>
std::vector<std::vector<typename StepWatch<T>::Call>> StepWatch<T>::take() {
  std::vector<std::vector<Call>> result(calls_.size());
  result.swap(calls_);
  return result;
}

template <class T>
FlowRecorder<T>::FlowRecorder(Module<T>& model, Watch watch)
    : watch_(watched_modules(model, watch)),
      values_{names_of(watched_modules(model, watch)), {}},
      gradients_{values_.names, {}} {}

template <class T>
void FlowRecorder<T>::step() {
  std::vector<double> values, gradients;
  for (const auto& calls : watch_.take()) {
    JointRms value, gradient;
    for (const auto& call : calls) {
      value.add(call.y.value());
      if (call.y.has_grad()) gradient.add(call.y.grad());
    }
    values.push_back(value.log10());
    gradients.push_back(gradient.log10());
  }
  values_.rows.push_back(std::move(values));
  gradients_.rows.push_back(std::move(gradients));
}

template <class T>
UpdateRecorder<T>::UpdateRecorder(const Parameters<T>& parameters) : parameters_(parameters) {
  for (const auto& p : parameters_) {
    before_.push_back(p.variable.value());
    norms_.push_back(log10_norm(before_.back()));
    ratios_.names.push_back(p.name);
  }
  gradients_.names = ratios_.names;
}

template <class T>
void UpdateRecorder<T>::step() {
  std::vector<double> gradients, ratios;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Variable<T>& parameter = parameters_[i].variable;
    gradients.push_back(parameter.has_grad() ? log10_rms(parameter.grad()) : nothing);
    Array<T>& update = before_[i];
    const T* now = parameter.value().data();
    for (std::size_t j = 0; j < update.size(); ++j) update.data()[j] = now[j] - update.data()[j];
    ratios.push_back(log10_norm(update) - norms_[i]);
    std::copy_n(now, update.size(), update.data());
    norms_[i] = log10_norm(update);
  }
  gradients_.rows.push_back(std::move(gradients));
  ratios_.rows.push_back(std::move(ratios));
}

#define XGRAD_INSTANTIATE(T)      \
  template class StepWatch<T>;    \
  template class FlowRecorder<T>; \
  template class UpdateRecorder<T>;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
