// .npy files: what is written is read back, NumPy's own bytes are understood, everything else is refused.
#include "xgrad/io/npy.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <limits>

#include "errors.hpp"
#include "temporary_file.hpp"

namespace {

using namespace xgrad;

template <class T>
void round_trip(const Array<T>& array) {
  TemporaryFile file;
  save_npy(file.path, array);
  const Array<T> back = load_npy<T>(file.path);
  BOOST_TEST(to_string(shape_of(back)) == to_string(shape_of(array)));
  BOOST_TEST(std::equal(array.begin(), array.end(), back.begin(), back.end()));
  BOOST_TEST(file.read().find('\n') % 64 == 63u);  // the entries start at a multiple of 64
}

/// The bytes of a file with this header dictionary.
std::string npy(const std::string& dictionary, const std::string& entries) {
  const std::string header = dictionary + "\n";
  return std::string("\x93NUMPY\x01\x00", 8) + char(header.size()) + char(0) + header + entries;
}

template <class T = double>
void refused(const std::string& bytes, const std::string& words) {
  TemporaryFile file;
  file.write(bytes);
  BOOST_CHECK_EXCEPTION(load_npy<T>(file.path), Error, [&](const Error& e) {
    const std::string text = e.what();
    BOOST_TEST_MESSAGE(text);
    return text.find("[load_npy] " + file.path) == 0 && text.find(words) != std::string::npos;
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(npy_test)

BOOST_AUTO_TEST_CASE(what_is_written_is_read_back) {
  const double inf = std::numeric_limits<double>::infinity();
  round_trip(Array<double>{{1, -2.5, 3e300}, {4e-310, inf, -inf}});
  round_trip(Array<float>{1.5f, -2, 3});
  round_trip(Indices{{{1, -2}, {3, std::int64_t(1) << 62}}});
  round_trip(Mask{{true, false}, {false, true}});
  round_trip(scalar(7.0));
  round_trip(zeros<double>({0, 3}));
  round_trip(zeros<float>(Shape(20, 1)));
}

BOOST_AUTO_TEST_CASE(numpys_bytes_are_understood) {
  // numpy.save of numpy.array([[1., 2.]]), with NumPy's own spelling and padding.
  const std::string entries("\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\x40", 16);
  TemporaryFile file;
  file.write(
      npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }" + std::string(58, ' '), entries));
  const auto x = load_npy<double>(file.path);
  BOOST_TEST(to_string(x) == "[[1, 2]]");
  save_npy(file.path, x);
  BOOST_TEST(file.read().size() == 128u + 16u);
  file.write(npy("{\"shape\":(2,),\"descr\":\"|b1\",\"fortran_order\":False}", std::string("\0\x02", 2)));
  BOOST_TEST(to_string(load_npy<bool>(file.path)) == "[0, 1]");
}

BOOST_AUTO_TEST_CASE(anything_else_is_refused) {
  const std::string four(32, '\0');
  const auto header = [](const std::string& descr, const std::string& order, const std::string& shape) {
    return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
  };
  refused("", "is not a .npy file");
  refused("PK\x03\x04 a zip file", "is not a .npy file");
  refused("\x93NUM", "is not a .npy file");
  refused("\x93NUMPY\x01", "is truncated: it ends inside its header");
  refused(npy(header("<f8", "False", "(2, 2)"), four).substr(0, 40),
          "is truncated: it ends inside its header");
  refused(std::string("\x93NUMPY\x02\x00", 8) + four, "has format version 2.0: only 1.0 is read");
  refused(npy(header("<f8", "False", "(2, 2)"), four.substr(1)),
          "is truncated: 31 bytes follow the header, the shape (2, 2) needs 4 entries of 8");
  refused(npy(header("<f8", "False", "(2, 2)"), four + "x"),
          "is too long: 33 bytes follow the header, the shape (2, 2) needs 4 entries of 8");
  refused(npy(header("<f8", "False", "(4294967296, 4294967296, 2)"), four), "is truncated");
  refused(npy(header("<f8", "True", "(2, 2)"), four),
          "is in Fortran order: save numpy.ascontiguousarray(x) instead");
  refused(npy(header("<f4", "False", "(8,)"), four), "holds entries of type '<f4': '<f8' was asked for");
  refused(npy(header("<f\n4", "False", "(8,)"), four), "holds entries of type '<f?4'");  // stays one line
  refused(npy(header(">f8", "False", "(4,)"), four), "holds entries of type '>f8'");
  refused<float>(npy(header("<c8", "False", "(4,)"), four),
                 "holds entries of type '<c8': '<f4' was asked for");
  refused<bool>(npy(header("<i8", "False", "(4,)"), four),
                "holds entries of type '<i8': '|b1' was asked for");
  for (const char* shape : {"4", "(4", "(-4,)", "(4 4)", "(4,,)", "(99999999999999999999,)", "(x,)"})
    refused(npy(header("<f8", "False", shape), four), "has a header that cannot be understood");
  refused(npy("{'descr': '<f8', 'shape': (4,)}", four), "has a header that cannot be understood");
  refused(npy("{'descr': '<f8', 'fortran_order': Maybe, 'shape': (4,)}", four),
          "has a header that cannot be understood");
  refused(npy("{'descr': <f8, 'fortran_order': False, 'shape': (4,)}", four),
          "has a header that cannot be understood");
  refused(npy("", four), "has a header that cannot be understood");
}

BOOST_AUTO_TEST_CASE(a_path_that_does_not_exist) {
  rejects("[load_npy] no/such.npy cannot be opened: ", [] { load_npy<double>("no/such.npy"); });
  rejects("[save_npy] no/such.npy cannot be written: ", [] { save_npy("no/such.npy", scalar(1.0)); });
  const std::string folder = std::filesystem::temp_directory_path().string();
  BOOST_CHECK_THROW(load_npy<double>(folder), Error);
}

BOOST_AUTO_TEST_SUITE_END()
