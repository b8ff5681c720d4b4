#pragma once
// The scalars that the library is compiled for. Every .cpp file ends with XGRAD_FOR_EACH_SCALAR(...), so that
// a program which includes xgrad compiles in seconds. The definitions are generic in T: a build that wants
// another scalar, such as a dual number, names a header with -DXGRAD_SCALARS='"dual.hpp"' that defines the
// scalar and this list (tests/dual_test.cpp does so to get second derivatives).
#ifdef XGRAD_SCALARS
#include XGRAD_SCALARS
#else
#define XGRAD_FOR_EACH_SCALAR(X) X(float) X(double)
#endif
