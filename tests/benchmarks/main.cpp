// Our side of the benchmark suite. Without arguments, or with those of Google Benchmark, it measures;
// README.md lists the rest.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "machine.hpp"
#include "workloads.hpp"
#include "xgrad/core/threads.hpp"

namespace {

using namespace benchmarks;
using nlohmann::json;

constexpr int warm_up_steps = 3;

/// As many as OMP_NUM_THREADS says, one without it.
std::size_t threads() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  return text ? std::max(std::stoul(text), 1ul) : 1;
}

/// The workload for all threads. Where each computes a part, each needs its products for itself.
Workload prepared(const std::string& name) {
  Workload workload = make_workload(name, threads());
  xgrad::set_threads(workload.parts > 1 ? 1 : threads());
  return workload;
}

/// Collects the time of every single step: the mean that Google Benchmark would report says more about the
/// neighbours on the machine than about the program.
class Samples {
 public:
  void add(double seconds) { seconds_.push_back(seconds); }
  void report(benchmark::State& state, const std::string& name) {
    std::sort(seconds_.begin(), seconds_.end());
    state.counters[name + "min"] = seconds_.front();
    state.counters[name + "median"] = seconds_[seconds_.size() / 2];
  }

 private:
  std::vector<double> seconds_;
};

void measure_steps(benchmark::State& state, const std::string& name) {
  Workload workload = prepared(name);
  for (int i = 0; i < warm_up_steps; ++i) workload.step();
  Samples forward, backward, all;
  for (auto _ : state) {
    const auto [first, rest] = workload.step();
    state.SetIterationTime(first + rest);
    forward.add(first);
    backward.add(rest);
    all.add(first + rest);
  }
  all.report(state, "");
  forward.report(state, "forward_");
  backward.report(state, "backward_");
}

void measure_products(benchmark::State& state, const std::string& name) {
  Workload workload = make_workload(name);
  xgrad::set_threads(threads());
  if (workload.products.empty()) return state.SkipWithError("it multiplies no matrices");
  for (int i = 0; i < warm_up_steps; ++i) workload.products.run();
  Samples all;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    workload.products.run();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    state.SetIterationTime(time.count());
    all.add(time.count());
  }
  all.report(state, "");
}

int measure(int argc, char** argv) {
  for (const auto& name : workload_names()) {
    benchmark::RegisterBenchmark(name.c_str(), measure_steps, name)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark((name + "/products").c_str(), measure_products, name)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  return benchmark::RunSpecifiedBenchmarks() == 0 ? 2 : 0;
}

/// Every number that PyTorch needs to compute the same step, and what we computed. Parameters and their
/// gradients are one file each, one after the other in the order of description.json.
void write(const std::string& name, const std::filesystem::path& folder) {
  Workload workload = prepared(name);
  workload.optimizer.reset();  // its step would change the parameters before they are written
  std::filesystem::create_directories(folder);
  const auto path = [&](const std::string& file) { return (folder / (file + ".npy")).string(); };
  for (const auto& [key, array] : workload.numbers) xgrad::save_npy(path(key), array);
  for (const auto& [key, array] : workload.indices) xgrad::save_npy(path(key), array);

  workload.step();
  std::size_t total = 0;
  json parameters = json::array();
  for (const auto& p : workload.parameters) {
    parameters.push_back({{"name", p.name}, {"shape", p.variable.shape()}});
    total += p.variable.size();
  }
  auto values = xgrad::empty<float>({total}), gradients = values;
  std::size_t at = 0;
  for (const auto& p : workload.parameters) {
    std::copy_n(p.variable.value().data(), p.variable.size(), values.data() + at);
    std::copy_n(p.variable.grad().data(), p.variable.size(), gradients.data() + at);
    at += p.variable.size();
  }
  xgrad::save_npy(path("parameters"), values);
  xgrad::save_npy(path("gradients"), gradients);
  xgrad::save_npy(path("output"), workload.result());
  std::ofstream(folder / "description.json") << json{{"parameters", parameters}} << '\n';
  std::cout << json{{"flops", workload.products.flops()},
                    {"forward_bytes", workload.forward_bytes},
                    {"backward_bytes", workload.backward_bytes}}
            << '\n';
}

/// Memory that steps need beyond the weights, the inputs, and what the libraries take when first used.
void memory(const std::string& name) {
  Workload warm_up = make_workload("width_256"), workload = make_workload(name);
  warm_up.step();
  warm_up = Workload();
  const std::size_t before = forget_peak_memory();
  for (int i = 0; i < 5; ++i) workload.step();
  std::cout << json{{"bytes", peak_memory() - before}} << '\n';
}

void machine(std::size_t threads) {
  xgrad::set_threads(threads);
  constexpr std::size_t op_entries = 4096 * 768, memory_entries = std::size_t(1) << 26;
  std::cout << json{{"sgemm", sgemm_peak()},
                    {"triad", triad(op_entries, threads)},
                    {"memory_triad", triad(memory_entries, threads)}}
            << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto asked = [&](const char* word, std::size_t arguments) {
    return words.size() == arguments + 1 && words[0] == word;
  };
  try {
    if (asked("write", 2))
      write(words[1], words[2]);
    else if (asked("memory", 1))
      memory(words[1]);
    else if (asked("machine", 1))
      machine(std::stoul(words[1]));
    else if (asked("cores", 0))
      std::cout << json{{"cores", real_cores()}} << '\n';
    else
      return measure(argc, argv);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "xgrad_benchmarks: " << error.what() << '\n';
    return 2;
  }
}
