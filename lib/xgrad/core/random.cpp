// Compiled with -ffp-contract=off: a fused multiply-add would round once where the standard rounds twice, and
// the numbers would depend on the processor.
#include "xgrad/core/random.hpp"

#include <cmath>
#include <numeric>
#include <utility>

namespace xgrad {

namespace {
std::uint64_t rotl(std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

/// ln x for 0 < x < 1 from +, ×, ÷ only: x = m·2ᵉ with √½ ≤ m < √2, and ln m = 2 artanh((m-1)/(m+1)) as a
/// series. std::log may differ in the last bit between C libraries.
double portable_log(double x) {
  int e;
  double m = std::frexp(x, &e);
  if (m < 0.70710678118654752) {
    m *= 2;
    --e;
  }
  const double t = (m - 1) / (m + 1), t2 = t * t;
  double sum = 0;
  for (int k = 23; k >= 1; k -= 2) sum = sum * t2 + 1.0 / k;
  return 2 * t * sum + e * 0.69314718055994531;
}
}  // namespace

Rng::Rng(std::uint64_t seed) : state_{{}, 0, false} {
  for (auto& word : state_.words) {  // SplitMix64
    std::uint64_t z = (seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    word = z ^ (z >> 31);
  }
}

std::uint64_t Rng::bits() {
  auto& s = state_.words;
  const std::uint64_t result = rotl(s[0] + s[3], 23) + s[0], t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotl(s[3], 45);
  return result;
}

double Rng::uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

double Rng::uniform(double low, double high) { return low + (high - low) * uniform(); }

double Rng::normal() {
  if (state_.has_spare) {
    state_.has_spare = false;
    return state_.spare;
  }
  double u, v, s;
  do {
    u = 2 * uniform() - 1;
    v = 2 * uniform() - 1;
    s = u * u + v * v;
  } while (s >= 1 || s == 0);
  const double factor = std::sqrt(-2 * portable_log(s) / s);
  state_.spare = v * factor;
  state_.has_spare = true;
  return u * factor;
}

std::uint64_t Rng::below(std::uint64_t n) {
  if (n == 0) fail("below", "there is no number below 0");
  const std::uint64_t rejected = (0 - n) % n;  // 2⁶⁴ mod n values would be favoured
  std::uint64_t r;
  do r = bits();
  while (r < rejected);
  return r % n;
}

std::vector<std::size_t> Rng::permutation(std::size_t n) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t(0));
  for (std::size_t i = n; i > 1; --i) std::swap(order[i - 1], order[below(i)]);
  return order;
}

}  // namespace xgrad
