#include "workers.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "xgrad/core/threads.hpp"
#include "xgrad/io/progress.hpp"

namespace plots {
namespace {

std::size_t processors() {
  const char* chosen = std::getenv("XGRAD_THREADS");
  const long n = chosen ? std::strtol(chosen, nullptr, 10) : 0;
  return n > 0 ? std::size_t(n) : std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

void on_all_processors(const std::string& label, std::size_t n,
                       const std::function<void(std::size_t)>& work) {
  xgrad::set_threads(1);
  const auto progress = label.empty() ? nullptr : std::make_unique<xgrad::Progress>(label, n);
  std::mutex lock;
  std::size_t done = 0;
  std::atomic<std::size_t> next{0};
  const auto worker = [&] {
    for (std::size_t i; (i = next++) < n;) {
      try {
        work(i);
      } catch (...) {
        next = n;  // the others end after what they are at
        throw;
      }
      const std::lock_guard<std::mutex> guard(lock);
      if (progress) progress->update(++done);
    }
  };
  std::vector<std::future<void>> others;
  for (std::size_t i = 1; i < std::min(n, processors()); ++i)
    others.push_back(std::async(std::launch::async, worker));
  worker();
  for (auto& other : others) other.get();  // throws here what was thrown there
}

}  // namespace plots
