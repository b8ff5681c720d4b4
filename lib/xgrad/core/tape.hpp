#pragma once
// Tape: the Wengert list. An op appends one entry; backward walks the entries in reverse. The order of the
// list is a topological order already, so there is no sort, no recursion, and each entry runs exactly once.
// (R. E. Wengert, "A simple automatic derivative evaluation program", CACM 7(8), 1964.)

#include <iosfwd>

#include "xgrad/core/variable.hpp"

namespace xgrad {

/// ∂L/∂y on its way back through an op. It reads as an Array.
template <class T>
class Gradient {
 public:
  Gradient(const Array<T>& array) : array_(&array) {}
  explicit Gradient(Array<T>&& array) : array_(&array), given_(&array) {}
  operator const Array<T>&() const { return *array_; }
  /// The array to change or to hand on: the memory itself when it was given away, else a copy.
  Array<T> take() { return given_ ? std::move(*given_) : *array_; }
  /// The array that f(from, to) writes entry by entry: into this array's own memory when it was given away.
  template <class F>
  Array<T> transform(F f) {
    Array<T> result = given_ ? std::move(*given_) : empty_like(*array_);
    f(static_cast<const T*>(given_ ? result.data() : array_->data()), result.data());
    return result;
  }

 private:
  const Array<T>* array_;
  Array<T>* given_ = nullptr;
};

/// The reverse pass of one op: a function that receives the op's output y and dy = ∂L/∂y, and accumulates
/// into its inputs. A lambda that only reads dy may declare it as const Array<T>&. (A std::function whose
/// closure lies in recycled memory.)
template <class T>
class Vjp {
 public:
  template <class F>
  Vjp(F f) : closure_(std::make_unique<Closure<F>>(std::move(f))) {}
  void operator()(const Array<T>& y, Gradient<T> dy) const { closure_->call(y, std::move(dy)); }

 private:
  struct AnyClosure {
    virtual ~AnyClosure() = default;
    virtual void call(const Array<T>& y, Gradient<T> dy) = 0;
    static void* operator new(std::size_t bytes) { return detail::take_block(bytes); }
    static void operator delete(void* block, std::size_t bytes) { detail::give_block(block, bytes); }
  };
  template <class F>
  struct Closure : AnyClosure {
    explicit Closure(F&& f) : f(std::move(f)) {}
    void call(const Array<T>& y, Gradient<T> dy) override { f(y, dy); }
    F f;
  };
  std::unique_ptr<AnyClosure> closure_;
};

/// While a Tape lives it is its thread's current tape and records every op that depends on a variable with
/// requires_grad. Tapes nest: the innermost one records, and variables of an outer tape are leaves to it.
/// Tapes end in the reverse order of their beginning, as scopes do, and on the thread that began them.
template <class T>
class Tape {
 public:
  struct Entry {
    const char* op;
    VariableList<T> inputs;
    Variable<T> output;
    Vjp<T> vjp;
  };

  Tape();
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  /// The innermost tape of this thread, or null.
  static Tape* current();

  /// Fills the gradients of everything that `loss` depends on. Gradients of leaves (parameters) add to what
  /// is there; gradients of intermediate values are those of this pass. The tape is spent afterwards: its
  /// memory is released on the way and it records no more, unless `keep` says otherwise. Throws Error when
  /// loss is no scalar, was not recorded here, or the tape is spent.
  void backward(const Variable<T>& loss, Keep keep = Keep::no);

  /// The same from a value of any shape: `cotangent`, of y's shape, is ∂L/∂y.
  void backward(const Variable<T>& y, Array<T> cotangent, Keep keep = Keep::no);

  using Entries = std::vector<Entry, RecyclingAllocator<Entry>>;
  const Entries& entries() const { return entries_; }
  std::size_t size() const { return entries_.size(); }
  bool spent() const { return spent_; }

  /// The Wengert list with shapes, one line per value: "v7 = matmul(v3, v5)  (32, 64)".
  std::string to_string() const;

  /// The same as a Graphviz digraph; each node shows op, shape, and the norms of value and gradient (for a
  /// scalar: the value and the gradient).
  std::string to_dot() const;

  /// Whether y was recorded here (and is not yet released).
  bool holds(const Variable<T>& y) const;
  /// The tape that this one interrupts, or null.
  const Tape* outer() const { return outer_; }

  /// Used by `record` only.
  void append(const char* op, VariableList<T> inputs, Variable<T>& output, Vjp<T> vjp);

 private:
  Entries entries_;
  bool spent_ = false;
  Tape* outer_;
};

template <class T>
std::ostream& operator<<(std::ostream& out, const Tape<T>& tape);

/// While it lives, this thread records nothing: for evaluation in the middle of a tape.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;
  static bool active();  ///< whether any lives on this thread
};

/// True when an op on `inputs` would be recorded: a tape is current, not spent, not paused, and one of the
/// inputs requires a gradient.
template <class T>
bool recording(const VariableList<T>& inputs);

/// How every op ends: wraps `value` as a Variable and, when recording, appends the op to the current tape.
template <class T>
Variable<T> record(const char* op, Array<T> value, VariableList<T> inputs, Vjp<T> vjp);

}  // namespace xgrad
