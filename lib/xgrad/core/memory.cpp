#include "xgrad/core/memory.hpp"

#include <array>
#include <new>

namespace xgrad {

namespace {

constexpr std::align_val_t alignment{64};                 // a cache line, and the widest vector
constexpr std::size_t smallest = 2048;                    // below, malloc is quick and takes no new pages
constexpr std::size_t idle_limit = std::size_t(1) << 30;  // beyond it, freed blocks go back to the system

/// Block sizes grow by quarters of a power of two: 2048, 2560, 3072, 3584, 4096, 5120, … At most a fifth is
/// unused.
struct Class {
  std::size_t index, bytes;
};

Class class_of(std::size_t bytes) {
  const auto exponent =
      static_cast<std::size_t>(63 - __builtin_clzll(bytes - 1));  // 2^exponent < bytes ≤ 2^(exponent+1)
  const std::size_t quarter = (std::size_t(1) << exponent) / 4;
  const std::size_t steps = (bytes - (std::size_t(1) << exponent) + quarter - 1) / quarter;  // 1 to 4
  return {(exponent - 10) * 4 + steps - 1, (std::size_t(1) << exponent) + steps * quarter};
}

// Blocks that are free form one list per size; the link lies in the block itself.
struct Pool {
  struct Free {
    Free* next;
  };
  std::array<Free*, 4 * 54> lists{};
  MemoryStatistics statistics;

  void release() {
    for (Free*& list : lists)
      while (list) {
        Free* next = list->next;
        ::operator delete(static_cast<void*>(list), alignment);
        list = next;
      }
    statistics.idle = 0;
  }
  ~Pool();
};

thread_local bool pool_is_gone = false;  // arrays that outlive the thread's pool free straight to the system
thread_local Pool pool;

Pool::~Pool() {
  release();
  pool_is_gone = true;
}

// The sanitizers must see every allocation and every free.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool recycling = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
constexpr bool recycling = false;
#else
constexpr bool recycling = true;
#endif
#else
constexpr bool recycling = true;
#endif

}  // namespace

MemoryStatistics memory_statistics() { return pool_is_gone ? MemoryStatistics() : pool.statistics; }

void release_idle_memory() {
  if (!pool_is_gone) pool.release();
}

void* detail::take_block(std::size_t bytes) {
  if (bytes < smallest) return ::operator new(bytes);
  if (!recycling || pool_is_gone) return ::operator new(bytes, alignment);
  const Class size = class_of(bytes);
  pool.statistics.in_use += size.bytes;
  if (Pool::Free*& list = pool.lists[size.index]) {
    void* block = list;
    list = list->next;
    pool.statistics.idle -= size.bytes;
    return block;
  }
  ++pool.statistics.fetched;
  return ::operator new(size.bytes, alignment);
}

void detail::give_block(void* block, std::size_t bytes) noexcept {
  if (bytes < smallest) return ::operator delete(block);
  if (!recycling || pool_is_gone) return ::operator delete(block, alignment);
  const Class size = class_of(bytes);
  pool.statistics.in_use -=
      size.bytes;  // may wrap when another thread took the block; the sum over threads is right
  if (pool.statistics.idle + size.bytes > idle_limit) return ::operator delete(block, alignment);
  pool.lists[size.index] = new (block) Pool::Free{pool.lists[size.index]};
  pool.statistics.idle += size.bytes;
}

}  // namespace xgrad
