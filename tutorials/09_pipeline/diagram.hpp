#pragma once
// D1 §2.3's diagram as a table of arrows.

#include <map>
#include <string>

// [chart]
/// D1 §2.3's diagram: where an answer leads from each node.
inline const std::map<std::string, std::map<std::string, std::string>> chart{
    {"input", {{"", "residual?"}}},
    {"residual?", {{"yes", "LN?"}, {"no", "pass the input on"}}},
    {"LN?", {{"yes", "LN"}, {"no", "pass on"}}},
    {"LN", {{"", "input by the residual"}}},
    {"pass on", {{"", "input by the residual"}}},
    {"input by the residual", {{"", "layer"}}},
    {"layer", {{"", "output"}}}};

inline std::string walk(bool residual, bool norm) {
  std::string node = "input", path = node;
  while (chart.count(node)) {
    const auto& arrows = chart.at(node);
    const bool yes = node == "residual?" ? residual : norm;
    node = arrows.count("") ? arrows.at("") : arrows.at(yes ? "yes" : "no");
    path += " → " + node;
  }
  return path;
}
// [/chart]
