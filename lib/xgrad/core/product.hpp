#pragma once
// The matrix product C = α op(A) op(B) + β C for the sizes of this library's models, up to about a thousand
// rows and columns. A tile of C stays in vector registers while l runs through the sum Σ_l a_il b_lj: each
// step loads two vectors from row l of B and multiplies them by one number of each of the tile's rows of A.
// Parts of A and B whose rows lie far apart in memory are copied together first.
// (The scheme of Goto & van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34(3),
// 2008.)

#include <algorithm>
#include <cstddef>
#include <utility>

#include "xgrad/core/memory.hpp"
#include "xgrad/core/vector.hpp"
#include "xgrad/core/vector_math.hpp"
#include "xgrad/core/xtensor.hpp"

namespace xgrad::detail {

// How many rows a tile can have before the registers run out.
constexpr std::size_t tile_rows = vector_bytes == 64 ? 8 : 6;
constexpr std::size_t block_depth = 256,
                      block_rows = 1024;  // what of A and B the caches should hold at a time

/// Numbers so far apart lie on different pages, and get in each other's way in the first cache.
template <class T>
constexpr std::ptrdiff_t far = 4096 / sizeof(T);

/// op(A) or op(B): entry (i, j) is data[i·down + j·right].
template <class T>
struct Matrix {
  const T* data;
  std::ptrdiff_t down, right;
  const T* at(std::size_t i, std::size_t j) const {
    return data + static_cast<std::ptrdiff_t>(i) * down + static_cast<std::ptrdiff_t>(j) * right;
  }
  Matrix from(std::size_t i, std::size_t j) const { return {at(i, j), down, right}; }
};

/// A row-major matrix that is read or written, ld from row to row. Where rows of the start C₀ are 0 apart,
/// one row stands for all: a bias.
template <class P>
struct Rows {
  P data;
  std::size_t ld;
  Rows from(std::size_t i, std::size_t j) const { return {data + i * ld + j, ld}; }
};

/// R rows and V vectors' width of C = α A B + β C₀.
template <std::size_t V, std::size_t R, class T>
XGRAD_INLINE void tile(std::size_t k, T alpha, Matrix<T> a, Rows<const T*> b, T beta, Rows<const T*> c0,
                       Rows<T*> c) {
  XGRAD_UNROLL
  for (std::size_t i = 0; i < R; ++i) {  // C is on its way to the cache while the sums are computed
    for (std::size_t j = 0; j < V; ++j) __builtin_prefetch(c.data + i * c.ld + j * lanes<T>, 1);
  }
  Vector<T> sum[R][V] = {};
  for (std::size_t l = 0; l < k; ++l, a.data += a.right, b.data += b.ld) {
    Vector<T> b_l[V];
    for (std::size_t j = 0; j < V; ++j) b_l[j] = load(b.data + j * lanes<T>);
    XGRAD_UNROLL
    for (std::size_t i = 0; i < R; ++i) {
      const T a_il = *a.at(i, 0);
      for (std::size_t j = 0; j < V; ++j) sum[i][j] += a_il * b_l[j];
    }
  }
  XGRAD_UNROLL
  for (std::size_t i = 0; i < R; ++i) {
    for (std::size_t j = 0; j < V; ++j) {
      Vector<T> c_i = sum[i][j];
      const std::size_t at = j * lanes<T>;
      if (alpha != T(1)) c_i *= alpha;
      if (beta != T(0)) c_i += beta * load(c0.data + i * c0.ld + at);
      store(c_i, c.data + i * c.ld + at);
    }
  }
}

/// The tile of `rows` ≤ R rows: only when the compiler knows their number does it keep them in registers.
template <std::size_t V, std::size_t R = tile_rows, class T>
XGRAD_INLINE void tile_of(std::size_t rows, std::size_t k, T alpha, Matrix<T> a, Rows<const T*> b, T beta,
                          Rows<const T*> c0, Rows<T*> c) {
  if constexpr (R > 1) {
    if (rows < R) return tile_of<V, R - 1>(rows, k, alpha, a, b, beta, c0, c);
  }
  tile<V, R>(k, alpha, a, b, beta, c0, c);
}

/// a₀ b₀ a₁ b₁ … of the first (half = 0) or the second halves of a and b, in each `group` of their numbers;
/// a₀, b₀, … are `unit` numbers each.
template <std::size_t half, std::size_t unit, std::size_t group, class V, std::size_t... I>
XGRAD_INLINE V interleaved(V a, V b, std::index_sequence<I...>) {
  constexpr std::size_t n = sizeof...(I);
  const auto source = [](std::size_t i) constexpr {
    const std::size_t in_group = i % group, pair = in_group / (2 * unit), of_b = in_group / unit % 2;
    return i / group * group + half * group / 2 + pair * unit + in_group % unit + of_b * n;
  };
  return __builtin_shufflevector(a, b, source(I)...);
}

/// Interleaves row i of n with row i + n/2, for all i: one bit of the row number becomes one of the column's.
template <std::size_t unit, std::size_t group, std::size_t n, class V>
XGRAD_INLINE void interleave_rows(V (&x)[n]) {
  constexpr auto all = std::make_index_sequence<n>();
  V y[n];
  XGRAD_UNROLL
  for (std::size_t i = 0; i < n / 2; ++i) {
    y[2 * i] = interleaved<0, unit, group>(x[i], x[i + n / 2], all);
    y[2 * i + 1] = interleaved<1, unit, group>(x[i], x[i + n / 2], all);
  }
  std::copy_n(y, n, x);
}

/// A square of `lanes` rows, transposed: first within stretches of 16 bytes, which is fast, then these.
template <class T>
void transpose_square(const T* from, std::size_t ld_from, T* to, std::size_t ld_to) {
  constexpr std::size_t n = lanes<T>, stretch = 16 / sizeof(T);
  const auto row = [](std::size_t i) { return i % (n / stretch) * stretch + i / (n / stretch); };
  Vector<T> x[n];
  XGRAD_UNROLL
  for (std::size_t i = 0; i < n; ++i) x[i] = load(from + row(i) * ld_from);
  XGRAD_UNROLL
  for (std::size_t bit = 1; bit < stretch; bit *= 2) interleave_rows<1, stretch>(x);
  XGRAD_UNROLL
  for (std::size_t bit = stretch; bit < n; bit *= 2) interleave_rows<stretch, n>(x);
  XGRAD_UNROLL
  for (std::size_t i = 0; i < n; ++i) store(x[i], to + row(i) * ld_to);
}

/// k rows and `width` columns of b as contiguous rows of length ld, filled up with zeros.
template <class T>
void pack(std::size_t k, std::size_t width, Matrix<T> b, T* panel, std::size_t ld) {
  constexpr std::size_t n = lanes<T>;
  for (std::size_t j = 0; j < ld; j += n) {
    std::size_t l = 0;
    if (b.right == 1 && j + n <= width) {
      for (; l < k; ++l) store(load(b.at(l, j)), panel + l * ld + j);
    } else if (b.down == 1 && j + n <= width) {
      for (; l + n <= k; l += n)
        transpose_square(b.at(l, j), static_cast<std::size_t>(b.right), panel + l * ld + j, ld);
    }
    for (; l < k; ++l)
      for (std::size_t i = j; i < j + n; ++i) panel[l * ld + i] = i < width ? *b.at(l, i) : T(0);
  }
}

/// Rows of A, tile after tile: where they are, or copied.
template <class T>
struct Tiles {
  Matrix<T> first;
  std::ptrdiff_t next;  // from a tile to the one below
  Matrix<T> operator[](std::size_t i) const {
    return {first.data + static_cast<std::ptrdiff_t>(i) * next, first.down, first.right};
  }
};

/// Copies m rows and k columns of a transposed matrix (a.down = 1) so that each column of a tile follows the
/// last. Two tiles at a time: their columns are one stretch of memory, a cache line.
template <class T>
Tiles<T> pack_tiles(std::size_t m, std::size_t k, Matrix<T> a, T* to) {
  const std::size_t size = k * tile_rows;
  for (std::size_t i = 0; i < m; i += 2 * tile_rows) {
    T* upper = to + i * k;
    const std::size_t rows = std::min(tile_rows, m - i), more = std::min(tile_rows, m - i - rows);
    for (std::size_t l = 0; l < k; ++l, upper += tile_rows) {
      const T* column = a.at(i, l);
      std::copy_n(column, rows == tile_rows ? tile_rows : rows, upper);
      std::copy_n(column + rows, more == tile_rows ? tile_rows : more, upper + size);
    }
  }
  return {{to, 1, tile_rows}, static_cast<std::ptrdiff_t>(size)};
}

/// m rows and up to V vectors' width of C.
template <std::size_t V, class T>
void panel_product(std::size_t m, std::size_t width, std::size_t k, T alpha, Tiles<T> a, Matrix<T> b, T beta,
                   Rows<const T*> c0, Rows<T*> c) {
  constexpr std::size_t full = V * lanes<T>;
  T packed[block_depth * full];
  const bool scattered = b.down >= far<T> && m >= 8 * tile_rows;  // a copy will be read often enough to pay
  const bool direct = b.right == 1 && width == full && !scattered;
  if (!direct) pack(k, width, b, packed, full);
  const auto b_rows =
      direct ? Rows<const T*>{b.data, static_cast<std::size_t>(b.down)} : Rows<const T*>{packed, full};
  for (std::size_t i = 0; i < m; i += tile_rows) {
    const std::size_t rows = std::min(tile_rows, m - i);
    const auto a_rows = a[i / tile_rows];
    const auto from = c0.from(i, 0);
    const auto to = c.from(i, 0);
    if (width == full) {
      tile_of<V>(rows, k, alpha, a_rows, b_rows, beta, from, to);
      continue;
    }
    T ab[tile_rows * full];
    tile_of<V, tile_rows, T>(rows, k, alpha, a_rows, b_rows, T(0), from, {ab, full});
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t j = 0; j < width; ++j)
        to.data[r * to.ld + j] =
            beta == T(0) ? ab[r * full + j] : ab[r * full + j] + beta * from.data[r * from.ld + j];
  }
}

/// C = α A B + β C₀: A is m×k, B k×n. β = 0 does not read C₀. C₀ may be C.
template <class T>
void product(std::size_t m, std::size_t n, std::size_t k, T alpha, Matrix<T> a, Matrix<T> b, T beta,
             Rows<const T*> c0, Rows<T*> c) {
  constexpr std::size_t narrow = lanes<T>, wide = 2 * narrow;
  const bool scattered = a.down == 1 && a.right >= far<T> && n >= 4 * wide;
  const std::size_t most_rows = scattered ? block_rows / 2 : block_rows;  // copies must stay in the cache
  const std::size_t room = (std::min(most_rows, m) + tile_rows) * std::min(block_depth, k);
  xt::uvector<T, RecyclingAllocator<T>> packed(scattered ? room : 0);
  for (std::size_t l = 0; l < k; l += block_depth) {
    const std::size_t depth = std::min(block_depth, k - l);
    for (std::size_t i = 0; i < m; i += most_rows) {
      const std::size_t rows = std::min(most_rows, m - i);
      const auto a_block = a.from(i, l);
      const auto tiles = scattered ? pack_tiles(rows, depth, a_block, packed.data())
                                   : Tiles<T>{a_block, static_cast<std::ptrdiff_t>(tile_rows) * a.down};
      for (std::size_t j = 0; j < n; j += wide) {
        const std::size_t width = std::min(wide, n - j);
        const auto panel = width > narrow ? panel_product<2, T> : panel_product<1, T>;
        panel(rows, width, depth, alpha, tiles, b.from(l, j), beta, c0.from(i, j), c.from(i, j));
      }
    }
    beta = T(1);  // what follows adds to the first part
    c0 = {c.data, c.ld};
  }
}

}  // namespace xgrad::detail
