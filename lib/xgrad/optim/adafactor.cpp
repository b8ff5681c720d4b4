#include "xgrad/optim/adafactor.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/core/scalars.hpp"

namespace xgrad {

namespace {

template <class T>
double root_mean_square(const T* x, std::size_t n) {
  double squares = 0;
  for (std::size_t i = 0; i < n; ++i) squares += double(x[i]) * double(x[i]);
  return std::sqrt(squares / double(std::max<std::size_t>(n, 1)));
}

/// u = g/√V̂ for one matrix (n, m); row and column hold R and C.
template <class T>
void factored(T* u, const T* g, T* row, T* column, std::size_t n, std::size_t m, double beta, double eps) {
  std::vector<double> row_sum(n), column_sum(m);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j) {
      const double square = double(g[i * m + j]) * double(g[i * m + j]) + eps;
      row_sum[i] += square;
      column_sum[j] += square;
    }
  double total = 0;
  for (std::size_t i = 0; i < n; ++i) {
    row[i] = T(beta * double(row[i]) + (1 - beta) * row_sum[i]);
    total += double(row[i]);
  }
  for (std::size_t j = 0; j < m; ++j) column[j] = T(beta * double(column[j]) + (1 - beta) * column_sum[j]);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j)
      u[i * m + j] = T(double(g[i * m + j]) / std::sqrt(double(row[i]) * double(column[j]) / total));
}

}  // namespace

template <class T>
Adafactor<T>::Adafactor(const Parameters<T>& parameters, double learning_rate, AdafactorOptions options)
    : Optimizer<T>(parameters, learning_rate), options_(options) {
  for (const auto& p : parameters) {
    names_.push_back(p.name);
    shapes_.push_back(p.variable.shape());
  }
}

template <class T>
std::vector<OptimizerMemory<T>> Adafactor<T>::memory() {
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    const Shape& shape = shapes_[i];
    const std::size_t n = count(shape), rank = shape.size();
    this->state(rows_, i, rank < 2 || n == 0 ? n : n / shape[rank - 1]);
    this->state(columns_, i, rank < 2 || n == 0 ? 0 : n / shape[rank - 2]);
  }
  std::vector<OptimizerMemory<T>> memory;
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    memory.push_back({"R." + names_[i], &rows_[i]});
    if (!columns_[i].empty()) memory.push_back({"C." + names_[i], &columns_[i]});
  }
  return memory;
}

template <class T>
void Adafactor<T>::update(std::size_t which, T* x, const T* dx, std::size_t n) {
  const Shape& shape = shapes_[which];
  if (count(shape) != n)
    fail("adafactor", "a parameter of shape ", to_string(shape), " has now ", n,
         " entries: make a new optimiser when a parameter changes its shape");
  const double t = double(this->steps_[which]);
  const double beta = 1 - std::pow(t, -options_.decay);
  std::vector<T> u(n);
  if (shape.size() < 2) {
    T* v = this->state(rows_, which, n);
    for (std::size_t i = 0; i < n; ++i) {
      v[i] = T(beta * double(v[i]) + (1 - beta) * (double(dx[i]) * double(dx[i]) + options_.eps1));
      u[i] = T(double(dx[i]) / std::sqrt(double(v[i])));
    }
  } else if (n > 0) {
    const std::size_t r = shape[shape.size() - 2], c = shape.back(), matrices = n / (r * c);
    T *row = this->state(rows_, which, matrices * r), *column = this->state(columns_, which, matrices * c);
    for (std::size_t k = 0; k < matrices; ++k)
      factored(u.data() + k * r * c, dx + k * r * c, row + k * r, column + k * c, r, c, beta, options_.eps1);
  }
  const double rate = std::min(this->learning_rate, 1 / std::sqrt(t));
  const double step = std::max(options_.eps2, root_mean_square(x, n)) * rate /
                      std::max(1., root_mean_square(u.data(), n) / options_.clip);
  const double keep = 1 - this->learning_rate * options_.weight_decay;
  for (std::size_t i = 0; i < n; ++i) x[i] = T(keep * double(x[i]) - step * double(u[i]));
}

template <class T>
AdamWThenSGD<T>::AdamWThenSGD(const Parameters<T>& parameters, double learning_rate, HandOver hand_over,
                              AdamOptions options)
    : AdamW<T>(parameters, learning_rate, options), hand_over_(hand_over) {
  if (hand_over.sgd.nesterov) fail("adamw_then_sgd", "Nesterov's method is not offered: use SGD");
}

template <class T>
std::vector<OptimizerMemory<T>> AdamWThenSGD<T>::memory() {
  auto memory = AdamW<T>::memory();
  this->list("velocity", velocity_, memory);
  return memory;
}

template <class T>
void AdamWThenSGD<T>::update(std::size_t which, T* x, const T* dx, std::size_t n) {
  if (this->steps_[which] <= hand_over_.step) return AdamW<T>::update(which, x, dx, n);
  const T rate(this->learning_rate * hand_over_.rate_factor);
  const T mu(hand_over_.sgd.momentum), decay(hand_over_.sgd.weight_decay);
  T* v = this->state(velocity_, which, n);
  for (std::size_t i = 0; i < n; ++i) {
    v[i] = mu * v[i] + dx[i] + decay * x[i];
    x[i] -= rate * v[i];
  }
}

#define XGRAD_INSTANTIATE(T)   \
  template class Adafactor<T>; \
  template class AdamWThenSGD<T>;
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
