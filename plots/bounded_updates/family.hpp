#pragma once
// One wiring at several depths.

#include <algorithm>
#include <cmath>

#include "laboratory.hpp"

namespace plots {

/// log₁₀ of the change of the output: a curve over the seeds.
struct Family {
  std::string name;
  std::size_t look;
  bool hollow;
  std::vector<std::size_t> depths;
  Curve curve;

  double at(std::size_t depth) const {
    const auto place = std::find(depths.begin(), depths.end(), depth);
    return place == depths.end() ? NAN : std::pow(10, curve.mean[std::size_t(place - depths.begin())]);
  }
  /// p of change ∝ depth^p.
  double exponent() const { return fit_line(log2_depths(), curve.mean).slope / std::log10(2.); }
  std::vector<double> log2_depths() const {
    std::vector<double> result;
    for (const auto depth : depths) result.push_back(std::log2(double(depth)));
    return result;
  }
  /// For the picture; a change of more than ten times the output itself leaves it.
  Series series() const {
    Series shown{name, {}, {}, {}, {}};
    shown.look = look;
    shown.hollow = hollow;
    for (std::size_t i = 0; i < depths.size() && curve.high[i] < 1; ++i) {
      shown.x.push_back(log2_depths()[i]);
      shown.y.push_back(curve.mean[i]);
      shown.low.push_back(curve.low[i]);
      shown.high.push_back(curve.high[i]);
    }
    return shown;
  }
};

}  // namespace plots
