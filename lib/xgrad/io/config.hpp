#pragma once
// Options as JSON. A struct says once what its fields are called and which values make sense; writing,
// reading and checking follow from that:
//
//   struct Options { std::size_t layers = 4; double dropout = .1; std::string norm = "pre"; };
//
//   void fields(Fields& f, Options& o) {
//     f("layers", o.layers, 1, 1000);
//     f("dropout", o.dropout, 0, .99);
//     f("norm", o.norm, {"pre", "post"});
//   }
//
//   save_config("config.json", options);
//   const auto options = load_config<Options>("config.json");

#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "xgrad/io/file.hpp"
#include "xgrad/optim/optim.hpp"

namespace xgrad {

/// Visits the fields of an option struct: puts them into JSON, or takes them from there.
class Fields {
 public:
  static Fields writer();
  /// Takes from the JSON text of `path`. Throws Error("[config] path …") unless it is one object.
  static Fields reader(const std::string& path, const std::string& text);
  Fields(Fields&&) noexcept;
  ~Fields();

  // A key that is not there leaves the field as it is. Throws Error, naming the key, on another type and on a
  // value outside [low, high] or not among the choices (of which there may be none: any text).
  void operator()(const char* key, bool& field);
  void operator()(const char* key, std::size_t& field, std::size_t low = 0,
                  std::size_t high = std::numeric_limits<std::size_t>::max());
  void operator()(const char* key, double& field, double low, double high);
  void operator()(const char* key, std::string& field, const std::vector<std::string>& choices = {});
  /// A struct within the struct.
  template <class Options>
  void operator()(const char* key, Options& options) {
    enter(key);
    fields(*this, options);
    leave();
  }

  /// Reading: throws Error when a key is left that no field has taken.
  void finish();
  /// Writing: the text, indented.
  std::string text() const;

 private:
  struct State;
  explicit Fields(std::unique_ptr<State> state);
  void enter(const char* key);
  void leave();
  std::unique_ptr<State> state_;
};

template <class Options>
std::string to_json(Options options) {
  Fields f = Fields::writer();
  fields(f, options);
  return f.text();
}

/// `options` with the values of a JSON text. Throws Error on unknown keys and wrong values, naming `path` and
/// the key.
template <class Options>
Options from_json(const std::string& path, const std::string& text, Options options = {}) {
  Fields f = Fields::reader(path, text);
  fields(f, options);
  f.finish();
  return options;
}

template <class Options>
void save_config(const std::string& path, const Options& options) {
  write_file("config", path, to_json(options) + "\n");
}

template <class Options>
Options load_config(const std::string& path, Options options = {}) {
  return from_json(path, read_file("config", path), std::move(options));
}

// The library's own.
void fields(Fields& f, SgdOptions& options);
void fields(Fields& f, AdamOptions& options);

}  // namespace xgrad
