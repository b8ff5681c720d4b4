#include "xgrad/ops/pooling.hpp"

#include "xgrad/core/scalars.hpp"
#include "xgrad/ops/reduce.hpp"
#include "xgrad/ops/sliding_windows.hpp"

namespace xgrad {

namespace {

template <class T>
void require_images(const char* op, const Variable<T>& x) {
  if (x.rank() != 4) fail(op, "x is ", to_string(x.shape()), ": it must be (N, C, H, W)");
}

/// The windows of a pooling op over all N·C planes of x.
struct Planes {
  std::size_t planes;
  detail::SlidingWindows down, across;

  Shape outputs(const Shape& x) const { return {x[0], x[1], down.count, across.count}; }

  /// Calls window(o, entries) for output o; entries(f) calls f(i) for the place i of each of its entries in
  /// x.
  template <class F>
  void for_each_window(F window) const {
    std::size_t o = 0;
    for (std::size_t p = 0; p < planes; ++p)
      for (std::size_t r = 0; r < down.count; ++r)
        for (std::size_t s = 0; s < across.count; ++s, ++o) {
          const auto [top, bottom] = down.seen_by(r);
          const auto [left, right] = across.seen_by(s);
          const std::size_t plane = p * down.extent;
          window(o, [&, top = top, bottom = bottom, left = left, right = right](auto f) {
            for (std::size_t i = top; i < bottom; ++i)
              for (std::size_t j = left; j < right; ++j) f((plane + i) * across.extent + j);
          });
        }
  }
};

template <class T>
Planes planes_of(const char* op, const Variable<T>& x, std::size_t size, const PoolOptions& options) {
  require_images(op, x);
  if (x.extent(2) == 0 || x.extent(3) == 0)
    fail(op, "x is ", to_string(x.shape()), ": there must be pixels to choose from");
  if (options.padding > size / 2)
    fail(op, "the window is ", size, ", the padding ", options.padding,
         ": the padding must be at most half the window");
  const std::size_t stride = options.stride ? options.stride : size;
  return {x.extent(0) * x.extent(1), detail::sliding_windows(op, x.extent(2), size, stride, options.padding),
          detail::sliding_windows(op, x.extent(3), size, stride, options.padding)};
}

}  // namespace

// y_o = x_k with k = argmax over the window,   dx_k += dy_o
template <class T>
Variable<T> max_pool2d(const Variable<T>& x, std::size_t size, const PoolOptions& options) {
  const Planes planes = planes_of("max_pool2d", x, size, options);
  auto y = empty<T>(planes.outputs(x.shape()));
  auto winners = Indices::from_shape(y.shape());
  const T* in = x.value().data();
  planes.for_each_window([&](std::size_t o, auto entries) {
    constexpr std::size_t none = PTRDIFF_MAX;
    std::size_t best = none;
    entries([&](std::size_t i) {
      if (best == none || in[i] > in[best] || in[i] != in[i]) best = i;  // the last: NaN wins
    });
    y.data()[o] = in[best];
    winners.data()[o] = static_cast<std::int64_t>(best);
  });
  return record<T>("max_pool2d", std::move(y), {x}, [=](const Array<T>&, const Array<T>& dy) {
    auto dx = zeros<T>(x.shape());
    for (std::size_t o = 0; o < dy.size(); ++o) dx.data()[winners.data()[o]] += dy.data()[o];
    x.accumulate(std::move(dx));
  });
}

// y_o = Σ x_i / size² over the window,   dx_i += dy_o / size²
template <class T>
Variable<T> avg_pool2d(const Variable<T>& x, std::size_t size, const PoolOptions& options) {
  const Planes planes = planes_of("avg_pool2d", x, size, options);
  const T scale(1 / (double(size) * double(size)));
  auto y = empty<T>(planes.outputs(x.shape()));
  const T* in = x.value().data();
  planes.for_each_window([&](std::size_t o, auto entries) {
    T total(0);
    entries([&](std::size_t i) { total += in[i]; });
    y.data()[o] = total * scale;
  });
  return record<T>("avg_pool2d", std::move(y), {x}, [=](const Array<T>&, const Array<T>& dy) {
    auto dx = zeros<T>(x.shape());
    planes.for_each_window([&](std::size_t o, auto entries) {
      const T share = dy.data()[o] * scale;
      entries([&](std::size_t i) { dx.data()[i] += share; });
    });
    x.accumulate(std::move(dx));
  });
}

template <class T>
Variable<T> global_average_pool(const Variable<T>& x) {
  require_images("global_average_pool", x);
  return mean(x, {2, 3});
}

#define XGRAD_INSTANTIATE(T)                                                            \
  template Variable<T> max_pool2d(const Variable<T>&, std::size_t, const PoolOptions&); \
  template Variable<T> avg_pool2d(const Variable<T>&, std::size_t, const PoolOptions&); \
  template Variable<T> global_average_pool(const Variable<T>&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
