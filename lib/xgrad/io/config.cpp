#include "xgrad/io/config.hpp"

#include <algorithm>

#include "xgrad/io/json.hpp"

namespace xgrad {

struct Fields::State {
  struct Level {
    std::string prefix;  // "optimizer."
    std::string key;     // under which this object lies in the one around it
    Json object = Json::object();
    std::vector<std::string> taken;
  };
  bool reading;
  std::string path;
  std::vector<Level> levels;

  Level& here() { return levels.back(); }
  std::string name(const char* key) { return in_quotes(here().prefix + key); }

  /// The value of a key, or null when it is not there.
  const Json* find(const char* key) {
    here().taken.push_back(key);
    const auto found = here().object.find(key);
    return found == here().object.end() ? nullptr : &*found;
  }

  template <class... Parts>
  [[noreturn]] void refuse(const char* key, const Json& value, const Parts&... rule) {
    std::string shown = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (shown.size() > 60) shown = "too long";
    fail("config", path, ": ", name(key), " is ", shown, ": it must be ", rule...);
  }

  void check_that_all_is_taken() {
    for (const auto& entry : here().object.items())
      if (std::find(here().taken.begin(), here().taken.end(), entry.key()) == here().taken.end()) {
        std::string known;
        for (const std::string& key : here().taken) known += (known.empty() ? "" : ", ") + key;
        fail("config", path, " has an unknown key ", in_quotes(here().prefix + entry.key()), ": known are ",
             known);
      }
  }
};

Fields::Fields(std::unique_ptr<State> state) : state_(std::move(state)) {}
Fields::Fields(Fields&&) noexcept = default;
Fields::~Fields() = default;

Fields Fields::writer() { return Fields(std::make_unique<State>(State{false, "", {State::Level{}}})); }

Fields Fields::reader(const std::string& path, const std::string& text) {
  State::Level top;
  top.object = parse_json("config", path, text);
  if (!top.object.is_object()) fail("config", path, " must hold one JSON object: {…}");
  return Fields(std::make_unique<State>(State{true, path, {top}}));
}

void Fields::operator()(const char* key, bool& field) {
  if (!state_->reading) {
    state_->here().object[key] = field;
  } else if (const Json* value = state_->find(key)) {
    if (!value->is_boolean()) state_->refuse(key, *value, "true or false");
    field = value->get<bool>();
  }
}

void Fields::operator()(const char* key, std::size_t& field, std::size_t low, std::size_t high) {
  if (!state_->reading) {
    state_->here().object[key] = field;
  } else if (const Json* value = state_->find(key)) {
    const bool fits =
        value->is_number_unsigned() && value->get<std::size_t>() >= low && value->get<std::size_t>() <= high;
    if (!fits) state_->refuse(key, *value, "a whole number from ", low, " to ", high);
    field = value->get<std::size_t>();
  }
}

void Fields::operator()(const char* key, double& field, double low, double high) {
  if (!state_->reading) {
    state_->here().object[key] = field;
  } else if (const Json* value = state_->find(key)) {
    const bool fits = value->is_number() && value->get<double>() >= low && value->get<double>() <= high;
    if (!fits) state_->refuse(key, *value, "a number from ", low, " to ", high);
    field = value->get<double>();
  }
}

void Fields::operator()(const char* key, std::string& field, const std::vector<std::string>& choices) {
  if (!state_->reading) {
    state_->here().object[key] = field;
  } else if (const Json* value = state_->find(key)) {
    if (!value->is_string()) state_->refuse(key, *value, "a text");
    const auto text = value->get<std::string>();
    if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) {
      std::string list;
      for (const std::string& choice : choices) list += (list.empty() ? "" : ", ") + choice;
      state_->refuse(key, *value, "one of ", list);
    }
    field = text;
  }
}

void Fields::enter(const char* key) {
  State::Level level;
  level.prefix = state_->here().prefix + key + ".";
  level.key = key;
  if (state_->reading)
    if (const Json* value = state_->find(key)) {
      if (!value->is_object()) state_->refuse(key, *value, "an object: {…}");
      level.object = *value;
    }
  state_->levels.push_back(std::move(level));
}

void Fields::leave() {
  if (state_->reading) state_->check_that_all_is_taken();
  const State::Level done = std::move(state_->here());
  state_->levels.pop_back();
  if (!state_->reading) state_->here().object[done.key] = done.object;
}

void Fields::finish() { state_->check_that_all_is_taken(); }

std::string Fields::text() const {
  return json_text("config", "the configuration", state_->here().object, 2);
}

void fields(Fields& f, SgdOptions& o) {
  f("momentum", o.momentum, 0, 1);
  f("nesterov", o.nesterov);
  f("weight_decay", o.weight_decay, 0, 1e9);
}

void fields(Fields& f, AdamOptions& o) {
  f("beta1", o.beta1, 0, 1);
  f("beta2", o.beta2, 0, 1);
  f("eps", o.eps, 0, 1);
  f("weight_decay", o.weight_decay, 0, 1e9);
}

}  // namespace xgrad
