#include "xgrad/probe/tokens.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "xgrad/probe/singular_values.hpp"

namespace xgrad {
namespace {

template <class T>
void check_tokens(const char* op, const Array<T>& x) {
  if (x.dimension() < 2 || x.size() == 0)
    fail(op, "x is ", to_string(shape_of(x)), ": it must be (…, T, d), with entries");
}

/// The mean of f(matrix, T, d) over the matrices of x (…, T, d).
template <class T, class F>
double mean_over_matrices(const char* op, const Array<T>& x, F f) {
  check_tokens(op, x);
  const std::size_t d = x.shape().back(), tokens = x.shape()[x.dimension() - 2], size = tokens * d;
  double sum = 0;
  for (std::size_t at = 0; at < x.size(); at += size) sum += f(x.data() + at, tokens, d);
  return sum * double(size) / double(x.size());
}

/// √(‖X‖₁ ‖X‖_∞) of entries |entry(t, j)|.
template <class F>
double composite(std::size_t tokens, std::size_t d, F entry) {
  std::vector<double> columns(d, 0);
  double largest_row = 0;
  for (std::size_t t = 0; t < tokens; ++t) {
    double row = 0;
    for (std::size_t j = 0; j < d; ++j) {
      const double size = std::abs(entry(t, j));
      row += size;
      columns[j] += size;
    }
    largest_row = std::max(largest_row, row);
  }
  return std::sqrt(largest_row) * std::sqrt(*std::max_element(columns.begin(), columns.end()));
}

template <class T>
std::vector<double> mean_token(const T* x, std::size_t tokens, std::size_t d) {
  std::vector<double> mean(d, 0);
  for (std::size_t t = 0; t < tokens; ++t)
    for (std::size_t j = 0; j < d; ++j) mean[j] += double(x[t * d + j]) / double(tokens);
  return mean;
}

}  // namespace

double effective_rank(const std::vector<double>& singular_values) {
  double sum = 0, entropy = 0;
  for (double sigma : singular_values) {
    if (!(sigma >= 0) || std::isinf(sigma))
      fail("effective_rank", "a singular value is ", sigma, ": all must be finite, and 0 or more");
    sum += sigma;
  }
  if (sum == 0) return 0;
  for (double sigma : singular_values)
    if (const double p = sigma / sum; p > 0) entropy -= p * std::log(p);
  return std::exp(entropy);
}

template <class T>
double effective_rank(const Array<T>& x) {
  return mean_over_matrices("effective_rank", x, [](const T* from, std::size_t tokens, std::size_t d) {
    auto matrix = empty<double>({tokens, d});
    std::copy(from, from + tokens * d, matrix.data());
    return effective_rank(singular_values(matrix));
  });
}

template <class T>
Array<T> without_mean_token(const Array<T>& x) {
  check_tokens("without_mean_token", x);
  const std::size_t d = x.shape().back(), tokens = x.shape()[x.dimension() - 2];
  Array<T> y = x;
  for (T* matrix = y.data(); matrix != y.data() + y.size(); matrix += tokens * d) {
    const auto mean = mean_token(matrix, tokens, d);
    for (std::size_t i = 0; i < tokens * d; ++i) matrix[i] = T(double(matrix[i]) - mean[i % d]);
  }
  return y;
}

template <class T>
double composite_norm(const Array<T>& x) {
  return mean_over_matrices("composite_norm", x, [](const T* from, std::size_t tokens, std::size_t d) {
    return composite(tokens, d, [=](std::size_t t, std::size_t j) { return double(from[t * d + j]); });
  });
}

template <class T>
double rank_residual(const Array<T>& x) {
  return mean_over_matrices("rank_residual", x, [](const T* from, std::size_t tokens, std::size_t d) {
    const auto mean = mean_token(from, tokens, d);
    const auto entry = [=](std::size_t t, std::size_t j) { return double(from[t * d + j]); };
    const double all = composite(tokens, d, entry);
    const double rest =
        composite(tokens, d, [&](std::size_t t, std::size_t j) { return entry(t, j) - mean[j]; });
    return all == 0 ? 0 : rest / all;
  });
}

template <class T>
double attention_entropy(const Array<T>& weights) {
  if (weights.dimension() < 1 || weights.size() == 0)
    fail("attention_entropy", "the weights are ", to_string(shape_of(weights)), ": they must be (…, Tq, Tk)");
  const std::size_t keys = weights.shape().back();
  double total = 0, queries = 0;
  for (std::size_t at = 0; at < weights.size(); at += keys) {
    double sum = 0, entropy = 0, smallest = 0;
    for (std::size_t i = at; i < at + keys; ++i) {
      const double p = double(weights.data()[i]);
      smallest = std::min(smallest, p);
      sum += p;
      if (p > 0) entropy -= p * std::log(p);
    }
    if (sum == 0 && smallest == 0) continue;
    if (smallest < 0 || !(std::abs(sum - 1) < 1e-3))
      fail("attention_entropy", "row ", at / keys, " has the sum ", sum, " and the smallest entry ", smallest,
           ": weights are 0 or more, and a row of them adds up to 1");
    total += entropy;
    ++queries;
  }
  return queries > 0 ? total / queries : std::numeric_limits<double>::quiet_NaN();
}

#define XGRAD_INSTANTIATE(T)                             \
  template double effective_rank(const Array<T>&);       \
  template Array<T> without_mean_token(const Array<T>&); \
  template double composite_norm(const Array<T>&);       \
  template double rank_residual(const Array<T>&);        \
  template double attention_entropy(const Array<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
