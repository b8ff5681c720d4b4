#pragma once
// Random numbers that are the same with every compiler and standard library: the generator is integer
// arithmetic, and the distributions use only + - × ÷ √, which IEEE 754 defines to the last bit.

#include <array>
#include <cstdint>
#include <vector>

#include "xgrad/core/array.hpp"

namespace xgrad {

/// xoshiro256++ (Blackman & Vigna, arXiv:1805.01407), seeded by SplitMix64.
class Rng {
 public:
  explicit Rng(std::uint64_t seed);

  std::uint64_t bits();                     ///< 64 random bits
  double uniform();                         ///< in [0, 1), 53 bits
  double uniform(double low, double high);  ///< in [low, high)
  double normal();                          ///< mean 0, variance 1 (Marsaglia's polar method)
  std::uint64_t below(std::uint64_t n);     ///< 0…n-1, every value equally likely; throws Error when n = 0
  /// An independent generator, for a worker or a module of its own.
  Rng split() { return Rng(bits()); }

  /// 0…n-1 in random order (Fisher & Yates).
  std::vector<std::size_t> permutation(std::size_t n);

  template <class T>
  Array<T> normal(const Shape& shape, double mean = 0, double deviation = 1) {
    auto x = empty<T>(shape);
    for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<T>(mean + deviation * normal());
    return x;
  }
  template <class T>
  Array<T> uniform(const Shape& shape, double low, double high) {
    auto x = empty<T>(shape);
    for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<T>(uniform(low, high));
    return x;
  }

  /// The whole state, to save and restore.
  struct State {
    std::array<std::uint64_t, 4> words;
    double spare;
    bool has_spare;
  };
  State state() const { return state_; }
  void state(const State& state) { state_ = state; }

 private:
  State state_;
};

}  // namespace xgrad
