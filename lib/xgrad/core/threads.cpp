#include "xgrad/core/threads.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "xgrad/core/array.hpp"
#include "xgrad/core/gemm.hpp"

namespace xgrad {

namespace {

/// Looks for a short while whether `ready`. The next operation often follows at once, and to wake a thread
/// that sleeps takes longer than many an operation.
template <class F>
void watch_for(F ready) {
  constexpr std::chrono::microseconds patience(100);
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!ready() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
}

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
  void run(std::size_t n, detail::FunctionRef<std::size_t> task) {
    std::atomic<std::size_t> open{n - 1};
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
    const auto ended = [&] { return open == 0; };
    watch_for(ended);
    std::unique_lock<std::mutex> lock(mutex_);  // also so that `done` outlives whoever notifies it
    done.wait(lock, ended);
  }

 private:
  void work() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      lock.unlock();
      watch_for([this] { return waiting_ > 0; });
      lock.lock();
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
  std::atomic<std::size_t> waiting_{0};  // tasks in the queue
  std::size_t busy_ = 0;
  bool ending_ = false;
};

Workers& workers() {
  static Workers instance;
  return instance;
}

std::atomic<std::size_t>& allowed() {
  static std::atomic<std::size_t> n{std::max(std::thread::hardware_concurrency(), 1u)};
  return n;
}

/// Whether this thread is one of several that share a piece of work already.
bool& is_shared() {
  thread_local bool shared = false;
  return shared;
}

}  // namespace

void set_threads(std::size_t n) {
  if (n == 0) fail("set_threads", "0 threads cannot work: use at least 1");
  detail::set_blas_threads(n);
  allowed() = n;
}

void detail::on_threads(std::size_t n, FunctionRef<std::size_t> task) {
  workers().run(n, [&](std::size_t i) {
    const bool before = std::exchange(is_shared(), n > 1 || is_shared());
    task(i);
    is_shared() = before;
  });
}

std::size_t detail::threads_now() { return is_shared() ? 1 : allowed().load(); }

void detail::share_out(std::size_t n, FunctionRef<std::size_t> part) {
  const std::size_t threads = std::min(n, threads_now());
  std::vector<std::atomic<std::size_t>> next(threads);  // of each thread's own run of parts
  for (std::size_t t = 0; t < threads; ++t) next[t] = t * n / threads;
  std::mutex mutex;
  std::exception_ptr error;
  // The same thread for the same part each time: what it reads may still be in its cache. Then those of
  // others.
  const auto take_turns = [&](std::size_t thread) {
    try {
      for (std::size_t k = 0; k < threads; ++k) {
        const std::size_t t = (thread + k) % threads, end = (t + 1) * n / threads;
        for (std::size_t p = next[t]++; p < end; p = next[t]++) part(p);
      }
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex);
      error = std::current_exception();
    }
  };
  if (threads == 1)
    take_turns(0);
  else
    on_threads(threads, take_turns);
  if (error) std::rethrow_exception(error);
}

void detail::for_parts(std::size_t parts, std::size_t n,
                       FunctionRef<std::size_t, std::size_t, std::size_t> part) {
  if (parts <= 1) return part(0, 0, n);
  share_out(parts, [=](std::size_t p) { part(p, p * n / parts, (p + 1) * n / parts); });
}

}  // namespace xgrad
