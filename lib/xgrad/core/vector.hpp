#pragma once
// Numbers side by side: gcc's and clang's vector types, as wide as this processor's registers. + - * / < and
// ?: act on each lane, and a number beside a vector stands for one in every lane; so a function template of a
// scalar T is mostly one of Vector<T> too.

#include <cstddef>
#include <cstring>
#include <utility>

// A call left in a loop keeps the loop from becoming vector instructions.
#define XGRAD_INLINE [[gnu::always_inline]] inline

namespace xgrad::detail {

// The width of this processor's vectors.
#if defined(__AVX512F__)
constexpr std::size_t vector_bytes = 64;
#elif defined(__AVX__)
constexpr std::size_t vector_bytes = 32;
#else
constexpr std::size_t vector_bytes = 16;
#endif

/// So many numbers that one instruction adds or multiplies them all.
template <class T>
struct VectorOf {
  typedef T Type __attribute__((vector_size(vector_bytes)));
};
template <class T>
using Vector = typename VectorOf<T>::Type;
template <class T>
constexpr std::size_t lanes = vector_bytes / sizeof(T);

/// The number of which T is a vector, or T itself.
template <class T>
struct ScalarOf {
  using Type = T;
};
template <>
struct ScalarOf<Vector<float>> {
  using Type = float;
};
template <>
struct ScalarOf<Vector<double>> {
  using Type = double;
};
template <class T>
using Scalar = typename ScalarOf<T>::Type;

template <class T>
XGRAD_INLINE Vector<T> load(const T* p) {
  Vector<T> v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
template <class T>
XGRAD_INLINE void store(Vector<T> v, T* p) {
  std::memcpy(p, &v, sizeof v);
}

/// The end of a row: n < lanes numbers, and 0 in the lanes beyond. Both loops become masked instructions
/// where there are such.
template <class T>
XGRAD_INLINE Vector<T> load_first(std::size_t n, const T* p) {
  T part[lanes<T>];
  const int end = static_cast<int>(n);
  for (int k = 0; k < static_cast<int>(lanes<T>); ++k) part[k] = k < end ? p[k] : T(0);
  return load(part);
}
template <class T>
XGRAD_INLINE void store_first(std::size_t n, Vector<T> v, T* p) {
  T part[lanes<T>];
  store(v, part);
  const int end = static_cast<int>(n);
  for (int k = 0; k < static_cast<int>(lanes<T>); ++k)
    if (k < end) p[k] = part[k];
}

template <std::size_t n, class V, std::size_t... I>
XGRAD_INLINE V rotated(V v, std::index_sequence<I...>) {
  return __builtin_shufflevector(v, v, ((I + n) % sizeof...(I))...);
}

/// All lanes made one by f of two: halves with halves.
template <class T, std::size_t half = lanes<T> / 2, class F>
XGRAD_INLINE T fold_lanes(Vector<T> v, F f) {
  if constexpr (half == 0)
    return v[0];
  else
    return fold_lanes<T, half / 2>(f(v, rotated<half>(v, std::make_index_sequence<lanes<T>>())), f);
}

template <class T>
XGRAD_INLINE T sum_of_lanes(Vector<T> v) {
  return fold_lanes<T>(v, [](Vector<T> a, Vector<T> b) { return a + b; });
}

}  // namespace xgrad::detail
