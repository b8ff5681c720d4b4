#pragma once
// exp, log, tanh, … of one number without branches or calls, so that the compiler turns a loop over them into
// vector instructions: 10 to 30 times the speed of std::exp and its kin. For float and double; any other
// scalar gets its own function by argument-dependent lookup. Errors are a few units in the last place
// (bounds: tests/vector_math_test.cpp).

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

// A call left in a loop keeps the loop from becoming vector instructions.
#define XGRAD_INLINE [[gnu::always_inline]] inline
// A short loop with a fixed count must be unrolled whole before the loop around it can become vector
// instructions.
#ifdef __clang__
#define XGRAD_UNROLL _Pragma("unroll")
#else
#define XGRAD_UNROLL _Pragma("GCC unroll 32")
#endif

// The arrays of the loop that follows do not overlap.
#define XGRAD_INDEPENDENT _Pragma("omp simd")

namespace xgrad::fast {

namespace detail {

template <class T>
struct Bits;  // how T is stored
template <>
struct Bits<float> {
  using Integer = std::int32_t;
  using Unsigned = std::uint32_t;
  static constexpr int mantissa = 23;
  static constexpr Integer bias = 127;
  static constexpr int terms = 7;  // Taylor terms of eʳ, |r| ≤ ½ ln 2, that rounding leaves visible
  static constexpr float rounder = 0x1.8p23f;  // adding it rounds to an integer
  static constexpr float ln2_high = 0x1.62ep-1f,
                         ln2_low = 0x1.0bfbe8p-15f;    // n·high is exact, the sum is ln 2
  static constexpr float lowest = -110, highest = 90;  // e to these is 0 and infinite
};
template <>
struct Bits<double> {
  using Integer = std::int64_t;
  using Unsigned = std::uint64_t;
  static constexpr int mantissa = 52;
  static constexpr Integer bias = 1023;
  static constexpr int terms = 13;
  static constexpr double rounder = 0x1.8p52;
  static constexpr double ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45;
  static constexpr double lowest = -760, highest = 720;
};

template <class To, class From>
XGRAD_INLINE To bit_cast(From x) {
  static_assert(sizeof(To) == sizeof(From));
  To y;
  std::memcpy(&y, &x, sizeof y);
  return y;
}

/// 2ⁿ for integers n within the exponent range.
template <class T>
XGRAD_INLINE T power_of_two(typename Bits<T>::Integer n) {
  return bit_cast<T>(static_cast<typename Bits<T>::Unsigned>(n + Bits<T>::bias) << Bits<T>::mantissa);
}

/// x = n ln 2 + r with |r| ≤ ½ ln 2.
template <class T>
struct Reduced {
  typename Bits<T>::Integer n;
  T r;
};
template <class T>
XGRAD_INLINE Reduced<T> reduce(T x) {
  using B = Bits<T>;
  const T shifted = x * T(1.4426950408889634) + B::rounder;
  const T n = shifted - B::rounder;
  return {static_cast<typename B::Integer>(bit_cast<typename B::Integer>(shifted) -
                                           bit_cast<typename B::Integer>(B::rounder)),
          (x - n * B::ln2_high) - n * B::ln2_low};
}

/// (eʳ - 1)/r = Σ rᵏ/(k+1)!, by Horner's rule.
template <class T>
XGRAD_INLINE T exp_series(T r) {
  T sum(0);
  T factor = 1;
  for (int k = 2; k <= Bits<T>::terms; ++k) factor *= T(k);
  XGRAD_UNROLL
  for (int k = Bits<T>::terms; k >= 1; --k) {
    sum = sum * r + T(1) / factor;  // constants, folded by the compiler
    factor /= T(k);
  }
  return sum;
}

}  // namespace detail

/// eˣ.
template <class T>
XGRAD_INLINE T exp(T x) {
  using B = detail::Bits<T>;
  x = x > B::highest ? B::highest : x;
  x = x < B::lowest ? B::lowest : x;
  const auto [n, r] = detail::reduce(x);
  const auto half = n / 2;  // in two steps, so that denormal results are reached
  return (T(1) + r * detail::exp_series(r)) * detail::power_of_two<T>(half) *
         detail::power_of_two<T>(n - half);
}

/// tanh x = q/(q + 2) with q = e²ˣ - 1: no cancellation where x is small.
template <class T>
XGRAD_INLINE T tanh(T x) {
  T twice = T(2) * (x < T(0) ? -x : x);
  twice = twice > T(45) ? T(45) : twice;  // beyond, tanh is 1 to the last bit
  const auto [n, r] = detail::reduce(twice);
  const T scale = detail::power_of_two<T>(n);
  const T q = scale * (r * detail::exp_series(r)) + (scale - T(1));
  const T y = q / (q + T(2));
  return x < T(0) ? -y : y;
}

/// ln(1 + x) for 0 ≤ x ≤ 1: 2 artanh s = 2(s + s³/3 + s⁵/5 + …) with s = x/(2 + x) ≤ ⅓.
template <class T>
XGRAD_INLINE T log1p_unit(T x) {
  if constexpr (std::is_floating_point_v<T>) {
    constexpr int terms = detail::Bits<T>::terms + 3;
    const T s = x / (T(2) + x), s2 = s * s;
    T sum(0);
    XGRAD_UNROLL
    for (int k = terms; k >= 0; --k) sum = sum * s2 + T(1) / T(2 * k + 1);
    return T(2) * s * sum;
  } else {
    return log1p(x);
  }
}

namespace detail {
// erfc(x) = t exp(-x² + P(2t - 1)) with t = 2/(2 + x), x ≥ 0. P is the Chebyshev fit of that degree, computed
// for this library with 50 digits; its largest error is below 2⁻²³ and 2⁻⁵¹. Highest power first.
template <class T>
struct ErfcFit;
template <>
struct ErfcFit<float> {
  static constexpr float p[] = {1.5401817284e-5f,   -8.7050988332e-5f, -3.825410526e-5f, 0.00057312549895f,
                                -0.00017580547233f, -0.0022881236567f, 0.0017670032526f, 0.0088085443233f,
                                -0.0098736624684f,  -0.046893590305f,  0.047343341093f,  0.67264315226f,
                                -0.67179408406f};
};
template <>
struct ErfcFit<double> {
  static constexpr double p[] = {
      -1.3791307091711106879e-8,  2.9923273057707580488e-8,    8.3546942387408552079e-8,
      -2.9024439955999925522e-7,  -5.7457241119140761554e-8,   1.2851059663435587025e-6,
      -1.3853380961247153543e-6,  -2.9659329859106318791e-6,   8.6394853667440385893e-6,
      1.4209509994658064932e-7,   -0.000030223285604111394294, 0.000031745644525872318033,
      0.000071411974209959156286, -0.00017430363340430626847,  -0.000093737248441360984231,
      0.00067367901255959535746,  -0.00014624658593819773428,  -0.0023458125344558510182,
      0.0017589335383343835077,   0.0088249385597544507672,    -0.0098726893657543291641,
      -0.046895610231268430657,   0.047343306841898186956,     0.67264322397765763669,
      -0.67179408405669226505};
};
}  // namespace detail

/// The normal distribution function Φ(x) = ½ erfc(-x/√2), accurate in both tails.
template <class T>
XGRAD_INLINE T normal_distribution(T x) {
  if constexpr (std::is_floating_point_v<T>) {
    const T z = (x < T(0) ? -x : x) * T(0.70710678118654752);
    const T t = T(2) / (T(2) + z), u = T(2) * t - T(1);
    T p(0);
    XGRAD_UNROLL
    for (const T c : detail::ErfcFit<T>::p) p = p * u + c;
    const T tail = T(.5) * t * fast::exp(p - z * z);
    return x < T(0) ? tail : T(1) - tail;
  } else {
    return T(.5) * (T(1) + erf(x * T(std::sqrt(.5))));
  }
}

}  // namespace xgrad::fast
