#pragma once
// The constants of "Attention Is All You Need", part by part: each judges its numbers, some give a panel.

#include "laboratory.hpp"

namespace plots {

struct Sizes {
  std::size_t d = 512, warm_up = 4000;  // the base model's width, and steps of warm-up
  std::size_t positions = 100, classes = 10, keys = 32;
};

// attention.cpp
/// Norm of the softmax Jacobian at random scores, with and without 1/√d_k.
Panel jacobian_panel(Laboratory& lab, const Sizes& n);
/// Variance of q·k, and the largest of 16 attention weights (experiment E32).
Panel weight_panel(Laboratory& lab);

// training.cpp
/// The learning rate over the steps.
Panel schedule_panel(Laboratory& lab, const Sizes& n);
/// Steps of Adam with β = (0.9, 0.98), ε = 1e-9, for a constant and for a random gradient.
void judge_adam(Laboratory& lab);
/// The loss that label smoothing leaves when everything is learned.
void judge_label_smoothing(Laboratory& lab, const Sizes& n);
/// What dropout of 0.1 does to mean and variance.
void judge_dropout(Laboratory& lab);

}  // namespace plots
