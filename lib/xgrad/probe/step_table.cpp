#include "xgrad/probe/step_table.hpp"

#include <algorithm>

#include "xgrad/nn/layers.hpp"

namespace xgrad {

std::vector<double> StepTable::column(const std::string& name) const {
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end()) {
    std::string all;
    for (const auto& known : names) all += (all.empty() ? "" : ", ") + known;
    fail("step_table", "there is no column '", name, "': there are ", all);
  }
  std::vector<double> result;
  for (const auto& row : rows) result.push_back(row[std::size_t(at - names.begin())]);
  return result;
}

Scalars StepTable::last(const std::string& prefix) const {
  if (rows.empty()) fail("step_table", "there is no row yet: call step() first");
  Scalars result;
  for (std::size_t i = 0; i < names.size(); ++i) result.push_back({prefix + names[i], rows.back()[i]});
  return result;
}

void StepTable::save_csv(const std::string& path) const {
  CsvLog log(path);
  for (std::size_t step = 0; step < rows.size(); ++step) {
    Scalars scalars;
    for (std::size_t i = 0; i < names.size(); ++i) scalars.push_back({names[i], rows[step][i]});
    log.write(step + 1, scalars);
  }
}

namespace {
template <class T>
void collect(Module<T>& module, const std::string& prefix, Watch watch, std::vector<NamedModule<T>>& into) {
  for (Part<T>& part : module.parts()) {
    auto* inner = std::get_if<Module<T>*>(&part.what);
    if (!inner) continue;
    const std::string path = prefix.empty() ? part.name : prefix + "." + part.name;
    const bool sequential = dynamic_cast<Sequential<T>*>(*inner);
    if (watch == Watch::all || !sequential) into.push_back({path, *inner});
    if (watch == Watch::all || sequential) collect(**inner, path, watch, into);
  }
}
}  // namespace

template <class T>
std::vector<NamedModule<T>> watched_modules(Module<T>& model, Watch watch) {
  std::vector<NamedModule<T>> result;
  collect(model, "", watch, result);
  if (result.empty()) result.push_back({"model", &model});
  return result;
}

#define XGRAD_INSTANTIATE(T) template std::vector<NamedModule<T>> watched_modules(Module<T>&, Watch);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
