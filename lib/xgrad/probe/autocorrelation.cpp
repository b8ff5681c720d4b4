#include "xgrad/probe/autocorrelation.hpp"

namespace xgrad {
namespace {

/// Rows of g (N, …), in double.
template <class T>
struct Rows {
  explicit Rows(const Array<T>& g) : g(g), n(g.shape()[0]), width(n ? g.size() / n : 0) {}
  double operator()(std::size_t i, std::size_t j) const { return double(g.data()[i * width + j]); }

  /// Σᵢ gᵢ/divisor
  std::vector<double> sum(double divisor) const {
    std::vector<double> result(width, 0);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < width; ++j) result[j] += (*this)(i, j) / divisor;
    return result;
  }

  const Array<T>& g;
  std::size_t n, width;
};

}  // namespace

template <class T>
std::vector<double> autocorrelation(const Array<T>& g, std::size_t lags) {
  if (g.dimension() < 1 || g.shape()[0] <= lags)
    fail("autocorrelation", "g is ", to_string(shape_of(g)), ", the lags go to ", lags,
         ": g must be (N, …) with N larger than the largest lag");
  const Rows<T> rows(g);
  const auto mean = rows.sum(double(rows.n));
  std::vector<double> result(lags + 1, 0);
  for (std::size_t lag = 0; lag <= lags; ++lag)
    for (std::size_t i = 0; i + lag < rows.n; ++i)
      for (std::size_t j = 0; j < rows.width; ++j)
        result[lag] += (rows(i, j) - mean[j]) * (rows(i + lag, j) - mean[j]);
  const double square = result[0];
  for (double& r : result) r /= square;
  return result;
}

// Σ_{i≠j} ⟨gᵢ, gⱼ⟩ = ‖Σ gᵢ‖² - Σ ‖gᵢ‖²
template <class T>
double gradient_correlation(const Array<T>& g) {
  if (g.dimension() < 1 || g.shape()[0] < 2)
    fail("gradient_correlation", "g is ", to_string(shape_of(g)), ": it must be (N, …), N at least 2");
  const Rows<T> rows(g);
  double all = 0, own = 0;
  for (double sum : rows.sum(1)) all += sum * sum;
  for (std::size_t i = 0; i < g.size(); ++i) own += double(g.data()[i]) * double(g.data()[i]);
  return (all - own) / double(rows.n - 1) / own;
}

#define XGRAD_INSTANTIATE(T)                                                  \
  template std::vector<double> autocorrelation(const Array<T>&, std::size_t); \
  template double gradient_correlation(const Array<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
