// Chapter 20: where the time goes. What this machine can do at best, and why four things decide how much of
// it a training step gets: passes over memory, small products, fresh memory, and functions called one number
// at a time.
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>

#include "quick.hpp"
#include "show.hpp"
#include "xgrad/core/gemm.hpp"
#include "xgrad/core/rows.hpp"

using namespace xgrad;
using show::section;

// [best]
/// The least of several runs, in seconds: what else the machine does can only make a run slower.
template <class F>
double best(F f) {
  using Clock = std::chrono::steady_clock;
  double least = 1e9;
  for (int run = 0; run < (show::quick ? 3 : 15); ++run) {
    const auto start = Clock::now();
    f();
    least = std::min(least, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return least;
}
// [/best]

/// C = A B for square matrices of n rows, in floating-point operations a second.
double product_rate(std::size_t n) {
  Rng rng(1);
  const auto a = rng.normal<float>({n, n}), b = rng.normal<float>({n, n});
  auto c = zeros<float>({n, n});
  const std::size_t repeats = std::max<std::size_t>(1, 2000000 / (n * n * n));
  const double time = best([&] {
    for (std::size_t i = 0; i < repeats; ++i)
      gemm<float>(Op::none, Op::none, n, n, n, 1, a.data(), n, b.data(), n, 0, c.data(), n);
  });
  return 2.0 * double(n * n * n * repeats) / time;
}

/// Bytes a second of a[i] = b[i] + 3 c[i], as in McCalpin's STREAM.
double triad_rate(std::size_t n) {
  Array<float> a = zeros<float>({n}), b = full<float>({n}, 1), c = full<float>({n}, 2);
  const double time = best([&] {
    for (std::size_t i = 0; i < n; ++i) a.data()[i] = b.data()[i] + 3 * c.data()[i];
  });
  return 3.0 * sizeof(float) * double(n) / time;
}

constexpr std::size_t rows = 4096, columns = 768, entries = rows * columns;

// [expressions]
/// Layer normalisation as one would write it first: an expression for each symbol of the formula.
Array<float> layer_norm_in_expressions(const Array<float>& x) {
  const Array<float> mean = xt::sum(x, {1}, xt::keep_dims) / float(columns);
  const Array<float> variance = xt::sum(xt::square(x - mean), {1}, xt::keep_dims) / float(columns);
  return (x - mean) / xt::sqrt(variance + 1e-5f);
}
// [/expressions]

// [rows]
/// The same row by row: three loops over 3 KiB that are in the innermost cache from the first loop on.
Array<float> layer_norm_in_rows(const Array<float>& x) {
  auto y = empty_like(x);
  for (std::size_t r = 0; r < rows; ++r) {
    const float* from = x.data() + r * columns;
    float* to = y.data() + r * columns;
    const auto value = [](auto v) { return v; };
    const float mean = detail::sum_of<float>(columns, value, from) / columns;
    const auto square = [=](auto v) { return (v - mean) * (v - mean); };
    const float variance = detail::sum_of<float>(columns, square, from) / columns;
    const float scale = 1 / std::sqrt(variance + 1e-5f);
    for (std::size_t i = 0; i < columns; ++i) to[i] = (from[i] - mean) * scale;
  }
  return y;
}
// [/rows]

double largest_difference(const Array<float>& a, const Array<float>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(double(a.data()[i]) - double(b.data()[i])));
  return largest;
}

/// "naive    3.10 ms   8.1 GB/s": a pass that has to read and write `bytes` at least.
void line(const char* what, double seconds, double bytes) {
  std::printf("%-34s %8.2f ms %8.1f GB/s\n", what, 1e3 * seconds, bytes / seconds / 1e9);
}

double the_machine() {
  section("The machine");
  double peak = 0;
  for (std::size_t n : {128, 256, 512}) peak = std::max(peak, product_rate(n));
  const double bandwidth = triad_rate(entries);
  std::printf("arithmetic: %.0f GFLOP/s (the best of three matrix products, one thread)\n", peak / 1e9);
  std::printf("memory: %.0f GB/s (a triad over three arrays of %.1f MB)\n", bandwidth / 1e9,
              4e-6 * double(entries));
  std::printf("balance: %.0f operations in the time of one byte\n", peak / bandwidth);
  return peak;
}

void passes_over_memory(const Array<float>& x) {
  section("Layer normalisation, written twice");
  const double bytes = 2 * sizeof(float) * double(entries);  // x read, y written
  const double slow = best([&] { layer_norm_in_expressions(x); });
  const double fast = best([&] { layer_norm_in_rows(x); });
  line("expressions", slow, bytes);
  line("rows", fast, bytes);
  std::printf("rows are faster by a factor of %.1f\n", slow / fast);
  const double difference = largest_difference(layer_norm_in_expressions(x), layer_norm_in_rows(x));
  const double ours =
      largest_difference(layer_norm(Variable<float>(x), {}, {}).value(), layer_norm_in_rows(x));
  show::expect("the results agree to 1e-5", {double(difference < 1e-5), double(ours < 1e-5)}, {1, 1});
}

void small_products(double peak) {
  section("Small products");
  std::printf("%6s %14s %16s %10s\n", "n", "time", "rate", "of peak");
  for (std::size_t n : {8, 16, 32, 64, 128, 256}) {
    const double rate = product_rate(n);
    std::printf("%6zu %11.2f us %9.1f GFLOP/s %8.0f %%\n", n, 2e6 * double(n * n * n) / rate, rate / 1e9,
                100 * rate / peak);
  }
}

void fresh_memory() {
  section("Fresh memory");
  constexpr std::size_t bytes = entries * sizeof(float);
  const double fresh = best([&] {
    release_idle_memory();  // what is free goes back to the C library,
    malloc_trim(0);         // and from there to the system
    full<float>({entries}, 1);
  });
  const double again = best([&] { full<float>({entries}, 1); });
  line("12.6 MB written, fresh", fresh, double(bytes));
  line("the block just freed, once more", again, double(bytes));
  std::printf("fresh memory takes %.1f times as long\n", fresh / again);
}

void one_at_a_time(const Array<float>& x) {
  section("One number at a time");
  auto y = empty_like(x);
  const double copy = best([&] { std::copy_n(x.data(), entries, y.data()); });
  const double one = best([&] {
    for (std::size_t i = 0; i < entries; ++i) y.data()[i] = std::exp(x.data()[i]);
  });
  const auto expected = y;
  const double many = best([&] {
    detail::apply_contiguous(
        entries, [](auto v) { return fast::exp(v); }, y.data(), x.data());
  });
  const double bytes = 2 * sizeof(float) * double(entries);
  line("a copy", copy, bytes);
  line("std::exp, a call for each", one, bytes);
  line("fast::exp, in vectors", many, bytes);
  std::printf("in vectors faster by a factor of %.1f\n", one / many);
  double worst = 0;
  for (std::size_t i = 0; i < entries; ++i)
    worst = std::max(worst, std::abs(double(y.data()[i]) / double(expected.data()[i]) - 1));
  show::expect("equal to 3e-7", std::vector<double>{double(worst < 3e-7)}, std::vector<double>{1});
}

// [step]
/// 50 residual blocks x + W₂ relu(W₁ LN(x)) of width 64, 32 samples: seconds of a forward and a backward
/// pass.
void one_step(double peak) {
  section("One training step");
  constexpr std::size_t width = 64, depth = 50, batch = 32;
  Rng rng(2);
  Sequential<float> model;
  for (std::size_t i = 0; i < depth; ++i)
    model.add(Residual<float>(Sequential<float>{
        LayerNorm<float>(width), Linear<float>(width, width, Init::he_normal(), rng),
        activation<float>("relu"), Linear<float>(width, width, Init::xavier_normal(), rng)}));
  const Variable<float> x(rng.normal<float>({batch, width}));
  double forward = 1e9;
  std::size_t recorded = 0;
  const double all = best([&] {
    model.zero_grad();
    Tape<float> tape;
    const auto start = std::chrono::steady_clock::now();
    const auto loss = mean(model(x));
    recorded = tape.size();
    forward =
        std::min(forward, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    loss.backward();
  });
  // [/step]
  const double operations = 6.0 * 2 * batch * width * width * depth;  // 2 products forwards, 4 backwards
  auto a = rng.normal<float>({width, width}), b = rng.normal<float>({width, width}), c = a;
  const double products = best([&] {
    for (std::size_t i = 0; i < 2 * depth; ++i) {
      gemm<float>(Op::none, Op::transposed, batch, width, width, 1, a.data(), width, b.data(), width, 0,
                  c.data(), width);
      gemm<float>(Op::none, Op::none, batch, width, width, 1, a.data(), width, b.data(), width, 0, c.data(),
                  width);
      gemm<float>(Op::transposed, Op::none, width, width, batch, 1, a.data(), width, b.data(), width, 0,
                  c.data(), width);
    }
  });
  Tape<float> tape;
  const auto tiny = parameter(full<float>({8}, 1));
  const double tape_cost = best([&] {
    Tape<float> inner;
    auto y = tiny;
    for (int i = 0; i < 1000; ++i) y = y + tiny;
    sum(y).backward();
  });
  std::printf("forward and backward     %8.3f ms (forward %.3f ms)\n", 1e3 * all, 1e3 * forward);
  std::printf("its matrix products      %8.3f ms, %.0f %% of it\n", 1e3 * products, 100 * products / all);
  std::printf("the same at peak         %8.3f ms\n", 1e3 * operations / peak);
  std::printf("entries on its tape      %8zu\n", recorded);
  std::printf("an addition of 8 numbers %8.3f us, forward and backward: the price of an entry on the tape\n",
              1e3 * tape_cost);
}

int main(int argc, char** argv) {
  show::options(argc, argv,
                "Where the time goes: the limits of this machine, and what keeps a training step from them.");
  set_threads(1);
  Rng rng(0);
  const auto x = rng.normal<float>({rows, columns});
  const double peak = the_machine();
  passes_over_memory(x);
  small_products(peak);
  fresh_memory();
  one_at_a_time(x);
  one_step(peak);
  return show::finish();
}
