#include "xgrad/core/parallel.hpp"

#include <exception>
#include <optional>
#include <unordered_map>

#include "xgrad/core/scalars.hpp"
#include "xgrad/core/tape.hpp"
#include "xgrad/core/threads.hpp"

namespace xgrad {

namespace {

/// The gradients that one part sends to values from outside, in the order of their first arrival.
template <class T>
class Collection {
 public:
  const Tape<T>* outside =
      nullptr;  // this thread's tape when the part began: other parts may share its values

  std::optional<Array<T>>& of(const Variable<T>& leaf) {
    const auto [at, is_new] = index_.emplace(&leaf.value(), entries_.size());
    if (is_new) entries_.push_back({leaf, std::nullopt});
    return entries_[at->second].second;
  }
  void hand_over() {
    for (auto& [leaf, grad] : entries_) leaf.accumulate(std::move(*grad));
  }

 private:
  std::vector<std::pair<Variable<T>, std::optional<Array<T>>>> entries_;
  std::unordered_map<const Array<T>*, std::size_t> index_;
};

template <class T>
Collection<T>*& current_collection() {
  thread_local Collection<T>* collection = nullptr;
  return collection;
}

}  // namespace

template <class T>
std::optional<Array<T>>* detail::collected(const Variable<T>& x) {
  Collection<T>* collection = current_collection<T>();
  if (!collection) return nullptr;
  for (const auto* tape = Tape<T>::current(); tape && tape != collection->outside; tape = tape->outer())
    if (tape->holds(x)) return nullptr;
  return &collection->of(x);
}

template <class T>
void in_parallel(std::size_t n, const std::function<void(std::size_t)>& part) {
  if (n == 0) return;
  std::vector<Collection<T>> collections(n);
  std::vector<std::exception_ptr> errors(n);
  const bool paused = NoGrad::active();
  detail::on_threads(n, [&](std::size_t i) {
    std::optional<NoGrad> pause;
    if (paused) pause.emplace();
    Collection<T>* outer = std::exchange(current_collection<T>(), &collections[i]);
    collections[i].outside = Tape<T>::current();
    try {
      part(i);
    } catch (...) {
      errors[i] = std::current_exception();
    }
    current_collection<T>() = outer;
  });
  for (const auto& error : errors)
    if (error) std::rethrow_exception(error);
  for (auto& collection : collections) collection.hand_over();
}

#define XGRAD_INSTANTIATE(T)                                               \
  template std::optional<Array<T>>* detail::collected(const Variable<T>&); \
  template void in_parallel<T>(std::size_t, const std::function<void(std::size_t)>&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
