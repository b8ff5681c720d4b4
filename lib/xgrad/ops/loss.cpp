#include "xgrad/ops/loss.hpp"

#include <algorithm>
#include <cmath>

#include "xgrad/core/rows.hpp"
#include "xgrad/core/scalars.hpp"
#include "xgrad/core/strided.hpp"
#include "xgrad/core/vector_math.hpp"

namespace xgrad {

using detail::apply_and_sum;
using detail::apply_contiguous;
using detail::sum_of;

namespace {

/// Number of samples in (…, classes); checks that there is one label for each.
template <class T>
std::size_t samples(const char* op, const Variable<T>& scores, const Indices& labels,
                    std::int64_t ignore_index) {
  const Shape shape = scores.shape();
  const auto both = [&] {
    return "the scores are " + to_string(shape) + ", the labels " + to_string(shape_of(labels));
  };
  if (shape.empty() || shape.back() == 0)
    fail(op, both(), ": the last axis must be the classes, at least one");
  if (Shape(shape.begin(), shape.end() - 1) != shape_of(labels))
    fail(op, both(), ": one label for each row of scores");
  const auto classes = static_cast<std::int64_t>(shape.back());
  for (auto label : labels)
    if (label != ignore_index && (label < 0 || label >= classes))
      fail(op, "the label ", label, " is out of range: there are ", classes, " classes, 0 to ", classes - 1);
  return labels.size();
}

template <class T>
void check_same(const char* op, const Variable<T>& x, const Array<T>& target) {
  if (x.shape() != shape_of(target))
    fail(op, "the input is ", to_string(x.shape()), ", the target ", to_string(shape_of(target)),
         ": both must have the same shape");
}

/// 1/divisor for the mean, 1 for the sum. A mean over nothing is 0/0, NaN.
double weight(Reduction reduction, std::size_t divisor) {
  return reduction == Reduction::sum ? 1 : 1 / static_cast<double>(divisor);
}

/// Fused log_softmax and expected negative log-likelihood. `target(r, t)` writes the probabilities of the
/// classes in row r to t; a row whose target is all 0 is ignored.
// loss = w Σ_r Σ_i -t_i l_i with l = x - ln Σ eˣ,   dx = w dy (eˡ Σ t - t)
template <class T, class Target>
Variable<T> cross_entropy_rows(const Variable<T>& x, std::size_t rows, T w, Target target) {
  using fast::exp;
  const std::size_t n = x.extent(-1);
  auto l = empty<T>({rows, n});  // log-probabilities
  auto targets = empty<T>({n});
  T loss(0);
  for (std::size_t r = 0; r < rows; ++r) {
    T *out = l.data() + r * n, *t = targets.data();
    detail::log_softmax_row(n, out, x.value().data() + r * n);
    target(r, t);
    // A class that is impossible (-inf) and not asked for costs nothing: 0, not 0 · inf.
    loss -= sum_of<T>(
        n, [](auto t_i, auto l_i) { return t_i == T(0) ? t_i : t_i * l_i; }, t, out);
  }
  return record<T>(
      "cross_entropy", scalar(w * loss), {x}, [=, l = std::move(l)](const Array<T>&, const Array<T>& dy) {
        const T scale = w * dy.data()[0];
        auto dx = empty_like(x.value()), targets = empty<T>({n});
        for (std::size_t r = 0; r < rows; ++r) {
          T* t = targets.data();
          target(r, t);
          const T mass = sum_of<T>(
              n, [](auto t_i) { return t_i; }, t);
          if (mass == T(0))  // of nothing: scale may be infinite
            apply_contiguous(
                n, [=](T t_i) { return t_i == T(0) ? T(0) : -scale * t_i; }, dx.data() + r * n, t);
          else
            apply_contiguous(
                n, [=](auto l_i, auto t_i) { return scale * (exp(l_i) * mass - t_i); }, dx.data() + r * n,
                l.data() + r * n, t);
        }
        x.accumulate(std::move(dx));
      });
}

std::size_t kept(const Indices& labels, std::int64_t ignore_index) {
  return static_cast<std::size_t>(
      std::count_if(labels.begin(), labels.end(), [=](auto l) { return l != ignore_index; }));
}

void check_smoothing(double smoothing) {
  if (!(smoothing >= 0 && smoothing < 1))
    fail("cross_entropy", "the label smoothing is ", smoothing, ": it must be at least 0 and below 1");
}

}  // namespace

template <class T>
Variable<T> cross_entropy(const Variable<T>& logits, const Indices& labels,
                          const CrossEntropyOptions& options) {
  const std::size_t rows = samples("cross_entropy", logits, labels, options.ignore_index),
                    n = logits.extent(-1);
  check_smoothing(options.label_smoothing);
  const double s = options.label_smoothing;
  const T elsewhere(s / double(n)), here(1 - s + s / double(n));
  const auto ignored = options.ignore_index;
  return cross_entropy_rows(logits, rows, T(weight(options.reduction, kept(labels, ignored))),
                            [=](std::size_t r, T* t) {
                              const std::int64_t label = labels.data()[r];
                              std::fill_n(t, n, label == ignored ? T(0) : elsewhere);
                              if (label != ignored) t[label] = here;
                            });
}

template <class T>
Variable<T> cross_entropy(const Variable<T>& logits, const Array<T>& probabilities,
                          const CrossEntropyOptions& options) {
  check_same("cross_entropy", logits, probabilities);
  if (logits.rank() == 0 || logits.extent(-1) == 0)
    fail("cross_entropy", "the scores are ", to_string(logits.shape()),
         ": the last axis must be the classes, at least one");
  check_smoothing(options.label_smoothing);
  const std::size_t n = logits.extent(-1), rows = logits.size() / n;
  const T keep(1 - options.label_smoothing), uniform(options.label_smoothing / double(n));
  return cross_entropy_rows(logits, rows, T(weight(options.reduction, rows)), [=](std::size_t r, T* t) {
    const T* p = probabilities.data() + r * n;
    for (std::size_t i = 0; i < n; ++i) t[i] = keep * p[i] + uniform;
  });
}

// loss = -w Σ l_label,   dl_label = -w dy
template <class T>
Variable<T> nll_loss(const Variable<T>& log_probabilities, const Indices& labels,
                     const CrossEntropyOptions& options) {
  if (options.label_smoothing != 0)
    fail("nll_loss", "the label smoothing is ", options.label_smoothing,
         ": only cross_entropy smooths labels");
  const auto ignored = options.ignore_index;
  const std::size_t rows = samples("nll_loss", log_probabilities, labels, ignored),
                    n = log_probabilities.extent(-1);
  const T w(weight(options.reduction, kept(labels, ignored)));
  const auto for_each_label = [=](auto visit) {
    for (std::size_t r = 0; r < rows; ++r)
      if (labels.data()[r] != ignored) visit(r * n + static_cast<std::size_t>(labels.data()[r]));
  };
  T loss(0);
  for_each_label([&](std::size_t at) { loss -= log_probabilities.value().data()[at]; });
  return record<T>("nll_loss", scalar(w * loss), {log_probabilities},
                   [=](const Array<T>&, const Array<T>& dy) {
                     auto dl = zeros<T>(log_probabilities.shape());
                     for_each_label([&](std::size_t at) { dl.data()[at] = -w * dy.data()[0]; });
                     log_probabilities.accumulate(std::move(dl));
                   });
}

// loss = w Σ (ln(1 + eᶻ) - t z),   dz = w dy (1/(1 + e⁻ᶻ) - t)
template <class T>
Variable<T> bce_with_logits(const Variable<T>& logits, const Array<T>& targets, Reduction reduction) {
  using fast::exp, fast::log1p_unit, fast::detail::at_least, fast::detail::magnitude;
  check_same("bce_with_logits", logits, targets);
  const T w(weight(reduction, logits.size()));
  const auto term = [](auto z, auto t) { return at_least(T(0), z) + log1p_unit(exp(-magnitude(z))) - t * z; };
  auto terms = empty_like(targets);
  T loss(0);
  constexpr std::size_t block = 1024;  // one long sum of many equal terms would lose digits
  for (std::size_t i = 0; i < terms.size(); i += block)
    loss += apply_and_sum(std::min(block, terms.size() - i), term, terms.data() + i,
                          logits.value().data() + i, targets.data() + i);
  return record<T>("bce_with_logits", scalar(w * loss), {logits}, [=](const Array<T>&, const Array<T>& dy) {
    const T scale = w * dy.data()[0];
    logits.accumulate(detail::elementwise_to<T>(
        logits.shape(),
        [=](auto z, auto t) {
          const auto e = exp(-magnitude(z));  // never too large
          return scale * ((z > T(0) ? T(1) : e) / (T(1) + e) - t);
        },
        logits.value(), targets));
  });
}

// loss = w Σ (y - t)²,   dy = 2w dloss (y - t)
template <class T>
Variable<T> mse_loss(const Variable<T>& y, const Array<T>& target, Reduction reduction) {
  check_same("mse_loss", y, target);
  const T w(weight(reduction, y.size()));
  const T loss = sum_of<T>(
      y.size(), [](auto y_i, auto t_i) { return (y_i - t_i) * (y_i - t_i); }, y.value().data(),
      target.data());
  return record<T>("mse_loss", scalar(w * loss), {y}, [=](const Array<T>&, const Array<T>& dloss) {
    const T scale = T(2) * w * dloss.data()[0];
    y.accumulate(detail::elementwise_to<T>(
        y.shape(), [=](T a, T t) { return scale * (a - t); }, y.value(), target));
  });
}

template <class T>
Array<T> one_hot(const Indices& labels, std::size_t classes) {
  Shape shape = shape_of(labels);
  shape.push_back(classes);
  auto rows = zeros<T>(shape);
  for (std::size_t r = 0; r < labels.size(); ++r) {
    const std::int64_t label = labels.data()[r];
    if (label < 0 || label >= static_cast<std::int64_t>(classes))
      fail("one_hot", "the label ", label, " is out of range: there are ", classes, " classes");
    rows.data()[r * classes + static_cast<std::size_t>(label)] = T(1);
  }
  return rows;
}

#define XGRAD_INSTANTIATE(T)                                                                           \
  template Variable<T> cross_entropy(const Variable<T>&, const Indices&, const CrossEntropyOptions&);  \
  template Variable<T> cross_entropy(const Variable<T>&, const Array<T>&, const CrossEntropyOptions&); \
  template Variable<T> nll_loss(const Variable<T>&, const Indices&, const CrossEntropyOptions&);       \
  template Variable<T> bce_with_logits(const Variable<T>&, const Array<T>&, Reduction);                \
  template Variable<T> mse_loss(const Variable<T>&, const Array<T>&, Reduction);                       \
  template Array<T> one_hot(const Indices&, std::size_t);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
