#pragma once
// Threads inside one operation: a large array is worked on in parts. How it is cut depends on the array
// alone, never on the number of threads, so that the result is the same bit for bit whatever that number is.
// (But for matrix products of more than 2³⁰ multiplications, which OpenBLAS cuts as it likes.)

#include <cstddef>

namespace xgrad {

/// How many threads one operation on large arrays, or one matrix product, may use: as many as there are
/// processors, unless set. A program that runs its own threads, one network each, wants 1. Throws Error on 0.
void set_threads(std::size_t n);

namespace detail {

/// A reference to a function, whatever its type: what takes one is compiled once for all. It must not
/// outlive the call that it is made for.
template <class... Arguments>
class FunctionRef {
 public:
  template <class F>
  FunctionRef(const F& f)
      : f_(&f),
        call_([](const void* f, Arguments... arguments) { (*static_cast<const F*>(f))(arguments...); }) {}
  void operator()(Arguments... arguments) const { call_(f_, arguments...); }

 private:
  const void* f_;
  void (*call_)(const void*, Arguments...);
};

/// Does task(0) on this thread and task(1) … task(n-1) on others at the same time; returns when all are done.
/// Operations inside use one thread each. A task must not throw.
void on_threads(std::size_t n, FunctionRef<std::size_t> task);

/// How many threads an operation may use here: one where several share a piece of work already.
std::size_t threads_now();

/// Does part(0) … part(n-1), on as many threads as one operation may use now. When a part throws, those that
/// have begun end, others may be left out, and the exception goes on.
void share_out(std::size_t n, FunctionRef<std::size_t> part);

/// The number of parts into which an operation on so many numbers is cut: below, waking a thread costs more
/// than it brings.
inline std::size_t parts_of(std::size_t numbers) { return numbers < (std::size_t(1) << 16) ? 1 : 16; }

/// Does part(p, begin, end) for `parts` consecutive pieces of 0 ≤ i < n; some may be empty.
void for_parts(std::size_t parts, std::size_t n, FunctionRef<std::size_t, std::size_t, std::size_t> part);

}  // namespace detail

}  // namespace xgrad
