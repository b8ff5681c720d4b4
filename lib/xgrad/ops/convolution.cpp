#include "xgrad/ops/convolution.hpp"

#include "xgrad/core/gemm.hpp"
#include "xgrad/core/rows.hpp"
#include "xgrad/core/scalars.hpp"
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

/// The matrix of columns (window, rows·W') holds in column (r, s) the window of output (first + r, s). This
/// calls run(at, image, begin, end) for each piece of W' entries that starts at `at` in the matrix: entries
/// begin … end-1 of it lie in the image, from `image` on and a stride apart; the others are padding.
template <class F>
void for_each_run(const Geometry& g, std::size_t first, std::size_t rows, F run) {
  std::size_t at = 0;
  for (std::size_t c = 0; c < g.channels; ++c)
    for (std::size_t i = 0; i < g.down.size; ++i) {
      const auto [top, bottom] = g.down.inside(i);
      for (std::size_t j = 0; j < g.across.size; ++j) {
        const auto [begin, end] = g.across.inside(j);
        for (std::size_t r = first; r < first + rows; ++r, at += g.across.count) {
          if (r < top || r >= bottom || begin >= end)
            run(at, std::size_t(0), std::size_t(0), std::size_t(0));
          else
            run(at, (c * g.down.extent + g.down.at(r, i)) * g.across.extent + g.across.at(begin, j), begin,
                end);
        }
      }
    }
}

/// Fills the columns of output rows first … first+rows-1 from the image.
template <class T>
void image_to_columns(const Geometry& g, const T* image, std::size_t first, std::size_t rows, T* columns) {
  const std::size_t stride = g.across.stride;
  for_each_run(g, first, rows, [=](std::size_t at, std::size_t from, std::size_t begin, std::size_t end) {
    T* out = columns + at;
    std::fill(out, out + begin, T(0));
    if (stride == 1)
      std::copy_n(image + from, end - begin, out + begin);
    else
      for (std::size_t s = begin; s < end; ++s) out[s] = image[from + (s - begin) * stride];
    std::fill(out + end, out + g.across.count, T(0));
  });
}

/// Adds the columns to the pixels that they came from.
template <class T>
void columns_to_image(const Geometry& g, const T* columns, std::size_t first, std::size_t rows, T* image) {
  const std::size_t stride = g.across.stride;
  for_each_run(g, first, rows, [=](std::size_t at, std::size_t from, std::size_t begin, std::size_t end) {
    const T* in = columns + at + begin;
    T* out = image + from;
    if (stride == 1)
      for (std::size_t s = 0; s < end - begin; ++s) out[s] += in[s];
    else
      for (std::size_t s = 0; s < end - begin; ++s) out[s * stride] += in[s];
  });
}

/// The work in pieces whose columns stay in the processor's cache: piece(n, first, rows) for the outputs of
/// rows first … first+rows-1 of image n.
template <class F>
void for_each_piece(const Geometry& g, std::size_t images, std::size_t rows_at_once, F piece) {
  for (std::size_t n = 0; n < images; ++n)
    for (std::size_t first = 0; first < g.down.count; first += rows_at_once)
      piece(n, first, std::min(rows_at_once, g.down.count - first));
}

template <class T>
std::size_t rows_at_once(const Geometry& g) {
  constexpr std::size_t bytes = 512 << 10;
  if (g.pointwise()) return g.down.count;  // no columns are made
  const std::size_t row = std::max<std::size_t>(1, g.window() * g.across.count * sizeof(T));
  return std::min(g.down.count, std::max<std::size_t>(1, bytes / row));
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
template <class T>
Variable<T> conv2d(const Variable<T>& x, const Variable<T>& weight, const Variable<T>& bias,
                   const Conv2dOptions& options) {
  const Geometry g = geometry(x, weight, bias, options);
  const std::size_t images = x.extent(0), out = weight.extent(0), in = g.window(), wide = g.across.count,
                    pixels = g.channels * g.pixels(), at_once = rows_at_once<T>(g);
  // The columns of one piece: in `columns`, or the image itself.
  const auto columns_of = [=](std::size_t n, std::size_t first, std::size_t rows, Array<T>& columns) {
    const T* image = x.value().data() + n * pixels;
    if (g.pointwise()) return image;
    image_to_columns(g, image, first, rows, columns.data());
    return static_cast<const T*>(columns.data());
  };
  const Shape buffer{g.pointwise() ? 0 : in * at_once * wide};

  auto y = empty<T>({images, out, g.down.count, wide});
  for (std::size_t i = 0; bias && i < images * out; ++i)
    std::fill_n(y.data() + i * g.outputs(), g.outputs(), bias.value().data()[i % out]);
  auto columns = empty<T>(buffer);
  for_each_piece(g, images, at_once, [&](std::size_t n, std::size_t first, std::size_t rows) {
    const T* k = columns_of(n, first, rows, columns);
    gemm<T>(Op::none, Op::none, out, rows * wide, in, T(1), weight.value().data(), in, k, rows * wide,
            bias ? T(1) : T(0), y.data() + n * out * g.outputs() + first * wide, g.outputs());
  });

  VariableList<T> inputs{x, weight};
  if (bias) inputs.push_back(bias);
  return record<T>("conv2d", std::move(y), std::move(inputs), [=](const Array<T>&, const Array<T>& dy) {
    auto dw = zeros<T>(weight.shape()), columns = empty<T>(buffer);
    auto dx = x.requires_grad() ? zeros<T>(x.shape()) : Array<T>();
    for_each_piece(g, images, at_once, [&](std::size_t n, std::size_t first, std::size_t rows) {
      const T* d = dy.data() + n * out * g.outputs() + first * wide;
      if (weight.requires_grad())
        gemm<T>(Op::none, Op::transposed, out, in, rows * wide, T(1), d, g.outputs(),
                columns_of(n, first, rows, columns), rows * wide, T(1), dw.data(), in);
      if (!x.requires_grad()) return;
      T* image = dx.data() + n * pixels;
      T* dk = g.pointwise() ? image : columns.data();
      gemm<T>(Op::transposed, Op::none, in, rows * wide, out, T(1), weight.value().data(), in, d, g.outputs(),
              T(0), dk, rows * wide);
      if (!g.pointwise()) columns_to_image(g, dk, first, rows, image);
    });
    if (x.requires_grad()) x.accumulate(std::move(dx));
    weight.accumulate(std::move(dw));
    if (!bias.requires_grad()) return;
    auto db = zeros<T>({out});
    for (std::size_t i = 0; i < images * out; ++i) {
      const T* d = dy.data() + i * g.outputs();
      db.data()[i % out] += detail::sum_of<T>(g.outputs(), [=](std::size_t k) { return d[k]; });
    }
    bias.accumulate(std::move(db));
  });
}

#define XGRAD_INSTANTIATE(T)                                                              \
  template Variable<T> conv2d(const Variable<T>&, const Variable<T>&, const Variable<T>&, \
                              const Conv2dOptions&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
