#include "machine.hpp"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "xgrad/core/array.hpp"
#include "xgrad/core/gemm.hpp"

namespace benchmarks {

namespace {

/// Seconds that f takes.
template <class F>
double seconds(const F& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// f(0) … f(threads - 1), each in a thread of its own.
template <class F>
void in_parallel(std::size_t threads, const F& f) {
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < threads; ++i) others.emplace_back(f, i);
  f(0);
  for (auto& thread : others) thread.join();
}

/// Arithmetic that needs no memory, of which every step waits for the one before.
void spin(std::size_t) {
  std::uint64_t x = 1;
  for (int i = 0; i < 10'000'000; ++i) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
  }
  volatile std::uint64_t result = x;
  (void)result;
}

/// A line such as "VmHWM:  1234 kB" of /proc/self/status, in bytes. (getrusage's ru_maxrss is no use: a
/// process inherits the peak of the one that started it.)
std::size_t status(const std::string& key) {
  std::ifstream file("/proc/self/status");
  std::string word;
  while (file >> word)
    if (word == key + ":") {
      std::size_t kilobytes = 0;
      file >> kilobytes;
      return kilobytes * 1024;
    }
  xgrad::fail("memory", "/proc/self/status has no line ", key, ": memory can be measured on Linux only");
}

}  // namespace

double real_cores() {
  const double one = seconds([] { in_parallel(1, spin); });
  const double two = seconds([] { in_parallel(2, spin); });
  return 2 * one / two;
}

double sgemm_peak() {
  double best = 0;
  for (std::size_t n : {256, 512, 1024, 2048}) {
    const auto a = xgrad::full<float>({n, n}, .01f), b = a;
    auto c = a;
    for (int i = 0; i < 5; ++i) {
      const double time = seconds([&] {
        xgrad::gemm<float>(xgrad::Op::none, xgrad::Op::none, n, n, n, 1, a.data(), n, b.data(), n, 0,
                           c.data(), n);
      });
      best = std::max(best, 2.0 * double(n) * double(n) * double(n) / time);
    }
  }
  return best;
}

double triad(std::size_t n, std::size_t threads) {
  auto a = xgrad::full<float>({n}, 0), b = xgrad::full<float>({n}, 1), c = xgrad::full<float>({n}, 2);
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 20; ++i)
    best = std::min(best, seconds([&] {
                      in_parallel(threads, [&](std::size_t which) {
                        float* to = a.data();
                        const float *x = b.data(), *y = c.data();
                        const std::size_t begin = n * which / threads, end = n * (which + 1) / threads;
                        for (std::size_t j = begin; j < end; ++j) to[j] = x[j] + 3.0f * y[j];
                      });
                    }));
  return 3.0 * sizeof(float) * double(n) / best;
}

std::size_t forget_peak_memory() {
  xgrad::release_idle_memory();
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << 5;  // Linux: the peak starts anew
  return status("VmRSS");
}

std::size_t peak_memory() { return status("VmHWM"); }

}  // namespace benchmarks
