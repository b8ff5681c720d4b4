#pragma once
// The figures of gradient_norms. Each measures, draws, and judges what it shows.

#include <optional>

#include "../common/figure.hpp"
#include "../common/stack.hpp"
#include "../common/verdict.hpp"

namespace plots {

struct Settings {
  std::optional<std::size_t> width, batch, seeds;  ///< unset: each figure's own
  bool single_precision = false;
  bool quick = false, full = false;
  Output output;
  bool drawn = true;  ///< false once a picture could not be drawn
};

/// What --depth, --wiring, … select: one curve for each combination.
struct Selection {
  std::vector<std::size_t> depths;
  std::vector<std::string> wirings, norms, activations, inits;
};

/// The choices of the command line and their meaning; the functions throw std::out_of_range on any other
/// name.
extern const std::vector<std::string> wiring_names, norm_names, activation_names, init_names;
void set_wiring(StackOptions& stack, const std::string& name);
void set_norm(StackOptions& stack, const std::string& name);
void set_activation(StackOptions& stack, const std::string& name);
void set_init(StackOptions& stack, const std::string& name);

void plain_against_residual(Settings& settings, Verdicts& verdicts);
void plain_stacks(Settings& settings, Verdicts& verdicts);
void residual_moments(Settings& settings, Verdicts& verdicts);
void norm_placement(Settings& settings, Verdicts& verdicts);
void weight_gradients(Settings& settings, Verdicts& verdicts);
void glorot_2010(Settings& settings, Verdicts& verdicts);
void selected(Settings& settings, const Selection& selection, Verdicts& verdicts);

// What the figures share.

/// Mean, smallest and largest over the seeds at each place.
struct Curve {
  std::vector<double> mean, low, high;
};
using Quantity = std::vector<double> Measurement::*;  ///< values, gradients or weights
Curve curve(const std::vector<Measurement>& seeds, Quantity quantity);

/// How many networks a curve averages over: --seeds, or else `usual`, 4·usual with --full and `quick` with
/// --quick.
std::size_t seeds(const Settings& settings, std::size_t usual, std::size_t quick);
std::vector<Measurement> measure(const Settings& settings, const StackOptions& stack, std::size_t seeds,
                                 bool weights = false);

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
void report_underflow(const Settings& settings, const std::string& name, const Curve& curve);

void draw(Settings& settings, const Figure& figure);

}  // namespace plots
