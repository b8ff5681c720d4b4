// Prints what the tests of the ops measure: one line per op, module and optimiser, with the worst error over
// all cases. Exit code 1 when any of them fails.
//
//   op_table [NAME …]      all, or only these

#include <cstdio>
#include <iostream>
#include <set>
#include <string_view>

#include "op_cases.hpp"

namespace {

using namespace xgrad;

/// The worst of one kind of comparison, as text; "-" when there was none.
std::string worst(const std::vector<testing::Finding>& findings, std::string_view what) {
  double error = -1;
  for (const auto& finding : findings)
    if (finding.what == what) error = std::max(error, finding.error);
  if (error < 0) return "-";
  if (error == 0) return "0";
  char text[20];
  std::snprintf(text, sizeof text, "%.1e", error);
  return text;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::set<std::string> wanted(argv + 1, argv + argc);
  const char* const columns[] = {testing::pytorch_double, testing::pytorch_float,
                                 testing::differences,    testing::fused_is_composed,
                                 testing::used_twice,     testing::constant_inputs};
  std::printf("Worst error of all cases, relative to the largest entry of the array it is in.\n\n");
  std::printf("%-28s %5s  %9s %9s %11s %9s %9s %9s\n", "", "", "PyTorch", "PyTorch", "differences",
              "composed", "used", "constant");
  std::printf("%-28s %5s  %9s %9s %11s %9s %9s %9s\n", "op", "cases", "double", "float", "double", "double",
              "twice", "inputs");
  std::printf("%-28s %5s  %9s %9s %11s %9s %9s %9s\n", "limit", "", "1e-10", "1e-5", "1e-7", "1e-10", "1e-12",
              "1e-12");
  std::size_t ops = 0, cases = 0, failed = 0, comparisons = 0;
  std::vector<std::string> complaints;
  for (const auto& op : testing::op_table()) {
    if (!wanted.empty() && !wanted.count(op.name)) continue;
    std::vector<testing::Finding> findings;
    for (const auto& c : testing::cases_of(op.name))
      for (const auto& finding : testing::judge(op, c)) findings.push_back(finding);
    std::printf("%-28s %5zu ", op.name.c_str(), testing::cases_of(op.name).size());
    for (const char* column : columns)
      std::printf(" %*s", column == testing::differences ? 11 : 9, worst(findings, column).c_str());
    bool passed = true;
    for (const auto& finding : findings)
      if (!finding.passed()) {
        passed = false;
        complaints.push_back(std::string(finding.what) + ": " + finding.detail);
      }
    std::printf("  %s\n", passed ? "pass" : "FAIL");
    std::fflush(stdout);
    ++ops;
    failed += !passed;
    cases += testing::cases_of(op.name).size();
    comparisons += findings.size();
  }
  if (ops == 0) {
    std::cerr << "op_table: there is no op of that name\n";
    return 2;
  }
  std::printf("\n%zu ops, %zu cases, %zu comparisons, %zu failed\n", ops, cases, comparisons, failed);
  for (const auto& complaint : complaints) std::cerr << complaint << '\n';
  return failed ? 1 : 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 2;
}
