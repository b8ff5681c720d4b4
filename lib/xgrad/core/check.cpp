#include "xgrad/core/check.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "xgrad/core/scalars.hpp"

namespace xgrad {

namespace {

template <class T>
double dot(const Array<T>& a, const Array<T>& b) {
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) total += double(a.data()[i]) * double(b.data()[i]);
  return total;
}

template <class T>
GradientCheck compare(const Differentiable<T>& f, const std::vector<Array<T>>& inputs, double epsilon,
                      double tolerance, std::uint64_t seed) {
  std::vector<Variable<T>> x;
  for (const auto& input : inputs) x.push_back(parameter(input));
  Array<T> cotangent;
  {
    Tape<T> tape;
    const auto y = f(x);
    cotangent = Rng(seed).normal<T>(y.shape());
    tape.backward(y, cotangent);
  }
  NoGrad pause;
  GradientCheck result;
  for (std::size_t k = 0; k < x.size(); ++k) {
    const auto backward = x[k].has_grad() ? x[k].grad() : zeros<T>(x[k].shape());
    std::vector<double> difference;
    double squares = 0;
    for (std::size_t i = 0; i < x[k].size(); ++i) {
      T& entry = x[k].mutable_value().data()[i];
      const T at = entry;
      // What was really added, after rounding: in float, ε itself is not representable next to x.
      const T above = at + T(epsilon), below = at - T(epsilon);
      entry = above;
      const double up = dot(cotangent, f(x).value());
      entry = below;
      const double down = dot(cotangent, f(x).value());
      entry = at;
      difference.push_back((up - down) / (double(above) - double(below)));
      squares += difference.back() * difference.back();
    }
    const double rms = std::sqrt(squares / std::max<std::size_t>(difference.size(), 1));
    for (std::size_t i = 0; i < difference.size(); ++i, ++result.entries) {
      const double b = double(backward.data()[i]), d = difference[i];
      const double scale = std::max({std::abs(b), std::abs(d), rms, std::numeric_limits<double>::min()});
      double error = std::abs(b - d) / scale;
      if (!std::isfinite(b) || !std::isfinite(d)) error = std::numeric_limits<double>::infinity();
      if (error >= result.relative_error) {
        result.relative_error = error;
        result.input = k;
        result.entry = i;
        result.backward = b;
        result.difference = d;
      }
    }
  }
  result.passed = result.relative_error <= tolerance;
  return result;
}

}  // namespace

std::string GradientCheck::report() const {
  std::ostringstream text;
  text.precision(10);
  text << (passed ? "passed" : "FAILED") << ": worst of " << entries << " entries is input " << input
       << " entry " << entry << ": backward " << backward << ", difference " << difference;
  text.precision(2);
  text << ", relative error " << relative_error;
  return text.str();
}

template <class T>
GradientCheck check_gradients(const Differentiable<T>& f, const std::vector<Array<T>>& inputs,
                              const GradientCheckOptions& options) {
  return compare(f, inputs, options.epsilon, options.tolerance, options.seed);
}

template <class T>
std::vector<EpsilonPoint> epsilon_sweep(const Differentiable<T>& f, const std::vector<Array<T>>& inputs,
                                        const std::vector<double>& epsilons) {
  std::vector<EpsilonPoint> points;
  for (double epsilon : epsilons)
    points.push_back(
        {epsilon, compare(f, inputs, epsilon, GradientCheckOptions().tolerance, GradientCheckOptions().seed)
                      .relative_error});
  return points;
}

#define XGRAD_INSTANTIATE(T)                                                                               \
  template GradientCheck check_gradients(const Differentiable<T>&, const std::vector<Array<T>>&,           \
                                         const GradientCheckOptions&);                                     \
  template std::vector<EpsilonPoint> epsilon_sweep(const Differentiable<T>&, const std::vector<Array<T>>&, \
                                                   const std::vector<double>&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
