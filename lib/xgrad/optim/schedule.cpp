#include "xgrad/optim/schedule.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/core/array.hpp"

namespace xgrad {

namespace schedule {

namespace {
const double pi = std::acos(-1.);

/// How much of `steps` is done, in [0, 1].
double share(std::size_t t, std::size_t steps) { return t < steps ? double(t) / double(steps) : 1; }
}  // namespace

Schedule constant(double rate) {
  return [=](std::size_t) { return rate; };
}

Schedule step(double rate, std::size_t every, double factor) {
  if (every == 0) fail("schedule::step", "the rate would change every 0 steps: it must be at least 1");
  return [=](std::size_t t) { return rate * std::pow(factor, double(t / every)); };
}

Schedule linear(double rate, std::size_t steps, double end) {
  return [=](std::size_t t) { return rate + (end - rate) * share(t, steps); };
}

Schedule cosine(double rate, std::size_t steps, double minimum) {
  return
      [=](std::size_t t) { return minimum + .5 * (rate - minimum) * (1 + std::cos(pi * share(t, steps))); };
}

Schedule transformer(std::size_t d, std::size_t warm_up_steps, double factor) {
  if (d == 0 || warm_up_steps == 0)
    fail("schedule::transformer", "d is ", d, ", the warm-up ", warm_up_steps, ": both must be at least 1");
  return [=](std::size_t t) {
    const double n = double(t) + 1, w = double(warm_up_steps);
    return factor * std::pow(double(d), -.5) * std::min(std::pow(n, -.5), n * std::pow(w, -1.5));
  };
}

Schedule warm_up(std::size_t steps, Schedule then) {
  return [=](std::size_t t) { return t < steps ? then(0) * double(t + 1) / double(steps) : then(t - steps); };
}

Schedule geometric(double from, double to, std::size_t steps) {
  if (!(from > 0 && to > 0) || steps < 2)
    fail("schedule::geometric", "from ", from, " to ", to, " in ", steps,
         " steps: both rates must be above 0, and the steps at least 2");
  return [=](std::size_t t) { return from * std::pow(to / from, share(t, steps - 1)); };
}

}  // namespace schedule

std::vector<RatePoint> sweep_rates(double from, double to, std::size_t steps,
                                   const std::function<double(double)>& step) {
  const Schedule rates = schedule::geometric(from, to, steps);
  std::vector<RatePoint> points;
  double lowest = INFINITY;
  for (std::size_t t = 0; t < steps; ++t) {
    const double loss = step(rates(t));
    points.push_back({rates(t), loss});
    if (!std::isfinite(loss) || loss > 4 * lowest) break;
    lowest = std::min(lowest, loss);
  }
  return points;
}

double suggested_rate(const std::vector<RatePoint>& points) {
  if (points.empty()) fail("suggested_rate", "there are no points: try at least one rate");
  const auto smooth = [&](std::size_t i) {  // the mean of five neighbours, fewer at the ends
    const std::size_t begin = i < 2 ? 0 : i - 2, end = std::min(i + 3, points.size());
    double sum = 0;
    for (std::size_t j = begin; j < end; ++j) sum += points[j].loss;
    return sum / double(end - begin);
  };
  double steepest = 0, best = points.front().rate;
  for (std::size_t i = 1; i + 1 < points.size(); ++i) {
    const double fall = smooth(i - 1) - smooth(i + 1);
    if (fall > steepest) {
      steepest = fall;
      best = points[i].rate;
    }
  }
  return best;
}

}  // namespace xgrad
