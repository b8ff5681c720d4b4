#pragma once
// The only place that includes xtensor: release 0.26 moved its headers into sub-folders.
#if __has_include(<xtensor/containers/xarray.hpp>)
#include <xtensor/containers/xarray.hpp>
#else
#include <xtensor/xarray.hpp>
#endif
