#pragma once
// Floating-point numbers by their bits: powers of two, sizes and signs, of one number or of each lane of a
// vector.

#include <cstdint>
#include <cstring>
#include <type_traits>
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#include "xgrad/core/vector.hpp"

namespace xgrad::fast::detail {

using xgrad::detail::Scalar;
using xgrad::detail::Vector;

/// How T is stored. Adding `rounder` to a number that is not too large rounds it to an integer n, and leaves
/// n + bias in the last bits of the sum.
template <class T>
struct Bits;
template <>
struct Bits<float> {
  using Word = std::uint32_t;
  static constexpr int mantissa = 23;
  static constexpr Word bias = 127, sign = Word(1) << 31;
  static constexpr float rounder = 0x1.8p23f + bias;
};
template <>
struct Bits<double> {
  using Word = std::uint64_t;
  static constexpr int mantissa = 52;
  static constexpr Word bias = 1023, sign = Word(1) << 63;
  static constexpr double rounder = 0x1.8p52 + bias;
};

template <class T>
constexpr bool has_bits = std::is_floating_point_v<Scalar<T>>;  // another scalar has none

/// The unsigned integers of T's width, as many as T has lanes.
template <class T>
struct WordsOf {
  using Type = typename Bits<T>::Word;
};
template <>
struct WordsOf<Vector<float>> {
  using Type = Vector<Bits<float>::Word>;
};
template <>
struct WordsOf<Vector<double>> {
  using Type = Vector<Bits<double>::Word>;
};
template <class T>
using Words = typename WordsOf<T>::Type;

template <class To, class From>
XGRAD_INLINE To bit_cast(From x) {
  static_assert(sizeof(To) == sizeof(From));
  To y;
  std::memcpy(&y, &x, sizeof y);
  return y;
}

/// The integer n nearest to a number, as n + `rounder`.
template <class T>
struct Rounded {
  T shifted;
  XGRAD_INLINE T number() const { return shifted - Bits<Scalar<T>>::rounder; }
  XGRAD_INLINE Words<T> biased() const { return bit_cast<Words<T>>(shifted); }
};

/// 2ⁿ where that is a normal number.
template <class T>
XGRAD_INLINE T power_of_two(Rounded<T> n) {
  return bit_cast<T>(n.biased() << Bits<Scalar<T>>::mantissa);
}

// Each of these is one instruction on processors with AVX-512, and the same to the last bit. NaN stays NaN.
namespace portable {
template <class T>
XGRAD_INLINE T at_most(Scalar<T> most, T x) {
  return x > most ? most : x;
}
template <class T>
XGRAD_INLINE T at_least(Scalar<T> least, T x) {
  return x < least ? least : x;
}
/// x 2ⁿ, in two steps, so that denormal results are reached.
template <class T>
XGRAD_INLINE T scaled(T x, Rounded<T> n) {
  using B = Bits<Scalar<T>>;
  const auto twice_biased = n.biased() + B::bias, half = twice_biased >> 1;
  return x * bit_cast<T>(half << B::mantissa) * bit_cast<T>((twice_biased - half) << B::mantissa);
}
}  // namespace portable

using portable::at_least, portable::at_most, portable::scaled;
#ifdef __AVX512F__
constexpr __mmask16 every = 0xffff;  // lane; without a mask, gcc 12 warns about its own header
XGRAD_INLINE Vector<float> at_most(float most, Vector<float> x) {
  return _mm512_maskz_min_ps(every, _mm512_set1_ps(most), x);
}
XGRAD_INLINE Vector<double> at_most(double most, Vector<double> x) {
  return _mm512_maskz_min_pd(every & 0xff, _mm512_set1_pd(most), x);
}
XGRAD_INLINE Vector<float> at_least(float least, Vector<float> x) {
  return _mm512_maskz_max_ps(every, _mm512_set1_ps(least), x);
}
XGRAD_INLINE Vector<double> at_least(double least, Vector<double> x) {
  return _mm512_maskz_max_pd(every & 0xff, _mm512_set1_pd(least), x);
}
XGRAD_INLINE Vector<float> scaled(Vector<float> x, Rounded<Vector<float>> n) {
  return _mm512_maskz_scalef_ps(every, x, n.number());
}
XGRAD_INLINE Vector<double> scaled(Vector<double> x, Rounded<Vector<double>> n) {
  return _mm512_maskz_scalef_pd(every & 0xff, x, n.number());
}
#endif

/// |x|.
template <class T>
XGRAD_INLINE T magnitude(T x) {
  if constexpr (has_bits<T>)
    return bit_cast<T>(bit_cast<Words<T>>(x) & ~Bits<Scalar<T>>::sign);
  else
    return x < T(0) ? -x : x;
}

/// y ≥ 0 with the sign of x.
template <class T>
XGRAD_INLINE T with_sign_of(T x, T y) {
  return bit_cast<T>(bit_cast<Words<T>>(y) | (bit_cast<Words<T>>(x) & Bits<Scalar<T>>::sign));
}

}  // namespace xgrad::fast::detail
