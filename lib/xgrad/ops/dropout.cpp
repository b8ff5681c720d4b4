#include "xgrad/ops/dropout.hpp"

#include "xgrad/core/scalars.hpp"

namespace xgrad {

// y = k x,   dx = k dy,   k = 0 with probability p, else 1/(1-p)
template <class T>
Variable<T> dropout(const Variable<T>& x, double p, Rng& rng) {
  if (!(p >= 0 && p < 1)) fail("dropout", "the probability is ", p, ": it must be at least 0 and below 1");
  auto k = empty_like(x.value());
  for (std::size_t i = 0; i < k.size(); ++i) k.data()[i] = T(rng.uniform() < p ? 0 : 1 / (1 - p));
  const auto times_k = [](const Array<T>& a, const Array<T>& k) {
    auto y = empty_like(a);
    for (std::size_t i = 0; i < y.size(); ++i) y.data()[i] = a.data()[i] * k.data()[i];
    return y;
  };
  auto y = times_k(x.value(), k);
  return record<T>("dropout", std::move(y), {x}, [=, k = std::move(k)](const Array<T>&, const Array<T>& dy) {
    x.accumulate(times_k(dy, k));
  });
}

#define XGRAD_INSTANTIATE(T) template Variable<T> dropout(const Variable<T>&, double, Rng&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
