#pragma once
// Independent pieces of work on all processors.

#include <cstddef>
#include <functional>
#include <string>

namespace plots {

/// work(0) … work(n-1), as many at once as there are processors, each on one thread whose matrix products
/// stay on it: one network a thread is much faster than one product on several. With a label, a progress bar
/// on stderr. The first exception ends the rest and goes on. XGRAD_THREADS sets how many at once.
void on_all_processors(const std::string& label, std::size_t n, const std::function<void(std::size_t)>& work);

}  // namespace plots
