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

/// eˣ where that is a normal number.
template <class T>
XGRAD_INLINE T normal_exp(T x) {
  const auto [n, r] = reduce(x);
  return (T(1) + r * exp_series(r)) * power_of_two<T>(n);
}

}  // namespace detail

/// eˣ.
template <class T>
XGRAD_INLINE T exp(T x) {
  using B = detail::Bits<T>;
  x = x > B::highest ? B::highest : x;
  x = x < B::lowest ? B::lowest : x;
  const auto [n, r] = detail::reduce(x);
  const auto half = n >> 1;  // in two steps, so that denormal results are reached
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
// Φ(-z) = e^(-z²/2) P(z)/Q(z) for 0 ≤ z ≤ `last`, where the result is still a normal number. P and Q, with
// degrees 4 and 5 or 10 and 11, are minimax fits computed for this library with 60 digits; the largest
// relative errors are below 2⁻²⁷ and 2⁻⁶⁰. Highest power first.
template <class T>
struct TailFit;
template <>
struct TailFit<float> {
  static constexpr float last = 12.9f;
  static constexpr float p[] = {.0039942390888f, .039808032114f, .18078180709f, .4349732905f, .50000000237f};
  static constexpr float q[] = {.010011922438f, .099791591293f, .4629949699f,
                                1.1922966354f,  1.6678314844f,  1};
};
template <>
struct TailFit<double> {
  static constexpr double last = 37.5;
  static constexpr double p[] = {2.2115979453834495401e-7, 6.8959459989921509186e-6, .00010553161613293363172,
                                 .0010311165014048880002,  .0070735928633169811644,  .035465329760864843731,
                                 .13145003404404346149,    .35612731995013265906,    .67802880583923589221,
                                 .82691052591117682664,    .50000000000000000042};
  static constexpr double q[] = {
      5.5436539420124867501e-7, .000017285573221436328106, .00026508289825696674378, .002601911350307019509,
      .017994287666665819633,   .09144845329228655553,     .34670371881619069212,    .97658096017698529271,
      1.9962027743931933205,    2.8122356676258575168,     2.4517056126252192028,    1.0};
};
}  // namespace detail

/// s Φ(-z), z ≥ 0: the tail of the normal distribution, accurate as long as Φ(-z) is a normal number, and 0
/// beyond, even where s is infinite.
template <class T>
XGRAD_INLINE T normal_tail(T z, T s) {
  if constexpr (std::is_floating_point_v<T>) {
    using Fit = detail::TailFit<T>;
    T p(0), q(0);
    XGRAD_UNROLL
    for (const T c : Fit::p) p = p * z + c;
    XGRAD_UNROLL
    for (const T c : Fit::q) q = q * z + c;
    return z > Fit::last ? T(0) : s * (p / q * detail::normal_exp(T(-.5) * z * z));
  } else {
    return s * T(.5) * (T(1) - erf(z * T(std::sqrt(.5))));
  }
}

/// The normal distribution function Φ(x) = ½ erfc(-x/√2), accurate in both tails.
template <class T>
XGRAD_INLINE T normal_distribution(T x) {
  const T tail = normal_tail(x < T(0) ? -x : x, T(1));
  return x < T(0) ? tail : T(1) - tail;
}

/// x Φ(x) = max(0, x) - |x| Φ(-|x|).
template <class T>
XGRAD_INLINE T gelu(T x) {
  const T size = x < T(0) ? -x : x;
  return (x < T(0) ? T(0) : x) - normal_tail(size, size);
}

}  // namespace xgrad::fast
