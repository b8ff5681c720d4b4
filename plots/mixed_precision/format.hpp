#pragma once
// What the format itself does, without a network.

#include "laboratory.hpp"

namespace plots {

/// The smallest numbers of half precision, and those next to 1.
void judge_format(Verdicts& verdicts);

/// A thousand steps of 2⁻¹², with the weight in half and with a master copy in float.
Panel master_weight_panel(Verdicts& verdicts);

/// Gradients e^z with z normal around ln 2⁻²², deviation 3: magnitudes of all kinds, as histograms of
/// trainings show them. Which of them are zero, or infinite, in half after a loss scale?
Panel scale_panel(Laboratory& lab);

}  // namespace plots
