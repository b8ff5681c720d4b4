// What the recorders of the library cost: training steps with and without them in turn, in one run.
// README.md says how to read the table.

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <string>

#include "workloads.hpp"

namespace {

using namespace benchmarks;
using namespace xgrad;

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}

/// The fastest of `steps` training steps, in seconds; after(…) belongs to the step.
template <class After>
double fastest_step(Workload& workload, int steps, After after) {
  double best = INFINITY;
  for (int i = 0; i < steps; ++i) {
    const auto start = std::chrono::steady_clock::now();
    workload.step();
    after();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    best = std::min(best, time.count());
  }
  return best;
}

/// The median over rounds of the time with a recorder over the time without, in percent above 100.
template <class Recorder, class Make>
double overhead(Workload& workload, int rounds, int steps, Make make) {
  std::vector<double> ratios;
  for (int round = 0; round < rounds; ++round) {
    const double without = fastest_step(workload, steps, [] {});
    const std::unique_ptr<Recorder> recorder = make();
    ratios.push_back(fastest_step(workload, steps, [&] { recorder->step(); }) / without);
  }
  return 100 * (median(ratios) - 1);
}

void report(const std::string& name, int rounds, int steps) {
  Workload w = make_workload(name);
  const double time = fastest_step(w, 5, [] {});
  const auto percent = [&](double value) { std::cout << std::setw(12) << value << std::flush; };
  std::cout << std::fixed << std::left << std::setw(10) << name << std::right << std::setprecision(2)
            << std::setw(10) << 1000 * time << std::setprecision(1);
  percent(overhead<FlowRecorder<float>>(w, rounds, steps,
                                        [&] { return std::make_unique<FlowRecorder<float>>(*w.model); }));
  percent(overhead<FlowRecorder<float>>(
      w, rounds, steps, [&] { return std::make_unique<FlowRecorder<float>>(*w.model, Watch::all); }));
  percent(overhead<ResidualRecorder<float>>(
      w, rounds, steps, [&] { return std::make_unique<ResidualRecorder<float>>(*w.model); }));
  percent(overhead<UnitRecorder<float>>(w, rounds, steps,
                                        [&] { return std::make_unique<UnitRecorder<float>>(*w.model); }));
  percent(overhead<UpdateRecorder<float>>(
      w, rounds, steps, [&] { return std::make_unique<UpdateRecorder<float>>(w.parameters); }));
  std::cout << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto names = words.empty() ? std::vector<std::string>{"a_adam", "b_adam", "c64", "d"} : words;
  std::cout << "workload      ms/step     flow, %    all, %  residual, %    units, %  updates, %\n";
  try {
    for (const auto& name : names) report(name, 15, name == "d" || name == "c256" ? 3 : 30);
  } catch (const std::exception& error) {
    std::cerr << "xgrad_recorders: " << error.what() << '\n';
    return 2;
  }
}
