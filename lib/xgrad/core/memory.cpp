#include "xgrad/core/memory.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <new>
#include <utility>

#ifdef __linux__
#include <sys/mman.h>
#endif
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif

namespace xgrad {

namespace {

constexpr std::align_val_t alignment{64};  // a cache line, and the widest vector
constexpr std::size_t huge_page = std::size_t(2) << 20;
constexpr std::size_t smallest = 2048;                    // below, blocks are cut from slabs
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

/// The bytes of a class.
std::size_t size_of(std::size_t index) {
  const std::size_t power = std::size_t(1) << (index / 4 + 10);
  return power + (index % 4 + 1) * (power / 4);
}

/// Large blocks lie in huge pages where the system has them for those who ask: a loop through 12 MB then
/// needs a new entry of the processor's page table every 2 MiB instead of every 4 KiB.
std::align_val_t alignment_of(std::size_t bytes) {
  return bytes < 2 * huge_page ? alignment : std::align_val_t(huge_page);
}

void* fetch(std::size_t bytes) {
  void* block = ::operator new(bytes, alignment_of(bytes));
#ifdef MADV_HUGEPAGE
  if (bytes >= 2 * huge_page) madvise(block, bytes, MADV_HUGEPAGE);  // a wish: it need not be granted
#endif
  return block;
}

void discard(void* block, std::size_t bytes) noexcept { ::operator delete(block, alignment_of(bytes)); }

/// Whether the process is known to have one thread only. (In glibc since 2.32.)
bool alone() {
#if __has_include(<sys/single_threaded.h>)
  return __libc_single_threaded;
#else
  return false;
#endif
}

/// Held for some ten instructions: waiting in a loop is cheaper than a mutex, and there is nobody to wait for
/// while there is one thread.
struct Lock {
  explicit Lock(std::atomic_flag& busy) : busy(busy) {
    if (alone()) return;
    while (busy.test_and_set(std::memory_order_acquire)) {
    }
  }
  ~Lock() { busy.clear(std::memory_order_release); }
  std::atomic_flag& busy;
};

/// A block that is free: the link to the next one lies in the block itself.
struct Free {
  Free* next;
};

/// Blocks below 2 KiB, in whole cache lines, cut from slabs that are kept for good.
class SmallBlocks {
 public:
  void* take(std::size_t bytes) {
    const std::size_t n = lines(bytes);
    const Lock lock(busy_);
    if (!lists_[n]) refill(n);
    return std::exchange(lists_[n], lists_[n]->next);
  }

  void give(void* block, std::size_t bytes) noexcept {
    const std::size_t n = lines(bytes);
    const Lock lock(busy_);
    lists_[n] = new (block) Free{lists_[n]};
  }

  std::size_t slabs() {
    const Lock lock(busy_);
    return slabs_;
  }

 private:
  static constexpr std::size_t line = 64, slab = 32 * 1024;
  static std::size_t lines(std::size_t bytes) { return std::max<std::size_t>((bytes + line - 1) / line, 1); }

  void refill(std::size_t n) {
    auto* memory = static_cast<char*>(::operator new(slab, alignment));
    const std::size_t size = n * line;
    for (std::size_t i = slab / size; i-- > 0;) lists_[n] = new (memory + i * size) Free{lists_[n]};
    ++slabs_;
  }

  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
  std::array<Free*, smallest / line + 1> lists_{};
  std::size_t slabs_ = 0;
};

/// Blocks from 2 KiB on: those that are free form one list per size. All threads share them,
/// because an array may be freed by another thread than the one that made it.
class Pool {
 public:
  void* take(std::size_t bytes) {
    const Class size = class_of(bytes);
    {
      const Lock lock(busy_);
      if (Free*& list = lists_[size.index]) {
        void* block = list;
        list = list->next;
        statistics_.in_use += size.bytes;
        statistics_.idle -= size.bytes;
        return block;
      }
    }
    void* block = fetch(size.bytes);  // may throw: counted afterwards
    const Lock lock(busy_);
    statistics_.in_use += size.bytes;
    ++statistics_.fetched;
    return block;
  }

  void give(void* block, std::size_t bytes) noexcept {
    const Class size = class_of(bytes);
    {
      const Lock lock(busy_);
      statistics_.in_use -= size.bytes;
      if (statistics_.idle + size.bytes <= idle_limit) {
        lists_[size.index] = new (block) Free{lists_[size.index]};
        statistics_.idle += size.bytes;
        return;
      }
    }
    discard(block, size.bytes);
  }

  void release() {
    std::array<Free*, classes> lists{};
    {
      const Lock lock(busy_);
      std::swap(lists, lists_);
      statistics_.idle = 0;
    }
    for (std::size_t i = 0; i < classes; ++i)
      while (lists[i]) discard(std::exchange(lists[i], lists[i]->next), size_of(i));
  }

  MemoryStatistics statistics() {
    const Lock lock(busy_);
    return statistics_;
  }

 private:
  static constexpr std::size_t classes = 4 * 54;
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
  std::array<Free*, classes> lists_{};
  MemoryStatistics statistics_;
};

SmallBlocks& small_blocks() {
  static SmallBlocks& instance = *new SmallBlocks;  // never destroyed: static arrays may be freed last of all
  return instance;
}

Pool& pool() {
  static Pool& instance = *new Pool;  // nor this
  return instance;
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

MemoryStatistics memory_statistics() {
  MemoryStatistics statistics = pool().statistics();
  statistics.slabs = small_blocks().slabs();
  return statistics;
}

void release_idle_memory() { pool().release(); }

void* detail::take_block(std::size_t bytes) {
  if (!recycling) return ::operator new(bytes, alignment);
  return bytes < smallest ? small_blocks().take(bytes) : pool().take(bytes);
}

void detail::give_block(void* block, std::size_t bytes) noexcept {
  if (!recycling) return ::operator delete(block, alignment);
  return bytes < smallest ? small_blocks().give(block, bytes) : pool().give(block, bytes);
}

}  // namespace xgrad
