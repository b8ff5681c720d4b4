#include "xgrad/ops/convolution.hpp"

#include <algorithm>
#include <utility>

#include "xgrad/core/gemm.hpp"
#include "xgrad/core/scalars.hpp"
#include "xgrad/core/strided.hpp"
#include "xgrad/core/threads.hpp"
#include "xgrad/ops/channel_layout.hpp"
#include "xgrad/ops/sliding_windows.hpp"

namespace xgrad {

namespace {

using detail::SlidingWindows;

/// What is convolved: images of some channels, seen through windows down and across.
struct Geometry {
  std::size_t channels;
  SlidingWindows down, across;

  std::size_t pixels() const { return down.extent * across.extent; }
  std::size_t outputs() const { return down.count * across.count; }
  /// Entries of one window: rows of the matrix of columns.
  std::size_t window() const { return channels * down.size * across.size; }
  /// 1×1 windows, one on each pixel: the image is its own matrix of columns.
  bool pointwise() const { return window() == channels && outputs() == pixels() && down.padding == 0; }
};

/// The matrix of columns (window, rows·W') holds in column (r, s) the window of output (first + r, s). One of
/// its rows belongs to entry (c, i, j) of the window: it is channel c, shifted, with zeros where the shift
/// leaves the image. Seen as (rows, W'), its pixels are a rectangle of `down` runs of `across` numbers.
struct ShiftedChannel {
  std::size_t begin, corner, last, end;  ///< where row and rectangle begin, and where they end
  std::size_t pixel;                     ///< where in the image the rectangle begins
  std::size_t down, across;
};

template <class F>
void for_each_shifted_channel(const Geometry& g, std::size_t first, std::size_t rows, F f) {
  std::size_t begin = 0;
  const std::size_t size = rows * g.across.count;
  for (std::size_t c = 0; c < g.channels; ++c)
    for (std::size_t i = 0; i < g.down.size; ++i)
      for (std::size_t j = 0; j < g.across.size; ++j, begin += size) {
        const auto [above, below] = g.down.inside(i);
        const auto [left, right] = g.across.inside(j);
        const std::size_t top = std::max(above, first), bottom = std::min(below, first + rows);
        if (top >= bottom || left >= right) {  // padding alone
          f(ShiftedChannel{begin, begin, begin, begin + size, 0, 0, 0});
        } else {
          const std::size_t corner = begin + (top - first) * g.across.count + left, down = bottom - top,
                            across = right - left;
          f(ShiftedChannel{begin, corner, corner + (down - 1) * g.across.count + across, begin + size,
                           (c * g.down.extent + g.down.at(top, i)) * g.across.extent + g.across.at(left, j),
                           down, across});
        }
      }
}

/// Calls f(n, pixels, columns) for each run of n numbers: where it begins in the image, and in the matrix.
/// Runs that lie equally far apart in both are taken as one; then it goes over the padding between them.
template <class F>
void for_each_run(const Geometry& g, const ShiftedChannel& part, F f) {
  if (part.down == 0) return;
  const std::size_t wide = g.across.count, step = g.down.stride * g.across.extent;
  if (step == wide && g.across.stride == 1)
    return f((part.down - 1) * wide + part.across, part.pixel, part.corner);
  for (std::size_t r = 0; r < part.down; ++r) f(part.across, part.pixel + r * step, part.corner + r * wide);
}

/// Sets to 0 what is between the runs of a shifted channel: a few entries each, so column by column.
template <class T>
void clear_between(const Geometry& g, const ShiftedChannel& part, T* columns) {
  const std::size_t wide = g.across.count;
  T* corner = columns + part.corner;
  for (std::size_t s = part.across; s < wide; ++s)
    for (std::size_t r = 0; r + 1 < part.down; ++r) corner[r * wide + s] = T(0);
}

/// Fills the columns of output rows first … first+rows-1 from the image.
template <class T>
void image_to_columns(const Geometry& g, const T* image, std::size_t first, std::size_t rows, T* columns) {
  const std::size_t stride = g.across.stride;
  for_each_shifted_channel(g, first, rows, [&](const ShiftedChannel& part) {
    std::fill(columns + part.begin, columns + part.corner, T(0));
    for_each_run(g, part, [=](std::size_t n, std::size_t from, std::size_t to) {
      if (stride == 1)
        std::copy_n(image + from, n, columns + to);
      else
        for (std::size_t s = 0; s < n; ++s) columns[to + s] = image[from + s * stride];
    });
    clear_between(g, part, columns);
    std::fill(columns + part.last, columns + part.end, T(0));
  });
}

/// Adds the columns to the pixels that they came from. Their padding is overwritten.
template <class T>
void columns_to_image(const Geometry& g, T* columns, std::size_t first, std::size_t rows, T* image) {
  const std::size_t stride = g.across.stride;
  for_each_shifted_channel(g, first, rows, [&](const ShiftedChannel& part) {
    clear_between(g, part, columns);
    for_each_run(g, part, [=](std::size_t n, std::size_t to, std::size_t from) {
      if (stride == 1)
        for (std::size_t s = 0; s < n; ++s) image[to + s] += columns[from + s];
      else
        for (std::size_t s = 0; s < n; ++s) image[to + s * stride] += columns[from + s];
    });
  });
}

template <class T>
std::size_t rows_at_once(const Geometry& g) {
  constexpr std::size_t bytes = 512 << 10;
  if (g.pointwise()) return g.down.count;  // no columns are made
  const std::size_t row = std::max<std::size_t>(1, g.window() * g.across.count * sizeof(T));
  return std::min(g.down.count, std::max<std::size_t>(1, bytes / row));
}

/// Into how many parts the images are cut for several threads. Each has its own Σ dw, which must not take
/// more room than the images.
std::size_t parts_of_images(const Geometry& g, std::size_t images, std::size_t out) {
  constexpr std::size_t most = 8;
  const std::size_t weights = out * g.window(),
                    numbers = images * (g.channels * g.pixels() + out * g.outputs());
  const bool worth_it = double(images) * double(weights) * double(g.outputs()) >= 1 << 21;  // multiplications
  return worth_it && weights * most <= numbers ? std::min(images, most) : 1;
}

/// The images part by part, on several threads, in pieces whose columns stay in the processor's cache:
/// piece(part, n, first, rows, columns) for the outputs of rows first … first+rows-1 of image n, with room
/// for their columns.
template <class T, class F>
void for_each_piece(const Geometry& g, std::size_t parts, std::size_t images, F piece) {
  const std::size_t at_once = rows_at_once<T>(g);
  detail::for_parts(parts, images, [&](std::size_t part, std::size_t begin, std::size_t end) {
    auto columns = empty<T>({g.pointwise() ? 0 : g.window() * at_once * g.across.count});
    for (std::size_t n = begin; n < end; ++n)
      for (std::size_t first = 0; first < g.down.count; first += at_once)
        piece(part, n, first, std::min(at_once, g.down.count - first), columns.data());
  });
}

/// A sum for each part, of this shape.
template <class T>
Array<T> sums_of_parts(std::size_t parts, Shape shape) {
  shape.insert(shape.begin(), parts);
  return zeros<T>(shape);
}

/// How x's gradient sees dY: windows one entry apart have as mirror images windows over dY, one for each
/// pixel of x.
bool has_mirror(const Geometry& g) {
  const auto fits = [](const SlidingWindows& w) { return w.stride == 1 && w.padding < w.size; };
  return !g.pointwise() && fits(g.down) && fits(g.across);
}

Geometry mirrored(const Geometry& g, std::size_t out) {
  const auto along = [](const SlidingWindows& w) {
    return SlidingWindows{w.count, w.size, 1, w.size - 1 - w.padding, w.extent};
  };
  return {out, along(g.down), along(g.across)};
}

/// f(k, k') for each entry of w (O, C, kh, kw): its place there, and in w' (O, kh, kw, C), where
/// w'[o,i,j,c] = w[o,c,kh-1-i,kw-1-j].
template <class F>
void for_each_mirrored(const Shape& w, F f) {
  const std::size_t channels = w[1], window = w[2] * w[3];
  for (std::size_t o = 0; o < w[0]; ++o)
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t k = 0; k < window; ++k)
        f((o * channels + c) * window + k, ((o + 1) * window - 1 - k) * channels + c);
}

// dx and dw. With w' as a matrix (O·kh·kw, C) and the columns K' (O·kh·kw, H·W) of dY:
//   dX = w'ᵀ K',   dw' = Σ_n K' Xᵀ
template <class T>
std::pair<Array<T>, Array<T>> gradients_by_mirror(const Variable<T>& x, const Variable<T>& weight,
                                                  const Geometry& g, const Array<T>& dy) {
  const Geometry m = mirrored(g, weight.extent(0));
  const std::size_t in = g.channels, window = m.window(), pixels = g.pixels(), wide = m.across.count,
                    parts = parts_of_images(m, x.extent(0), in);
  auto w = empty<T>({window, in}), dw = empty<T>(weight.shape());
  for_each_mirrored(weight.shape(),
                    [&](std::size_t k, std::size_t mirror) { w.data()[mirror] = weight.value().data()[k]; });
  auto dx = empty<T>(x.shape()), sums = sums_of_parts<T>(parts, shape_of(w));
  for_each_piece<T>(m, parts, x.extent(0),
                    [&](std::size_t part, std::size_t n, std::size_t first, std::size_t rows, T* columns) {
                      const std::size_t size = rows * wide, begin = n * in * pixels + first * wide;
                      image_to_columns(m, dy.data() + n * m.channels * m.pixels(), first, rows, columns);
                      gemm<T>(Op::transposed, Op::none, in, size, window, T(1), w.data(), in, columns, size,
                              T(0), dx.data() + begin, pixels);
                      if (weight.requires_grad())
                        gemm<T>(Op::none, Op::transposed, window, in, size, T(1), columns, size,
                                x.value().data() + begin, pixels, T(1), sums.data() + part * w.size(), in);
                    });
  const Array<T> mirrored_dw = detail::sum_to(sums, shape_of(w));
  for_each_mirrored(weight.shape(),
                    [&](std::size_t k, std::size_t mirror) { dw.data()[k] = mirrored_dw.data()[mirror]; });
  return {std::move(dx), std::move(dw)};
}

template <class T>
Geometry geometry(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias,
                  const Conv2dOptions& options) {
  const auto both = [&] {
    return "x is " + to_string(x.shape()) + ", weight is " + to_string(weight.shape());
  };
  if (x.rank() != 4 || weight.rank() != 4)
    fail("conv2d", both(), ": x must be (N, C, H, W), the weight (O, C, kh, kw)");
  if (x.extent(1) != weight.extent(1))
    fail("conv2d", both(), ": the weight's second axis must equal x's channels");
  if (bias && bias.shape() != Shape{weight.extent(0)})
    fail("conv2d", both(), ", bias is ", to_string(bias.shape()), ": the bias must be ",
         to_string(Shape{weight.extent(0)}));
  const auto along = [&](std::ptrdiff_t axis) {
    return detail::sliding_windows("conv2d", x.extent(axis), weight.extent(axis), options.stride,
                                   options.padding);
  };
  return {x.extent(1), along(2), along(3)};
}

}  // namespace

// For each image, with its windows as the columns of K (C·kh·kw, H'·W') and w as a matrix (O, C·kh·kw):
//   Y = w K + b,   dw = Σ_n dY Kᵀ,   dK = wᵀ dY,   dx = dK added up where windows overlap,   db = Σ dY
// Windows one entry apart go back as a convolution does: gradients_by_mirror.
template <class T>
Variable<T> conv2d(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias,
                   const Conv2dOptions& options) {
  const Geometry g = geometry(x, weight, bias, options);
  const std::size_t images = x.extent(0), out = weight.extent(0), in = g.window(), wide = g.across.count,
                    pixels = g.channels * g.pixels(), parts = parts_of_images(g, images, out);
  // The columns of one piece: in `columns`, or the image itself.
  const auto columns_of = [=](std::size_t n, std::size_t first, std::size_t rows, T* columns) {
    const T* image = x.value().data() + n * pixels;
    if (g.pointwise()) return image;
    image_to_columns(g, image, first, rows, columns);
    return static_cast<const T*>(columns);
  };

  auto y = empty<T>({images, out, g.down.count, wide});
  for (std::size_t i = 0; bias && i < images * out; ++i)
    std::fill_n(y.data() + i * g.outputs(), g.outputs(), bias.value().data()[i % out]);
  for_each_piece<T>(
      g, parts, images, [&](std::size_t, std::size_t n, std::size_t first, std::size_t rows, T* columns) {
        const T* k = columns_of(n, first, rows, columns);
        gemm<T>(Op::none, Op::none, out, rows * wide, in, T(1), weight.value().data(), in, k, rows * wide,
                bias ? T(1) : T(0), y.data() + n * out * g.outputs() + first * wide, g.outputs());
      });

  VariableList<T> inputs{x, weight};
  if (bias) inputs.push_back(bias);
  return record<T>("conv2d", std::move(y), std::move(inputs), [=](const Array<T>&, const Array<T>& dy) {
    if (bias.requires_grad()) bias.accumulate(detail::sum_of_channels({images, out, g.outputs()}, dy));
    if (x.requires_grad() && has_mirror(g)) {
      auto [dx, dw] = gradients_by_mirror(x, weight, g, dy);
      x.accumulate(std::move(dx));
      return weight.accumulate(std::move(dw));
    }
    auto dw = sums_of_parts<T>(parts, weight.shape());
    auto dx = x.requires_grad() ? zeros<T>(x.shape()) : Array<T>();
    const auto piece = [&](std::size_t part, std::size_t n, std::size_t first, std::size_t rows, T* columns) {
      const T* d = dy.data() + n * out * g.outputs() + first * wide;
      if (weight.requires_grad())
        gemm<T>(Op::none, Op::transposed, out, in, rows * wide, T(1), d, g.outputs(),
                columns_of(n, first, rows, columns), rows * wide, T(1), dw.data() + part * weight.size(), in);
      if (!x.requires_grad()) return;
      T* image = dx.data() + n * pixels;
      T* dk = g.pointwise() ? image : columns;
      gemm<T>(Op::transposed, Op::none, in, rows * wide, out, T(1), weight.value().data(), in, d, g.outputs(),
              T(0), dk, rows * wide);
      if (!g.pointwise()) columns_to_image(g, dk, first, rows, image);
    };
    for_each_piece<T>(g, parts, images, piece);
    if (x.requires_grad()) x.accumulate(std::move(dx));
    weight.accumulate(std::move(dw));
  });
}

#define XGRAD_INSTANTIATE(T)                                                              \
  template Variable<T> conv2d(const Variable<T>&, const Variable<T>&, const Variable<T>&, \
                              const Conv2dOptions&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
