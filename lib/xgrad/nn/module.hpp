#pragma once
// Module: a function with parameters. A module lists its parts once, in parts(); names, parameters, training
// mode and summary all follow from that list.

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "xgrad/core/random.hpp"
#include "xgrad/core/tape.hpp"

namespace xgrad {

template <class T>
class Module;

/// A named member of a module: a parameter, a module, a buffer (numbers that belong to the module's state but
/// are not trained, such as the running mean of batch normalisation), or a random generator of its own.
template <class T>
struct Part {
  std::string name;
  std::variant<Variable<T>*, Module<T>*, Array<T>*, Rng*> what;
  Part(std::string name, Variable<T>& parameter) : name(std::move(name)), what(&parameter) {}
  Part(std::string name, Module<T>& module) : name(std::move(name)), what(&module) {}
  Part(std::string name, Array<T>& buffer) : name(std::move(name)), what(&buffer) {}
  Part(std::string name, Rng& generator) : name(std::move(name)), what(&generator) {}
};

/// A parameter and its path in the model, such as "attention.query.weight".
template <class T>
struct NamedParameter {
  std::string name;
  Variable<T> variable;
};

template <class T>
using Parameters = std::vector<NamedParameter<T>>;

/// A buffer and its path in the model, such as "stem.norm.running_mean".
template <class T>
struct NamedBuffer {
  std::string name;
  Array<T>* array;
};

/// A generator and its path in the model, such as "dropout.generator".
struct NamedGenerator {
  std::string name;
  Rng* generator;
};

template <class T>
class Module {
 public:
  Module() = default;
  Module(Module&&) = default;
  Module& operator=(Module&&) = default;
  virtual ~Module() = default;

  /// y = f(x).
  Variable<T> operator()(const Variable<T>& x);

  /// What a module computes; callers use operator().
  virtual Variable<T> forward(const Variable<T>& x) = 0;
  /// Parameters, buffers, generators and sub-modules in order. Empty parameters (no bias) may be listed and
  /// are passed over.
  virtual std::vector<Part<T>> parts() { return {}; }
  /// For summaries and error messages: "Linear(784 → 64)".
  virtual std::string describe() const = 0;

  /// All parameters in order, names joined with dots. A parameter that is shared appears once, under its
  /// first name.
  Parameters<T> parameters();
  /// All buffers in order, named like the parameters: with these, all that a trained model is. Valid while
  /// the module stays where it is.
  std::vector<NamedBuffer<T>> buffers();
  /// All random generators in order, named like the parameters: what training needs besides, to go on as if
  /// it had not been interrupted.
  std::vector<NamedGenerator> generators();
  std::size_t parameter_count();
  void zero_grad();
  /// Freezes (false) or thaws all parameters.
  void requires_grad(bool on);
  /// Training or evaluation mode of this module and all its parts: what dropout asks.
  void train(bool on = true);
  bool training() const { return training_; }

 protected:
  /// Shows y to the observers and returns it: for operators that take more than x.
  Variable<T> observed(const Variable<T>& x, Variable<T> y);

 private:
  bool training_ = true;
};

/// Calls back for every module that runs on this thread while it lives: how summary and the instruments look
/// inside a model. x is an empty handle where a module was called with token numbers. Observers nest.
template <class T>
class Observer {
 public:
  using Callback = std::function<void(Module<T>& module, const Variable<T>& x, const Variable<T>& y)>;
  explicit Observer(Callback callback);
  ~Observer();
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

 private:
  friend class Module<T>;
  Callback callback_;
  Observer* outer_;
};

/// While it lives, all of a module is in evaluation mode; then every part is in its own mode again.
template <class T>
class EvaluationMode {
 public:
  explicit EvaluationMode(Module<T>& module);
  ~EvaluationMode();
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  std::vector<std::pair<Module<T>*, bool>> modes_;
};

/// A table of layers, output shapes and parameter counts, from one pass of zeros of shape `input` in
/// evaluation mode; the last line is the total. Modules that take indices take them as zeros too.
template <class T>
std::string summary(Module<T>& module, const Shape& input);

}  // namespace xgrad
