// The test program's main function; the other files of this folder add their suites to it.

#define BOOST_TEST_MODULE xgrad
#include <boost/test/unit_test.hpp>
