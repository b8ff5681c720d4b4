#include "xgrad/io/checkpoint.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <set>

#include "xgrad/core/scalars.hpp"
#include "xgrad/io/json.hpp"
#include "xgrad/io/safetensors.hpp"

namespace xgrad {

namespace {
const std::string format_key = "format", format = "xgrad checkpoint 1", configuration_key = "configuration";

/// One array of a file and what it belongs to: how to write it, and how to put it back.
struct Item {
  std::string name;
  AnyArray value;                              // now
  std::function<void(const AnyArray&)> give;   // type and shape have been checked
  bool any_length = false;                     // a list, which may be longer in the file
  bool (*possible)(const Indices&) = nullptr;  // a rule for whole numbers
};

bool all_counts(const Indices& numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](std::int64_t n) { return n >= 0; });
}

bool generator_state(const Indices& numbers) {  // a generator of zeros would give zeros for ever
  return std::any_of(numbers.begin(), numbers.begin() + 4, [](std::int64_t n) { return n != 0; });
}

template <class T>
Item item(const std::string& name, Array<T>& array) {
  return {name, array, [&array](const AnyArray& from) { array = std::get<Array<T>>(from); }};
}

/// Whole numbers in place of other types, by functions there and back.
template <class Read, class Write>
Item integers(const std::string& name, std::size_t n, bool (*possible)(const Indices&), Read read,
              Write write) {
  auto value = empty<std::int64_t>({n});
  read(value.data());
  const auto give = [write](const AnyArray& from) { write(std::get<Indices>(from).data()); };
  return {name, value, give, false, possible};
}

// The generator's words, whether a normal number is kept, and that number's bits.
Item item(const NamedGenerator& g, const std::string& prefix) {
  Rng* rng = g.generator;
  return integers(
      prefix + g.name, 6, generator_state,
      [rng](std::int64_t* to) {
        const Rng::State state = rng->state();
        std::memcpy(to, state.words.data(), 32);
        to[4] = state.has_spare;
        std::memcpy(to + 5, &state.spare, 8);
      },
      [rng](const std::int64_t* from) {
        Rng::State state{};
        std::memcpy(state.words.data(), from, 32);
        state.has_spare = from[4] != 0;
        std::memcpy(&state.spare, from + 5, 8);
        rng->state(state);
      });
}

Item item(const std::string& name, std::vector<std::size_t>& counts) {
  return integers(
      name, counts.size(), all_counts, [&](std::int64_t* to) { std::copy(counts.begin(), counts.end(), to); },
      [&](const std::int64_t* from) { std::copy_n(from, counts.size(), counts.begin()); });
}

Item item(const std::string& name, std::size_t& count) {
  return integers(
      name, 1, all_counts, [&](std::int64_t* to) { *to = static_cast<std::int64_t>(count); },
      [&](const std::int64_t* from) { count = static_cast<std::size_t>(*from); });
}

Item item(const std::string& name, double& number) {
  return {name, scalar(number),
          [&number](const AnyArray& from) { number = std::get<Array<double>>(from).data()[0]; }};
}

template <class T, class A>
Item item(const std::string& name, std::vector<T, A>& numbers, bool any_length = false) {
  auto value = empty<T>({numbers.size()});
  std::copy(numbers.begin(), numbers.end(), value.data());
  const auto give = [&numbers](const AnyArray& from) {
    const auto& array = std::get<Array<T>>(from);
    numbers.assign(array.data(), array.data() + array.size());
  };
  return {name, value, give, any_length};
}

template <class T>
std::vector<Item> items_of(Module<T>& module, const std::string& prefix) {
  std::vector<Item> items;
  for (auto& p : module.parameters()) {
    auto variable = p.variable;
    items.push_back({prefix + p.name, variable.value(), [variable](const AnyArray& from) mutable {
                       variable.mutable_value() = std::get<Array<T>>(from);
                     }});
  }
  for (auto& b : module.buffers()) items.push_back(item(prefix + b.name, *b.array));
  return items;
}

template <class T>
std::vector<Item> items_of(const Training<T>& training) {
  std::vector<Item> items = items_of(training.model, "model.");
  for (auto& m : training.optimizer.memory()) items.push_back(item("optimizer." + m.name, *m.numbers));
  items.push_back(item("optimizer.steps", training.optimizer.steps()));
  items.push_back(item("optimizer.learning_rate", training.optimizer.learning_rate));
  for (const auto& g : training.model.generators()) items.push_back(item(g, "generator.model."));
  for (const auto& g : training.generators) items.push_back(item(g, "generator."));
  for (const auto& n : training.numbers) {
    const std::string name = "number." + n.name;
    if (auto* const* list = std::get_if<std::vector<double>*>(&n.value))
      items.push_back(item(name, **list, true));
    else if (auto* const* number = std::get_if<double*>(&n.value))
      items.push_back(item(name, **number));
    else
      items.push_back(item(name, *std::get<std::size_t*>(n.value)));
  }
  return items;
}

Tensors tensors_of(const std::vector<Item>& items) {
  Tensors tensors;
  for (const Item& i : items) tensors.arrays.emplace_back(i.name, i.value);
  return tensors;
}

std::size_t rank(const AnyArray& array) {
  return std::visit([](const auto& a) { return a.dimension(); }, array);
}

/// Hands out the arrays of a file, after all have been checked. Those whose name does not begin with `prefix`
/// are passed over.
void give(const char* where, const std::string& path, const Tensors& tensors, const std::vector<Item>& items,
          const std::string& prefix) {
  std::set<std::string> known;
  for (const Item& i : items) {
    known.insert(i.name);
    const AnyArray* array = tensors.find(i.name);
    if (!array)
      fail(where, path, " has no ", in_quotes(i.name), ", which the program needs: it is of another model");
    const bool fits = i.any_length ? array->index() == i.value.index() && rank(*array) == 1
                                   : describe(*array) == describe(i.value);
    if (!fits)
      fail(where, path, " has ", in_quotes(i.name), " as ", describe(*array), ", the program needs ",
           describe(i.value), ": it is of another model");
    if (i.possible && !i.possible(std::get<Indices>(*array)))
      fail(where, path, " has ", in_quotes(i.name), " with numbers that cannot be: the file is damaged");
  }
  for (const auto& entry : tensors.arrays)
    if (entry.first.compare(0, prefix.size(), prefix) == 0 && !known.count(entry.first))
      fail(where, path, " has ", in_quotes(entry.first),
           ", which the program does not know: it is of another model");
  for (const Item& i : items) i.give(*tensors.find(i.name));
}

bool is_checkpoint(const Tensors& tensors) {
  const auto found = tensors.metadata.find(format_key);
  return found != tensors.metadata.end() && found->second == format;
}

Tensors load(const std::string& path) {
  Tensors tensors = load_safetensors(path);
  if (!is_checkpoint(tensors) || !tensors.metadata.count(configuration_key))
    fail("checkpoint", path, " is a safetensors file, but no checkpoint");
  return tensors;
}
}  // namespace

template <class T>
void save_weights(Module<T>& module, const std::string& path) {
  save_safetensors(path, tensors_of(items_of(module, "")));
}

template <class T>
void load_weights(Module<T>& module, const std::string& path) {
  const Tensors tensors = load_safetensors(path);
  const std::string prefix = is_checkpoint(tensors) ? "model." : "";
  give("load_weights", path, tensors, items_of(module, prefix), prefix);
}

template <class T>
void save_checkpoint(const std::string& path, const Training<T>& training) {
  Tensors tensors = tensors_of(items_of(training));
  tensors.metadata = {{format_key, format}, {configuration_key, training.configuration}};
  save_safetensors(path, tensors);
}

template <class T>
void load_checkpoint(const std::string& path, const Training<T>& training) {
  give("checkpoint", path, load(path), items_of(training), "");
}

std::string checkpoint_configuration(const std::string& path) {
  return load(path).metadata.at(configuration_key);
}

#define XGRAD_INSTANTIATE(T)                                             \
  template void save_weights(Module<T>&, const std::string&);            \
  template void load_weights(Module<T>&, const std::string&);            \
  template void save_checkpoint(const std::string&, const Training<T>&); \
  template void load_checkpoint(const std::string&, const Training<T>&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
