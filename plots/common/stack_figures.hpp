#pragma once
// Figures of stacks: gradients and values at each layer, measured and predicted.

#include "laboratory.hpp"
#include "stack.hpp"

namespace plots {

/// What every program about stacks lets its user choose.
struct StackSettings {
  explicit StackSettings(Laboratory& lab);
  /// A stack of the width and batch chosen, or else of these.
  StackOptions stack(std::size_t usual_width, std::size_t usual_batch) const;

  Laboratory& lab;
  std::size_t width = 0, batch = 0;  ///< 0: each figure's own
  bool single_precision = false;
};

/// The choices of the command line and their meaning; the functions throw std::out_of_range on any other
/// name.
extern const std::vector<std::string> wiring_names, norm_names, activation_names, init_names;
void set_wiring(StackOptions& stack, const std::string& name);
void set_norm(StackOptions& stack, const std::string& name);
void set_activation(StackOptions& stack, const std::string& name);
void set_init(StackOptions& stack, const std::string& name);

using Quantity = std::vector<double> Measurement::*;  ///< values, gradients or weights
Curve curve(const std::vector<Measurement>& seeds, Quantity quantity);

std::vector<Measurement> measure(const StackSettings& settings, const StackOptions& stack,
                                 const std::vector<std::uint64_t>& seeds, bool weights = false);

/// Gradients at the states 0…L over the layer number: the measured curve, and the predicted one relative to 1
/// at L.
Series measured_gradients(const std::string& name, std::size_t look, const Curve& curve);
Series predicted_gradients(const std::string& name, const StackOptions& stack);

/// Factor by which E‖δ‖² changes per layer on its way back, from a straight line through log ‖δ‖ that leaves
/// out two layers at either end.
double gain_per_layer(const std::vector<double>& log10_gradients);

/// How far the gain per layer of a ReLU stack may lie from that of infinite width: the mean of log ‖δ‖² is
/// off by 5/2n per layer, and its fluctuation over L layers and all seeds is √(5/(n·L·seeds)) per layer
/// (Hanin & Nica, arXiv:1812.05994, for one sample); three standard deviations, and half a percent for the
/// fit.
double gain_tolerance(const StackOptions& stack, std::size_t seeds);

/// Says from which layer down the gradient leaves what the number type can hold: a picture must not show such
/// zeros silently.
void report_underflow(const StackSettings& settings, const std::string& name, const Curve& curve);

}  // namespace plots
