#pragma once
// What this machine can do at best, measured.

#include <cstddef>

namespace benchmarks {

/// How many processors two threads really have: 2 × (time of one spinning thread) / (time of two), so 2 when
/// each has its own and 1 when they share one.
double real_cores();

/// Floating-point operations a second of the largest of several matrix products, with the BLAS and threads at
/// hand.
double sgemm_peak();

/// Bytes a second of a[i] = b[i] + s c[i] (McCalpin's STREAM triad) over arrays of n floats: 12 bytes an
/// entry.
double triad(std::size_t n, std::size_t threads);

/// Gives freed memory back to the system and returns the bytes that this process holds then.
std::size_t forget_peak_memory();
/// The most bytes that it held since.
std::size_t peak_memory();

}  // namespace benchmarks
