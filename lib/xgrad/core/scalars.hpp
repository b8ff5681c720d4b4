#pragma once
// The scalars that the library is compiled for. Every .cpp file ends with XGRAD_FOR_EACH_SCALAR(...), so
// that a program which includes xgrad compiles in seconds. The definitions are generic in T: to add another
// scalar (a dual number, say), define this macro before including the .cpp files.
#ifndef XGRAD_FOR_EACH_SCALAR
#define XGRAD_FOR_EACH_SCALAR(X) X(float) X(double)
#endif
