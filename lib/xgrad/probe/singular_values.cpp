// Golub & Kahan, "Calculating the singular values and pseudo-inverse of a matrix" (1965): Householder
// reflections from both sides make A bidiagonal, A = U B Vᵀ. With diagonal d₁ d₂ … and superdiagonal e₁ e₂ …
// of B, the symmetric tridiagonal matrix with zero diagonal and off-diagonal d₁ e₁ d₂ e₂ … has the
// eigenvalues ±σ. Those are found by bisection, counting eigenvalues below a point with Sturm's sequence:
// slow beside LAPACK, but it cannot fail to converge and needs nothing installed.

#include "xgrad/probe/singular_values.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace xgrad {
namespace {

// Makes v the vector of the reflection I - τ v vᵀ that maps v to (β, 0, …); returns β, and τ by reference.
double householder(std::vector<double>& v, double& tau) {
  double norm = 0;
  for (double x : v) norm = std::hypot(norm, x);
  tau = 0;
  if (norm == 0) return 0;
  const double beta = v[0] > 0 ? -norm : norm;  // the sign that avoids cancellation in v[0] - β
  v[0] -= beta;
  tau = -1 / (beta * v[0]);
  return beta;
}

// The off-diagonal d₁ e₁ d₂ e₂ … d_n of a (m, n) with m ≥ n.
std::vector<double> bidiagonalise(Array<double> a) {
  const std::size_t m = a.shape()[0], n = a.shape()[1];
  const auto row = [&](std::size_t i) { return a.data() + i * n; };
  std::vector<double> off_diagonal, v, w;
  double tau;
  for (std::size_t k = 0; k < n; ++k) {
    v.resize(m - k);
    for (std::size_t i = k; i < m; ++i) v[i - k] = row(i)[k];
    off_diagonal.push_back(householder(v, tau));
    w.assign(n, 0);  // columns k+1… of A become A - τ v (vᵀA), row by row because rows are contiguous
    for (std::size_t i = k; i < m; ++i)
      for (std::size_t j = k + 1; j < n; ++j) w[j] += v[i - k] * row(i)[j];
    for (std::size_t i = k; i < m; ++i)
      for (std::size_t j = k + 1; j < n; ++j) row(i)[j] -= tau * v[i - k] * w[j];
    if (k + 1 == n) break;
    v.assign(row(k) + k + 1, row(k) + n);
    off_diagonal.push_back(householder(v, tau));
    for (std::size_t i = k + 1; i < m; ++i) {  // rows k+1… of A become A - τ (Av) vᵀ
      double dot = 0;
      for (std::size_t j = k + 1; j < n; ++j) dot += row(i)[j] * v[j - k - 1];
      for (std::size_t j = k + 1; j < n; ++j) row(i)[j] -= tau * dot * v[j - k - 1];
    }
  }
  return off_diagonal;
}

// How many eigenvalues of the tridiagonal matrix (diagonal 0, squared off-diagonal b²) are below x: the
// number of negative pivots in the elimination of T - xI.
std::size_t eigenvalues_below(double x, const std::vector<double>& squares) {
  std::size_t negative = x > 0;
  double pivot = -x;
  for (double square : squares) {
    if (pivot == 0) pivot = -std::numeric_limits<double>::min();
    pivot = -x - square / pivot;
    negative += pivot < 0;
  }
  return negative;
}

}  // namespace

std::vector<double> singular_values(const Array<double>& a) {
  if (a.dimension() != 2) fail("singular_values", "a is ", to_string(shape_of(a)), ": it must be a matrix");
  const std::size_t rows = a.shape()[0], columns = a.shape()[1], n = std::min(rows, columns);
  if (n == 0) return {};
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a.data()[i]))
      fail("singular_values", "entry ", i, " is ", a.data()[i], ": all entries must be finite");
    largest = std::max(largest, std::abs(a.data()[i]));
  }
  if (largest == 0) return std::vector<double>(n);
  Array<double> tall = a;
  if (rows < columns) {  // Aᵀ has the same singular values
    tall = empty<double>({columns, rows});
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j) tall.data()[j * rows + i] = a.data()[i * columns + j];
  }
  for (std::size_t i = 0; i < a.size(); ++i) tall.data()[i] /= largest;  // squares must not leave the range
  const auto off_diagonal = bidiagonalise(std::move(tall));
  std::vector<double> squares;
  double bound = 0, previous = 0;  // Gershgorin: no eigenvalue exceeds the largest sum of two neighbours
  for (double b : off_diagonal) {
    squares.push_back(b * b);
    bound = std::max(bound, std::abs(b) + std::abs(previous));
    previous = b;
  }
  std::vector<double> result;
  for (std::size_t i = 0; i < n; ++i) {  // the i-th from above of the 2n eigenvalues ±σ
    double low = 0, high = i == 0 ? bound : result.back();
    while (high - low > 1e-15 * bound) {
      const double middle = low + (high - low) / 2;
      if (middle == low || middle == high) break;
      (eigenvalues_below(middle, squares) > 2 * n - 1 - i ? high : low) = middle;
    }
    result.push_back(low + (high - low) / 2);
  }
  for (double& sigma : result) sigma *= largest;
  return result;
}

}  // namespace xgrad
