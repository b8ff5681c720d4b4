#pragma once
// The parts of this experiment, E2 to E5: each judges its numbers and gives its panel.

#include "block_net.hpp"
#include "laboratory.hpp"

namespace plots {

struct Settings {
  double rate = 3e-3;       // of Adam, on the spiral
  std::size_t limit = 300;  // steps at most
  double target = .1;       // the loss to reach
  std::size_t width = 32;
};

// convergence.cpp
Panel depth_panel(Laboratory& lab, const Settings& s);  ///< E2: steps by depth
Panel gain_panel(Laboratory& lab, const Settings& s);   ///< E3: steps by gain of the initialisation
// drift.cpp
Panel drift_panel(Laboratory& lab, const Settings& s);  ///< E4: how a layer's input moves while training
// generalisation.cpp
Panel gap_panel(Laboratory& lab);  ///< E5: training minus test accuracy

}  // namespace plots
