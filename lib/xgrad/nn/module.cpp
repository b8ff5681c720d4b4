#include "xgrad/nn/module.hpp"

#include <algorithm>
#include <iomanip>
#include <map>

#include "xgrad/core/scalars.hpp"

namespace xgrad {

namespace {
template <class T>
Observer<T>*& current_observer() {
  thread_local Observer<T>* observer = nullptr;
  return observer;
}

/// Calls visit(path, part) for every part of a module, depth first.
template <class T, class Visit>
void walk(Module<T>& module, const std::string& prefix, Visit visit) {
  for (Part<T>& part : module.parts()) {
    const std::string path = prefix.empty() ? part.name : prefix + "." + part.name;
    visit(path, part);
    if (auto* inner = std::get_if<Module<T>*>(&part.what)) walk(**inner, path, visit);
  }
}
}  // namespace

template <class T>
Variable<T> Module<T>::operator()(const Variable<T>& x) {
  return observed(x, forward(x));
}

template <class T>
Variable<T> Module<T>::observed(const Variable<T>& x, Variable<T> y) {
  for (auto* observer = current_observer<T>(); observer; observer = observer->outer_)
    observer->callback_(*this, x, y);
  return y;
}

template <class T>
Parameters<T> Module<T>::parameters() {
  Parameters<T> result;
  walk<T>(*this, "", [&](const std::string& path, Part<T>& part) {
    auto* parameter = std::get_if<Variable<T>*>(&part.what);
    if (!parameter || !**parameter) return;
    const auto same = [&](const NamedParameter<T>& p) {
      return &p.variable.value() == &(*parameter)->value();
    };
    if (std::none_of(result.begin(), result.end(), same)) result.push_back({path, **parameter});
  });
  return result;
}

template <class T>
std::vector<NamedBuffer<T>> Module<T>::buffers() {
  std::vector<NamedBuffer<T>> result;
  walk<T>(*this, "", [&](const std::string& path, Part<T>& part) {
    auto* buffer = std::get_if<Array<T>*>(&part.what);
    if (!buffer) return;
    const auto same = [&](const NamedBuffer<T>& b) { return b.array == *buffer; };
    if (std::none_of(result.begin(), result.end(), same)) result.push_back({path, *buffer});
  });
  return result;
}

template <class T>
std::vector<NamedGenerator> Module<T>::generators() {
  std::vector<NamedGenerator> result;
  walk<T>(*this, "", [&](const std::string& path, Part<T>& part) {
    auto* generator = std::get_if<Rng*>(&part.what);
    if (!generator) return;
    const auto same = [&](const NamedGenerator& g) { return g.generator == *generator; };
    if (std::none_of(result.begin(), result.end(), same)) result.push_back({path, *generator});
  });
  return result;
}

template <class T>
std::size_t Module<T>::parameter_count() {
  std::size_t n = 0;
  for (const auto& p : parameters()) n += p.variable.size();
  return n;
}

template <class T>
void Module<T>::zero_grad() {
  for (auto& p : parameters()) p.variable.zero_grad();
}

template <class T>
void Module<T>::requires_grad(bool on) {
  for (auto& p : parameters()) p.variable.requires_grad(on);
}

template <class T>
void Module<T>::train(bool on) {
  training_ = on;
  walk<T>(*this, "", [on](const std::string&, Part<T>& part) {
    if (auto* inner = std::get_if<Module<T>*>(&part.what)) (*inner)->training_ = on;
  });
}

template <class T>
Observer<T>::Observer(Callback callback) : callback_(std::move(callback)), outer_(current_observer<T>()) {
  current_observer<T>() = this;
}

template <class T>
Observer<T>::~Observer() {
  // Scopes end in reverse order; should one end early, it is unlinked where it stands.
  Observer** link = &current_observer<T>();
  while (*link && *link != this) link = &(*link)->outer_;
  if (*link) *link = outer_;
}

template <class T>
EvaluationMode<T>::EvaluationMode(Module<T>& module) {
  modes_.emplace_back(&module, module.training());
  walk<T>(module, "", [this](const std::string&, Part<T>& part) {
    if (auto* inner = std::get_if<Module<T>*>(&part.what)) modes_.emplace_back(*inner, (*inner)->training());
  });
  module.train(false);
}

template <class T>
EvaluationMode<T>::~EvaluationMode() {
  for (auto [module, training] : modes_) module->train(training);  // outer modules first
}

template <class T>
std::string summary(Module<T>& module, const Shape& input) {
  std::map<const Module<T>*, Shape> outputs;
  {
    const EvaluationMode<T> evaluation(module);
    NoGrad pause;
    Observer<T> observer(
        [&](Module<T>& m, const Variable<T>&, const Variable<T>& y) { outputs[&m] = y.shape(); });
    module(Variable<T>(zeros<T>(input)));
  }

  struct Row {
    std::string layer, shape, parameters;
  };
  std::vector<Row> rows{{"layer", "output", "parameters"}};
  const auto add = [&](const std::string& path, Module<T>& m) {
    const auto depth = static_cast<std::size_t>(std::count(path.begin(), path.end(), '.'));
    const auto output = outputs.find(&m);
    rows.push_back({std::string(2 * depth, ' ') + path.substr(path.rfind('.') + 1) + "  " + m.describe(),
                    output == outputs.end() ? "-" : to_string(output->second),
                    std::to_string(m.parameter_count())});
  };
  walk<T>(module, "", [&](const std::string& path, Part<T>& part) {
    if (auto* inner = std::get_if<Module<T>*>(&part.what)) add(path, **inner);
  });
  rows.push_back({"total", to_string(outputs[&module]), std::to_string(module.parameter_count())});

  // Widths in characters, not bytes: UTF-8 continuation bytes do not count.
  const auto length = [](const std::string& s) {
    return static_cast<std::size_t>(
        std::count_if(s.begin(), s.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  };
  std::size_t wide = 0, middle = 0, right = 0;
  for (const Row& row : rows) {
    wide = std::max(wide, length(row.layer));
    middle = std::max(middle, length(row.shape));
    right = std::max(right, length(row.parameters));
  }
  std::ostringstream text;
  const auto rule = std::string(wide + middle + right + 4, '-') + "\n";
  for (const Row& row : rows) {
    if (&row == &rows.back()) text << rule;
    text << row.layer << std::string(wide - length(row.layer) + 2, ' ') << row.shape
         << std::string(middle - length(row.shape) + 2 + right - length(row.parameters), ' ')
         << row.parameters << '\n';
    if (&row == &rows.front()) text << rule;
  }
  return text.str();
}

#define XGRAD_INSTANTIATE(T)        \
  template class Module<T>;         \
  template class Observer<T>;       \
  template class EvaluationMode<T>; \
  template std::string summary(Module<T>&, const Shape&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
