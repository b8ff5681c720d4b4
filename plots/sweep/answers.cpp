// A slice in words.

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "slice.hpp"

namespace plots::sweep {
namespace {

// What a question is about, the most interesting first.
const std::vector<std::string> questions = {"wiring", "norm", "init", "activation", "architecture"};

std::string power(double exponent) {
  if (std::isnan(exponent)) return "not finite";
  if (std::isinf(exponent)) return exponent < 0 ? "0 (beyond double)" : "∞ (beyond double)";
  char buffer[32];
  if (std::abs(exponent) < 2) {
    std::snprintf(buffer, sizeof buffer, "%.3g", std::pow(10, exponent));
  } else {
    std::snprintf(buffer, sizeof buffer, "10^%.1f", exponent);
  }
  return buffer;
}

std::string number(double x) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.2g", x);
  return buffer;
}

double distance(const Measured& measured) { return std::abs(measured.ratio()); }

double spread(const Measured& measured) {
  const auto ratios = measured.ratios();
  return *std::max_element(ratios.begin(), ratios.end()) - *std::min_element(ratios.begin(), ratios.end());
}

// The last tenth of training, averaged over steps and seeds.
double final_loss(const Measured& measured) {
  double sum = 0, n = 0;
  for (const auto* seed : measured.seeds)
    for (std::size_t step = seed->size() - (seed->size() + 9) / 10; step < seed->size(); ++step, ++n)
      sum += (*seed)[step].loss;
  return sum / n;
}

std::string decades(double x) {
  return std::isfinite(x) ? number(x) + (x >= 2 ? " decades" : " of a decade")
                          : "beyond every number of double";
}

// What follows from it: "residual helps: 8.1 decades nearer to 1".
std::string conclusion(const std::vector<const Measured*>& group, const std::string& question) {
  const auto name = [&](const Measured& measured) { return words(measured.cell, {question}); };
  if (group.size() == 1) return "";
  const Measured& first = *group.front();
  const Measured* best = group[1];
  for (const auto* other : group)
    if (other != &first && !(distance(*best) <= distance(*other))) best = other;
  const double gain = distance(first) - distance(*best);
  const std::string who = name(*best) + (group.size() > 2 ? " comes nearest of the others and" : "");
  if (std::abs(gain) <= std::max(spread(*best), spread(first)))
    return ": " + who + " differs from " + name(first) + " by no more than the seeds do";
  if (std::isnan(gain)) return ": nothing finite arrives";
  return ": " + who + (gain > 0 ? " helps, " : " does not help, ") + decades(std::abs(gain)) +
         (gain > 0 ? " nearer to 1 than " : " farther from 1 than ") + name(first);
}

}  // namespace

std::vector<std::string> answers(const Slice& slice) {
  const auto different = varying(slice);
  std::string question = "wiring";
  for (const auto& candidate : questions)
    if (std::find(different.begin(), different.end(), candidate) != different.end()) {
      question = candidate;
      break;
    }
  std::vector<std::string> settings;
  for (const char* name : {"architecture", "wiring", "norm", "activation", "init", "depth"})
    if (name != question) settings.emplace_back(name);
  std::vector<std::pair<std::string, std::vector<const Measured*>>> groups;
  for (const auto& measured : slice) {
    const std::string context = words(measured.cell, settings);
    auto found =
        std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.first == context; });
    if (found == groups.end()) found = groups.insert(groups.end(), {context, {}});
    found->second.push_back(&measured);
  }
  std::vector<std::string> lines;
  for (const auto& [context, group] : groups) {
    std::string line = context + ": the gradient at the input, over that at the top, is ";
    for (std::size_t i = 0; i < group.size(); ++i) {
      line += (i ? i + 1 < group.size() ? ", " : " and " : "") + power(group[i]->ratio()) + " (" +
              words(group[i]->cell, {question}) + ")";
    }
    lines.push_back(line + conclusion(group, question) + ".");
    if (group.front()->cell.steps == 0) continue;
    line = context + ": after " + std::to_string(group.front()->cell.steps) +
           " steps the loss (chance: 2.303) is ";
    for (std::size_t i = 0; i < group.size(); ++i)
      line +=
          (i ? ", " : "") + number(final_loss(*group[i])) + " (" + words(group[i]->cell, {question}) + ")";
    lines.push_back(line + ".");
  }
  return lines;
}

}  // namespace plots::sweep
