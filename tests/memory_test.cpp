// Recycled memory: its bookkeeping. Under the address and thread sanitizers nothing is recycled and all
// counts are 0; the statements below hold there too.
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <optional>
#include <thread>

#include "xgrad/xgrad.hpp"

using namespace xgrad;

BOOST_AUTO_TEST_SUITE(memory_test)

BOOST_AUTO_TEST_CASE(a_training_step_needs_no_new_memory) {
  Rng rng(1);
  Sequential<float> model{
      TransformerEncoderLayer<float>(16, 2, 32, NormPlacement::pre, Init::xavier_uniform(), rng),
      Linear<float>(16, 10, Init::xavier_uniform(), rng)};
  Adam<float> optimizer(model.parameters(), 1e-3);
  const Variable<float> x(rng.normal<float>({4, 10, 16}));
  const auto labels = zeros<std::int64_t>({4, 10});
  const auto step = [&] {
    optimizer.zero_grad();
    Tape<float> tape;
    cross_entropy(model(x), labels).backward();
    optimizer.step();
  };
  for (int i = 0; i < 3; ++i) step();
  const auto before = memory_statistics();
  for (int i = 0; i < 10000; ++i) step();
  const auto after = memory_statistics();
  BOOST_TEST(after.fetched == before.fetched);
  BOOST_TEST(after.slabs == before.slabs);
  BOOST_TEST(after.in_use == before.in_use);
  BOOST_TEST(after.idle == before.idle);
}

BOOST_AUTO_TEST_CASE(a_tape_gives_everything_back) {
  const auto x = parameter(full<double>({1000}, 1.0));
  const auto before = memory_statistics();
  {
    Tape<double> tape;
    auto y = x;
    for (int i = 0; i < 100; ++i) y = tanh(y);
    BOOST_TEST(
        (memory_statistics().in_use == before.in_use || memory_statistics().in_use > before.in_use + 700000));
  }
  BOOST_TEST(memory_statistics().in_use == before.in_use);
}

BOOST_AUTO_TEST_CASE(backward_releases_what_it_has_used) {
  // 64 values live when backward begins; on the way back their number falls, and the gradients, one at a
  // time, fit in.
  const auto x = parameter(full<double>({100000}, 1.0));
  release_idle_memory();
  const auto before = memory_statistics();
  Tape<double> tape;
  auto y = x;
  for (int i = 0; i < 64; ++i) y = tanh(y);
  const auto forward = memory_statistics();
  y = sum(y);
  y.backward();
  BOOST_TEST(memory_statistics().fetched - before.fetched <= forward.fetched - before.fetched + 3);
}

BOOST_AUTO_TEST_CASE(blocks_are_aligned_and_used_again) {
  for (std::size_t n : {512, 513, 640, 641, 1000, 4096, 100001}) {
    { const auto first = empty<float>({n}); }
    const auto before = memory_statistics();
    const auto second = empty<float>({n});
    BOOST_TEST(reinterpret_cast<std::uintptr_t>(second.data()) % 64 == 0u);
    BOOST_TEST(memory_statistics().fetched == before.fetched);
  }
}

BOOST_AUTO_TEST_CASE(idle_memory_can_be_released) {
  { const auto a = empty<double>({100000}); }
  release_idle_memory();
  BOOST_TEST(memory_statistics().idle == 0u);
}

BOOST_AUTO_TEST_CASE(arrays_outlive_the_thread_that_made_them) {
  std::optional<Array<double>> made_there;
  const auto made_here = std::make_unique<Array<double>>(full<double>({5000}, 2.0));
  std::thread([&] {
    made_there = full<double>({5000}, 1.0);
    *made_here = full<double>({9000}, 3.0);
  }).join();
  BOOST_TEST((*made_there)(4999) == 1.0);
  BOOST_TEST((*made_here)(8999) == 3.0);
  made_there.reset();
}

BOOST_AUTO_TEST_CASE(a_number_of_bytes_never_wraps_round) {
  RecyclingAllocator<double> allocator;
  for (std::size_t n : {SIZE_MAX / 8 + 2, SIZE_MAX, std::size_t(PTRDIFF_MAX / 8 + 1)})
    BOOST_CHECK_THROW(allocator.allocate(n), std::bad_alloc);
}

BOOST_AUTO_TEST_SUITE_END()
