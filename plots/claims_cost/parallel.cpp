// What can run at the same time (E9): paths of the tape, and who depends on whom.

#include <algorithm>
#include <cmath>
#include <map>

#include "parts.hpp"
#include "xgrad/ops/composed.hpp"
#include "xgrad/probe/jacobian.hpp"

namespace plots {
namespace {

using V = xgrad::Variable<double>;

// The number of ops on the longest chain in which each needs the one before. A value is known by its address.
std::size_t longest_path(const xgrad::Tape<double>& tape) {
  std::map<const void*, std::size_t> depth;
  std::size_t longest = 0;
  for (const auto& entry : tape.entries()) {
    std::size_t before = 0;
    for (const auto& input : entry.inputs)
      if (const auto found = depth.find(&input.value()); found != depth.end())
        before = std::max(before, found->second);
    longest = std::max(longest, depth[&entry.output.value()] = before + 1);
  }
  return longest;
}

struct Paths {
  double longest, ops;
};

Paths paths(const Variant& variant, std::size_t blocks) {
  xgrad::Rng rng(1);
  auto stack = make_blocks(variant, blocks, 8, rng);
  xgrad::Tape<double> tape;
  const V y = stack(V(rng.normal<double>({4, 8})));
  return {double(longest_path(tape)), double(tape.size())};
}

double path_of_attention(std::size_t heads) {
  xgrad::Rng rng(1);
  const auto x = xgrad::parameter(rng.normal<double>({6, 16}));
  xgrad::AttentionOptions options;
  options.heads = heads;
  xgrad::Tape<double> tape;
  const V y = xgrad::composed::attention(x, x, x, options);
  return double(longest_path(tape));
}

// ∂(a part of y)/∂(the rest of x): the largest entry. `mine` says which entries belong to the part.
template <class F>
double leak(const F& f, const xgrad::Array<double>& x, const std::function<bool(std::size_t)>& mine,
            xgrad::Rng& rng) {
  auto cotangent = rng.normal<double>(xgrad::shape_of(x));
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!mine(i)) cotangent.data()[i] = 0;
  const auto dx = xgrad::input_gradient(f, x, cotangent);
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!mine(i)) largest = std::max(largest, std::abs(dx.data()[i]));
  return largest;
}

}  // namespace

Panel path_panel(Laboratory& lab, const Settings& s) {
  Panel panel{"E9: longest chain of ops", "blocks", "ops one after the other", 0, {}};
  std::vector<double> longest;
  for (const auto& variant : variants) {
    const double each = 2. + variant.switches.residual + variant.switches.norm;
    Series series{variant.name, {}, {}}, theory{variant.name, {}, {}, {}, {}, Kind::predicted};
    series.look = variant.look;
    Paths last{};
    for (std::size_t blocks = 1; blocks <= s.blocks; ++blocks) {
      last = paths(variant, blocks);
      series.x.push_back(double(blocks));
      series.y.push_back(last.longest);
      theory.x.push_back(double(blocks));
      theory.y.push_back(each * double(blocks));
    }
    panel.series.push_back(series);
    panel.series.push_back(theory);
    longest.push_back(last.longest);
    const std::string at = variant.name + ", " + std::to_string(s.blocks) + " blocks";
    lab.verdicts().within("E9 longest chain, " + at, last.longest, each * double(s.blocks), 0,
                          "[derived here] linear, ReLU, and what is added");
    lab.verdicts().within("E9 ops that can run at once, " + at, last.ops / last.longest, 1, 0,
                          "[derived here] each op needs the one before");
  }
  lab.verdicts().above("acceptance: E9 longest chain, residual over plain", longest[1] / longest[0], 1.5, .99,
                       "[derived here] a skip shortens no chain");
  lab.verdicts().within("acceptance: E9 longest chain, 8 heads minus 2",
                        path_of_attention(8) - path_of_attention(2), 0, 0,
                        "[derived here] heads do not wait for each other");
  return panel;
}

void judge_independence(Laboratory& lab) {
  double heads = 0, rows = 0, batch = INFINITY;
  for (const auto seed : lab.seeds(5, 3)) {
    xgrad::Rng rng(seed);
    const auto x = rng.normal<double>({6, 16});
    xgrad::AttentionOptions options;
    options.heads = 4;
    const auto attend = [&](const V& v) { return xgrad::attention(v, v, v, options); };
    heads = std::max(heads, leak(
                                attend, x, [](std::size_t i) { return i % 16 / 4 == 1; }, rng));
    const auto first_half = [](std::size_t i) { return i / 16 < 3; };
    rows = std::max(rows, leak([](const V& v) { return xgrad::layer_norm(v); }, x, first_half, rng));
    batch = std::min(batch, leak([](const V& v) { return xgrad::batch_norm(v).y; }, x, first_half, rng));
  }
  auto& verdicts = lab.verdicts();
  verdicts.within("acceptance: E9 gradient from one head to others' columns", heads, 0, 0,
                  "[published] Vaswani 2017: heads in parallel");
  verdicts.within("acceptance: E9 LN: gradient from half a batch to the other", rows, 0, 0,
                  "[published] Ba et al. 2016: no other cases");
  verdicts.above("acceptance: E9 BN: the same, smallest seed", batch, .3, 1e-3,
                 "[published] Ioffe & Szegedy 2015: batch statistics");
}

}  // namespace plots
