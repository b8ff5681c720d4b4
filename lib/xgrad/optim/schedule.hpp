#pragma once
// Schedules: the learning rate as a function of the step, counted from 0. They are plain functions, so that
// `optimizer.learning_rate = schedule(step)` is all there is to using one.

#include <cstddef>
#include <functional>
#include <vector>

namespace xgrad {

using Schedule = std::function<double(std::size_t step)>;

namespace schedule {

/// η.
Schedule constant(double rate);
/// η·factor^⌊t/every⌋: step decay. Throws Error when `every` is 0.
Schedule step(double rate, std::size_t every, double factor = .1);
/// A straight line from η at step 0 to `end` at step `steps`, and `end` from there on.
Schedule linear(double rate, std::size_t steps, double end = 0);
/// min + ½(η - min)(1 + cos(πt/steps)), and min from step `steps` on: half a period of the cosine, without
/// restarts (Loshchilov & Hutter, arXiv:1608.03983, eq. 5).
Schedule cosine(double rate, std::size_t steps, double minimum = 0);
/// factor·d^-½·min(n^-½, n·w^-3/2) with n = t + 1: up in a straight line for w steps, then down as 1/√n
/// (Vaswani et al., arXiv:1706.03762, eq. 3). The peak is factor/√(d·w).
Schedule transformer(std::size_t d, std::size_t warm_up_steps, double factor = 1);
/// Up in a straight line to the first rate of `then` in `steps` steps, then that schedule from its step 0.
Schedule warm_up(std::size_t steps, Schedule then);
/// from·(to/from)^(t/(steps-1)): from one rate to another in equal factors, and `to` from there on. Throws
/// Error unless both are above 0 and there are at least two steps.
Schedule geometric(double from, double to, std::size_t steps);

}  // namespace schedule

/// A learning rate that was tried and the loss that the step with it began from.
struct RatePoint {
  double rate, loss;
};

/// The learning-rate range test (Smith, arXiv:1506.01186): one step of training with each rate of
/// `schedule::geometric(from, to, steps)`. `step` sets the rate, trains for one step and returns its loss.
/// Ends early when a loss is not finite or four times the smallest one so far.
std::vector<RatePoint> sweep_rates(double from, double to, std::size_t steps,
                                   const std::function<double(double rate)>& step);

/// A rule of thumb: the rate at which the loss, averaged over five neighbours, fell fastest. The rate at
/// which it was lowest is on the verge of being too large. Throws Error when there are no points.
double suggested_rate(const std::vector<RatePoint>& points);

}  // namespace xgrad
