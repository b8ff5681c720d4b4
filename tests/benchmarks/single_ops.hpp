#pragma once
// Workloads of one op.

#include "workloads.hpp"

namespace benchmarks {

Workload single_op(const std::string& op);
Workload tiny_adds();

}  // namespace benchmarks
