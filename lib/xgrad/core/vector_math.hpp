#pragma once
// exp, log, tanh, … of one number, or of each lane of a vector, without branches or calls: how much faster
// than std::exp and its kin, tutorials/20_where_the_time_goes measures. A loop over numbers becomes vector
// instructions in the compiler, a loop over Vector<T> is made of them (core/rows.hpp). For float and double;
// any other scalar gets its own function by argument-dependent lookup. Errors are below 3 units in the last
// place, but for Φ and GELU of negative x, where they grow as x² (tests/vector_math_test.cpp has all bounds).

#include <cmath>
#include <type_traits>

#include "xgrad/core/float_bits.hpp"

// A short loop with a fixed count must be unrolled whole before the loop around it can become vector
// instructions.
#ifdef __clang__
#define XGRAD_UNROLL _Pragma("unroll")
#else
#define XGRAD_UNROLL _Pragma("GCC unroll 32")
#endif

// No step of the loop that follows reads what another one writes.
#define XGRAD_INDEPENDENT _Pragma("omp simd")

namespace xgrad::fast {

using detail::Scalar;

namespace detail {

// (eʳ - 1)/r for |r| ≤ ½ ln 2: a minimax fit computed for this library with 60 digits; the largest relative
// error of eʳ is below 2⁻²⁸ or 2⁻⁵⁷. The coefficients are close to 1/(k+1)!, those of the Taylor series,
// which would need one or two more. Highest power first.
template <class T>
struct ExpFit;
template <>
struct ExpFit<float> {
  static constexpr float lowest = -110, highest = 90;  // e to these is 0 and infinite
  static constexpr float ln2_high = 0x1.62ep-1f,
                         ln2_low = 0x1.0bfbe8p-15f;  // n·high is exact, the sum is ln 2
  static constexpr float series[] = {
      .00138637573495f, .00836750912984f, .0416672387645f, .166665338035f, .5f, 1};
};
template <>
struct ExpFit<double> {
  static constexpr double lowest = -760, highest = 720;
  static constexpr double ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45;
  static constexpr double series[] = {2.49783248611939588424e-8,
                                      2.76252438836993237119e-7,
                                      2.75576413812015578174e-6,
                                      .0000248015085506512126044,
                                      .000198412694653064363598,
                                      .00138888889268914726868,
                                      .00833333333350058054431,
                                      .0416666666666037479026,
                                      .166666666666664323913,
                                      .5,
                                      1};
};

/// Σ cₖ xᵏ by Horner's rule, the highest power first.
template <class T, std::size_t N>
XGRAD_INLINE T polynomial(const Scalar<T> (&c)[N], T x) {
  T sum = x * c[0] + c[1];
  XGRAD_UNROLL
  for (std::size_t k = 2; k < N; ++k) sum = sum * x + c[k];
  return sum;
}

/// x = n ln 2 + r with |r| ≤ ½ ln 2.
template <class T>
struct Reduced {
  Rounded<T> n;
  T r;
};
template <class T>
XGRAD_INLINE Reduced<T> reduce(T x) {
  using S = Scalar<T>;
  const Rounded<T> n{x * S(1.4426950408889634) + Bits<S>::rounder};
  return {n, (x - n.number() * ExpFit<S>::ln2_high) - n.number() * ExpFit<S>::ln2_low};
}

/// eʳ - 1.
template <class T>
XGRAD_INLINE T small_expm1(T r) {
  return r * polynomial(ExpFit<Scalar<T>>::series, r);
}

/// eˣ where that is a normal number.
template <class T>
XGRAD_INLINE T normal_exp(T x) {
  const auto [n, r] = reduce(x);
  return (Scalar<T>(1) + small_expm1(r)) * power_of_two(n);
}

}  // namespace detail

/// eˣ.
template <class T>
XGRAD_INLINE T exp(T x) {
  using Fit = detail::ExpFit<Scalar<T>>;
  const auto [n, r] = detail::reduce(detail::at_least(Fit::lowest, detail::at_most(Fit::highest, x)));
  return detail::scaled(Scalar<T>(1) + detail::small_expm1(r), n);
}

/// tanh x = q/(q + 2) with q = e²ˣ - 1 = 2ⁿ (eʳ - 1) + (2ⁿ - 1): no cancellation where x is small.
template <class T>
XGRAD_INLINE T tanh(T x) {
  using S = Scalar<T>;
  const T twice = detail::at_most(S(45), S(2) * detail::magnitude(x));  // beyond, tanh is 1 to the last bit
  const auto [n, r] = detail::reduce(twice);
  const T scale = detail::power_of_two(n);
  const T q = scale * detail::small_expm1(r) + (scale - S(1));
  return detail::with_sign_of(x, q / (q + S(2)));
}

/// ln(1 + x) for 0 ≤ x ≤ 1: 2 artanh s = 2(s + s³/3 + s⁵/5 + …) with s = x/(2 + x) ≤ ⅓.
template <class T>
XGRAD_INLINE T log1p_unit(T x) {
  using S = Scalar<T>;
  if constexpr (detail::has_bits<T>) {
    constexpr int terms = std::is_same_v<S, float> ? 10 : 16;
    const T s = x / (S(2) + x), s2 = s * s;
    T sum = s2 * (S(1) / S(2 * terms + 1)) + S(1) / S(2 * terms - 1);
    XGRAD_UNROLL
    for (int k = terms - 2; k >= 0; --k) sum = sum * s2 + S(1) / S(2 * k + 1);
    return S(2) * s * sum;
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
  using S = Scalar<T>;
  if constexpr (detail::has_bits<T>) {
    using Fit = detail::TailFit<S>;
    const T tail =
        detail::polynomial(Fit::p, z) / detail::polynomial(Fit::q, z) * detail::normal_exp(S(-.5) * z * z);
    return z > Fit::last ? S(0) : s * tail;
  } else {
    return s * T(.5) * (T(1) - erf(z * T(std::sqrt(.5))));
  }
}

/// The normal distribution function Φ(x) = ½ erfc(-x/√2), accurate in both tails.
template <class T>
XGRAD_INLINE T normal_distribution(T x) {
  using S = Scalar<T>;
  const T tail = normal_tail(detail::magnitude(x), T{} + S(1));
  return x < S(0) ? tail : S(1) - tail;
}

/// x Φ(x) = max(0, x) - |x| Φ(-|x|).
template <class T>
XGRAD_INLINE T gelu(T x) {
  const T size = detail::magnitude(x);
  return detail::at_least(Scalar<T>(0), x) - normal_tail(size, size);
}

}  // namespace xgrad::fast
