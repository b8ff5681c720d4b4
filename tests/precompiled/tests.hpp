// What nearly every test includes, parsed once for all of them.
#include <boost/test/unit_test.hpp>

#include "xgrad/xgrad.hpp"
