#include "xgrad/nn/init.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "xgrad/core/scalars.hpp"

namespace xgrad {

Init Init::xavier_uniform() { return {"xavier_uniform", Kind::uniform, Scale::fan_average, 1}; }
Init Init::xavier_normal() { return {"xavier_normal", Kind::normal, Scale::fan_average, 1}; }
Init Init::he_uniform() { return {"he_uniform", Kind::uniform, Scale::fan_in, 2}; }
Init Init::he_normal() { return {"he_normal", Kind::normal, Scale::fan_in, 2}; }
Init Init::lecun_normal() { return {"lecun_normal", Kind::normal, Scale::fan_in, 1}; }
Init Init::orthogonal(double gain) {
  return Init("orthogonal", Kind::orthogonal, Scale::fixed, 1).scaled(gain);
}
Init Init::constant(double value) { return {"constant", Kind::constant, Scale::fixed, value}; }

Init Init::uniform_fan_in() {  // U(±1/√n) has variance 1/3n
  Init init("uniform_fan_in", Kind::uniform, Scale::fan_in, 1.0 / 3);
  init.random_bias_ = true;
  return init;
}

Init Init::normal(double deviation) { return {"normal", Kind::normal, Scale::fixed, deviation * deviation}; }

Init Init::scaled(double gain) const {
  Init result = *this;
  result.gain_ *= gain;
  return result;
}

Init Init::named(const std::string& name) {
  const Init all[] = {xavier_uniform(), xavier_normal(),  he_uniform(), he_normal(),
                      lecun_normal(),   uniform_fan_in(), orthogonal()};
  std::string names;
  for (const Init& init : all) {
    if (init.name() == name) return init;
    names += (names.empty() ? "" : ", ") + init.name();
  }
  fail("init", "there is no scheme '", name, "': choose one of ", names);
}

namespace {

/// rows × columns with orthonormal rows (or columns, whichever are fewer): modified Gram-Schmidt on a normal
/// matrix, each vector swept twice, which keeps them orthogonal to rounding.
std::vector<double> orthonormal(std::size_t rows, std::size_t columns, Rng& rng) {
  const std::size_t vectors = std::min(rows, columns), length = std::max(rows, columns);
  std::vector<double> q(vectors * length);
  for (double& entry : q) entry = rng.normal();
  for (std::size_t i = 0; i < vectors; ++i) {
    double* v = &q[i * length];
    for (int sweep = 0; sweep < 2; ++sweep)
      for (std::size_t j = 0; j < i; ++j) {
        const double* u = &q[j * length];
        double dot = 0;
        for (std::size_t l = 0; l < length; ++l) dot += u[l] * v[l];
        for (std::size_t l = 0; l < length; ++l) v[l] -= dot * u[l];
      }
    double squares = 0;
    for (std::size_t l = 0; l < length; ++l) squares += v[l] * v[l];
    for (std::size_t l = 0; l < length; ++l) v[l] /= std::sqrt(squares);
  }
  return q;
}

}  // namespace

template <class T>
Array<T> Init::weight(const Shape& shape, Rng& rng) const {
  if (shape.size() < 2) fail("init", "the weight is ", to_string(shape), ": it must be (out, in, …)");
  const std::size_t window = count(Shape(shape.begin() + 2, shape.end()));
  const std::size_t fan_in = shape[1] * window, fan_out = shape[0] * window;
  const double variance = scale_ == Scale::fixed    ? value_
                          : scale_ == Scale::fan_in ? value_ / double(fan_in)
                                                    : 2 * value_ / double(fan_in + fan_out);
  const double deviation = gain_ * std::sqrt(variance);
  switch (kind_) {
    case Kind::uniform:
      return rng.uniform<T>(shape, -std::sqrt(3.0) * deviation, std::sqrt(3.0) * deviation);
    case Kind::normal:
      return rng.normal<T>(shape, 0, deviation);
    case Kind::constant:
      return full<T>(shape, T(gain_ * value_));
    case Kind::orthogonal:
      break;
  }
  const std::size_t rows = shape[0], columns = fan_in;
  const auto q = orthonormal(rows, columns, rng);  // vectors as rows
  auto w = empty<T>(shape);
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j)
      w.data()[i * columns + j] = T(gain_ * (rows <= columns ? q[i * columns + j] : q[j * rows + i]));
  return w;
}

template <class T>
Array<T> Init::bias(std::size_t fan_out, std::size_t fan_in, Rng& rng) const {
  if (!random_bias_) return zeros<T>({fan_out});
  const double bound = 1 / std::sqrt(std::max(double(fan_in), 1.));  // without inputs it would be infinite
  return rng.uniform<T>({fan_out}, -bound, bound);
}

#define XGRAD_INSTANTIATE(T)                                   \
  template Array<T> Init::weight<T>(const Shape&, Rng&) const; \
  template Array<T> Init::bias<T>(std::size_t, std::size_t, Rng&) const;
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
