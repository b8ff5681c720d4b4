// What a residual add and an LN cost (E7): operations and bytes counted on the tape, and the time.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "parts.hpp"

namespace plots {
namespace {

using V = xgrad::Variable<double>;

struct Cost {
  double flops = 0, ops = 0;  // per row and block
  double saved = 0;           // numbers that the tape keeps, per row and block
  double parameters = 0;      // per block
};

// A product counts two per weight, add and ReLU one per entry, LN eight: sum, difference, square, sum, root
// and quotient (per row), factor, gain, shift.
double flops(const xgrad::Tape<double>::Entry& entry) {
  const std::string op = entry.op;
  const double size = double(entry.output.size());
  if (op == "linear") return 2 * size * double(entry.inputs[0].extent(-1));
  if (op == "layer_norm") return 8 * size;
  if (op == "add" || op == "relu") return size;
  xgrad::fail("claims-cost", "no cost is known for the operation ", op);
}

Cost cost(const Variant& variant, const Settings& s, std::size_t width) {
  xgrad::Rng rng(1);
  auto stack = make_blocks(variant, s.blocks, width, rng);
  const V x(rng.normal<double>({s.batch, width}));
  const auto before = xgrad::memory_statistics().in_use;
  xgrad::Tape<double> tape;
  const V y = stack(x);
  const auto bytes = xgrad::memory_statistics().in_use - before;
  Cost result;
  for (const auto& entry : tape.entries()) result.flops += flops(entry);
  const double rows = double(s.batch * s.blocks);
  result.flops /= rows;
  result.ops = double(tape.size()) / double(s.blocks);
  result.saved = double(bytes) / sizeof(double) / rows;
  result.parameters = double(stack.parameter_count()) / double(s.blocks);
  return result;
}

// Milliseconds of a forward and a backward pass, the median of several.
double milliseconds(const Variant& variant, const Settings& s, std::size_t width, std::size_t repetitions) {
  xgrad::Rng rng(1);
  auto stack = make_blocks(variant, s.blocks, width, rng);
  const V x(rng.normal<double>({s.batch, width}));
  std::vector<double> times;
  for (std::size_t i = 0; i < repetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    stack.zero_grad();
    xgrad::Tape<double> tape;
    sum(stack(x)).backward();
    times.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  return median(times);
}

}  // namespace

void cost_panels(Laboratory& lab, const Settings& s, std::vector<Panel>& panels) {
  Panel arithmetic{"E7: more arithmetic than plain", "log₂ of the width d", "share of 2d² per row", 10, {}};
  Panel memory{
      "E7: numbers kept for the way back", "log₂ of the width d", "per row and block, over d", 0, {}};
  Panel time{"E7: time of both passes, here and now", "log₂ of the width d", "times plain's", 0, {}};
  auto& verdicts = lab.verdicts();
  const std::string counted = "[derived here] counted on the tape";
  double least = INFINITY;
  for (std::size_t w = 0; w < variants.size(); ++w) {
    const auto& variant = variants[w];
    const double factor = (variant.switches.residual ? 1 : 0) + (variant.switches.norm ? 8 : 0);
    Series share{variant.name, {}, {}}, theory{variant.name, {}, {}, {}, {}, Kind::predicted}, kept = share,
                                                                                               times = share;
    share.look = kept.look = times.look = variant.look;
    for (const auto width : s.widths) {
      const double d = double(width);
      const Cost plain = cost(variants[0], s, width), here = cost(variant, s, width);
      const std::string at = variant.name + ", d=" + std::to_string(width);
      kept.x.push_back(std::log2(d));
      kept.y.push_back(here.saved / d);
      if (w == 0) continue;
      const double overhead = (here.flops - plain.flops) / (2 * d * d);
      least = std::min(least, overhead);
      share.x.push_back(std::log2(d));
      share.y.push_back(std::log10(overhead));
      theory.x.push_back(std::log2(d));
      theory.y.push_back(std::log10(factor / (2 * d)));
      verdicts.ratio("acceptance: E7 overhead, " + at, overhead, factor / (2 * d), 1e-9,
                     "[derived here] residual d, LN 8d, over 2d²");
      if (variant.switches.norm != variant.switches.residual)
        verdicts.within("acceptance: E7 more parameters per block, " + at, here.parameters - plain.parameters,
                        variant.switches.norm ? 2 * d : 0, 0, counted);
      if (!variant.switches.residual)
        verdicts.above("acceptance: E7 numbers that LN keeps per row, d=" + std::to_string(width),
                       here.saved - plain.saved, d + 2, d + .99, "[derived here] its output, μ and 1/s");
      if (!variant.switches.norm)
        verdicts.within("E7 numbers that the add keeps per row, d=" + std::to_string(width),
                        here.saved - plain.saved, d, .01, "[derived here] its output; its inputs are there");
      const std::size_t repetitions = lab.size<std::size_t>(5, 21);
      const double ratio =
          milliseconds(variant, s, width, repetitions) / milliseconds(variants[0], s, width, repetitions);
      times.x.push_back(std::log2(d));
      times.y.push_back(ratio);
      char text[120];
      std::snprintf(text, sizeof text,
                    "E7 time of both passes over plain's, %s: %.2f (this machine, this run)", at.c_str(),
                    ratio);
      lab.note(text);
    }
    memory.series.push_back(kept);
    if (w == 0) continue;
    arithmetic.series.push_back(share);
    arithmetic.series.push_back(theory);
    time.series.push_back(times);
  }
  verdicts.above("acceptance: E7 smallest overhead: nothing is saved", least,
                 1 / (2. * double(s.widths.back())), 0, counted);
  for (auto* panel : {&arithmetic, &memory, &time}) {
    for (const auto width : s.widths) panel->x_ticks.push_back(std::log2(double(width)));
    panels.push_back(*panel);
  }
}

}  // namespace plots
