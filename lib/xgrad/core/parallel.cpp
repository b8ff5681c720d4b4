#include "xgrad/core/parallel.hpp"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

#include "xgrad/core/scalars.hpp"
#include "xgrad/core/tape.hpp"

namespace xgrad {

namespace {

/// Threads that wait for work. They are made when first needed and end with the program.
class Workers {
 public:
  ~Workers() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ending_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

  /// Does task(1) … task(n-1) on other threads and task(0) here; returns when all are done.
  void run(std::size_t n, const std::function<void(std::size_t)>& task) {
    std::size_t open = n - 1;
    std::condition_variable done;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      waiting_ += n - 1;
      while (threads_.size() < busy_ + waiting_) threads_.emplace_back([this] { work(); });
      for (std::size_t i = 1; i < n; ++i)
        queue_.push_back([&, i] {
          task(i);
          const std::lock_guard<std::mutex> inner(mutex_);
          if (--open == 0) done.notify_one();
        });
    }
    wake_.notify_all();
    task(0);
    std::unique_lock<std::mutex> lock(mutex_);
    done.wait(lock, [&] { return open == 0; });
  }

 private:
  void work() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return ending_ || !queue_.empty(); });
      if (queue_.empty()) return;
      const auto task = std::move(queue_.front());
      queue_.pop_front();
      --waiting_;
      ++busy_;
      lock.unlock();
      task();
      lock.lock();
      --busy_;
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  std::vector<std::thread> threads_;
  std::size_t waiting_ = 0, busy_ = 0;
  bool ending_ = false;
};

Workers& workers() {
  static Workers instance;
  return instance;
}

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
  workers().run(n, [&](std::size_t i) {
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
