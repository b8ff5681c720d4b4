#pragma once
// Recycled memory. A training step asks for the same blocks every time; handing back the block that was just
// freed instead of asking the system saves the page faults that otherwise cost more than the arithmetic.

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <vector>

namespace xgrad {

/// Of blocks of 2 KiB and more, in all threads; smaller ones (short arrays, nodes, closures) are cut from
/// slabs.
struct MemoryStatistics {
  std::size_t in_use = 0;   ///< bytes that arrays hold now
  std::size_t idle = 0;     ///< bytes kept for the next array
  std::size_t fetched = 0;  ///< blocks that had to be fetched from the system so far
  std::size_t slabs = 0;    ///< slabs for smaller blocks fetched so far; they are kept for good
};

MemoryStatistics memory_statistics();

/// Gives idle blocks back to the system.
void release_idle_memory();

namespace detail {
void* take_block(std::size_t bytes);  // 64-byte aligned from 2 KiB on; throws std::bad_alloc
void give_block(void* block, std::size_t bytes) noexcept;
}  // namespace detail

/// A standard allocator over recycled blocks: what every Array uses.
template <class T>
struct RecyclingAllocator {
  using value_type = T;
  using is_always_equal = std::true_type;
  RecyclingAllocator() = default;
  template <class U>
  RecyclingAllocator(const RecyclingAllocator<U>&) {}
  T* allocate(std::size_t n) {
    if (n > PTRDIFF_MAX / sizeof(T)) throw std::bad_alloc();  // the number of bytes would wrap round
    return static_cast<T*>(detail::take_block(n * sizeof(T)));
  }
  void deallocate(T* p, std::size_t n) noexcept { detail::give_block(p, n * sizeof(T)); }
  template <class U>
  bool operator==(const RecyclingAllocator<U>&) const {
    return true;
  }
  template <class U>
  bool operator!=(const RecyclingAllocator<U>&) const {
    return false;
  }
};

/// A vector for loops that matter: it begins at a cache line, so that no vector instruction needs two.
template <class T>
using AlignedVector = std::vector<T, RecyclingAllocator<T>>;

}  // namespace xgrad
