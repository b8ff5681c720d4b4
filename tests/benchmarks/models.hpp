#pragma once
// Workloads that train a model. All but the convolutions split their batch among `threads`.

#include "workloads.hpp"

namespace benchmarks {

Workload mlp(std::size_t threads);
Workload residual_mlp(std::size_t depth, std::size_t width, std::size_t threads);
Workload encoder_layer(std::size_t d, std::size_t heads, std::size_t tokens, std::size_t batch,
                       std::size_t threads);
Workload character_gpt(std::size_t threads);
Workload residual_convolutions();

}  // namespace benchmarks
