// Whole files and safetensors: what is written is read back, bytes made by hand are understood, everything
// else is refused.
#include "xgrad/io/safetensors.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <cstring>
#include <limits>

#include "temporary_file.hpp"
#include "xgrad/io/file.hpp"

namespace {

using namespace xgrad;

/// The bytes of a file with this header.
std::string file_of(const std::string& header, const std::string& data = "") {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

void refused(const std::string& bytes, const std::string& words) {
  BOOST_CHECK_EXCEPTION(parse_safetensors("FILE", bytes), Error, [&](const Error& e) {
    const std::string text = e.what();
    BOOST_TEST_MESSAGE(text);
    if (text.find(words) == std::string::npos) BOOST_TEST_MESSAGE("but not: " + words);
    return text.find("[safetensors] FILE") == 0 && text.find(words) != std::string::npos &&
           text.find('\n') == std::string::npos;
  });
}

/// The header of one array x.
std::string x(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"x":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

template <class A>
bool same_bits(const A& a, const A& b) {
  return a.shape() == b.shape() &&
         (a.size() == 0 || std::memcmp(a.data(), b.data(), a.size() * sizeof(*a.data())) == 0);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(safetensors_test)

BOOST_AUTO_TEST_CASE(a_file_is_replaced_as_a_whole) {
  TemporaryFile file;
  write_file("test", file.path, "the old content, which is longer");
  write_file("test", file.path, std::string("new\0!", 5));
  BOOST_TEST(read_file("test", file.path) == std::string("new\0!", 5));
  BOOST_TEST(!std::filesystem::exists(file.path + ".part"));
  std::ofstream(file.path + ".part") << "left behind by a crash, and longer than what comes next";
  write_file("test", file.path, "");
  BOOST_TEST(read_file("test", file.path) == "");
  const std::string large(70'000'000, 'x');
  write_file("test", file.path, large);
  BOOST_TEST((read_file("test", file.path) == large));
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_written_stays) {
  TemporaryFile file;
  const auto says = [&](const std::string& words) {
    return [words](const Error& e) { return std::string(e.what()).find(words) != std::string::npos; };
  };
  write_file("test", file.path, "old");
  const int other = ::open((file.path + ".part").c_str(), O_WRONLY | O_CREAT, 0600);
  BOOST_REQUIRE(::flock(other, LOCK_EX) == 0);
  BOOST_CHECK_EXCEPTION(write_file("test", file.path, "new"), Error, says("another process is writing it"));
  ::close(other);
  BOOST_TEST(read_file("test", file.path) == "old");
  BOOST_CHECK_EXCEPTION(write_file("test", "no/such/file", ""), Error,
                        says("[test] no/such/file cannot be written: No such file or directory"));
  BOOST_CHECK_EXCEPTION(read_file("test", "no/such/file"), Error,
                        says("[test] no/such/file cannot be opened: No such file or directory"));
  BOOST_CHECK_EXCEPTION(read_file("test", "/"), Error, says("cannot be read: Is a directory"));
  std::filesystem::remove(file.path);
  std::filesystem::create_directory(file.path);
  BOOST_CHECK_EXCEPTION(write_file("test", file.path, ""), Error, says("Is a directory"));
  BOOST_TEST(!std::filesystem::exists(file.path + ".part"));
}

BOOST_AUTO_TEST_CASE(what_is_written_is_read_back) {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("7");
  Tensors tensors;
  tensors.arrays = {{"layer.weight", Array<float>{{1.5f, -0.f, 3}, {1e-45f, float(inf), float(nan)}}},
                    {"z \"ü\" 中", Array<double>{4e-310, -inf, nan}},
                    {"numbers", Indices{std::int64_t(1) << 62, -3}},
                    {"scalar", scalar(7.0f)},
                    {"nothing", zeros<double>({0, 3})}};
  tensors.metadata = {{"text", "line\nline"}, {"", ""}};
  TemporaryFile file(".safetensors");
  save_safetensors(file.path, tensors);
  const Tensors back = load_safetensors(file.path);
  BOOST_TEST(back.arrays.size() == 5u);
  BOOST_TEST((back.metadata == tensors.metadata));
  BOOST_TEST(!back.find("other"));
  for (const auto& [name, array] : tensors.arrays) {
    BOOST_REQUIRE(back.find(name));
    BOOST_TEST(describe(*back.find(name)) == describe(array));
    std::visit(
        [&, &name = name](const auto& a) {
          BOOST_TEST(same_bits(a, std::get<std::decay_t<decltype(a)>>(*back.find(name))), name);
        },
        array);
  }
  save_safetensors(file.path, {});
  BOOST_TEST(load_safetensors(file.path).arrays.empty());
}

BOOST_AUTO_TEST_CASE(bytes_made_by_hand_are_understood) {
  const std::string halves("\x00\x3c\x00\xc0\xff\x7b\x01\x00\x00\x7c\x00\x80",
                           12);  // numpy.float16(…).tobytes()
  auto array = std::get<Array<float>>(
      *parse_safetensors("FILE", file_of(x(R"("F16")", "[6]", "[0,12]") + "   ", halves)).find("x"));
  BOOST_TEST(to_string(array, 9) == "[1, -2, 65504, 5.96046448e-08, inf, -0]");
  array = std::get<Array<float>>(*parse_safetensors("FILE", file_of(x(R"("BF16")", "[1,2]", "[0,4]"),
                                                                    std::string("\x80\x3f\x49\xc0", 4)))
                                      .find("x"));
  BOOST_TEST(to_string(array) == "[[1, -3.14062]]");
  BOOST_TEST(parse_safetensors("FILE", file_of("{}")).arrays.empty());
  // The order of the data need not be that of the names.
  const auto two = parse_safetensors(
      "FILE", file_of(R"({"a":{"dtype":"I64","shape":[],"data_offsets":[8,16]},)"
                      R"( "b":{"data_offsets":[0,8],"shape":[1,1],"dtype":"I64"},"__metadata__":{"k":"v"}})",
                      std::string("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 16)));
  BOOST_TEST(std::get<Indices>(*two.find("a"))() == 2);
  BOOST_TEST(std::get<Indices>(*two.find("b"))(0, 0) == 1);
  BOOST_TEST(two.metadata.at("k") == "v");
}

BOOST_AUTO_TEST_CASE(anything_else_is_refused) {
  const std::string f32 = R"("F32")", eight(8, '\0');
  refused("", "has 0 bytes: a safetensors file begins with");
  refused("1234567", "has 7 bytes");
  refused(std::string(8, '\xff'), "its header would be 18446744073709551615 bytes long");
  refused(std::string("\1\xe1\xf5\5\0\0\0\0{}", 10), "its header would be 100000001 bytes long");
  refused(std::string("\3\0\0\0\0\0\0\0{}", 10), "is truncated: its header is 3 bytes long, 2 follow");
  refused(file_of(""), "its header must begin with {");
  refused(file_of(" {}"), "its header must begin with {");
  refused(file_of("[]"), "its header must begin with {");
  refused(file_of("{"), "has JSON that cannot be understood at byte 2");
  refused(file_of("{} x"), "has JSON that cannot be understood");
  refused(file_of("{\"\xff\":1}"), "has JSON that cannot be understood");
  refused(file_of(R"({"x":1e999})"), "has JSON with a number that is too large");
  refused(file_of(R"({"x":)" + std::string(1000, '[') + std::string(1000, ']') + "}"), "nested more than 8");
  refused(file_of(R"({"x":1,"x":2})"), R"(has the key "x" twice)");
  refused(file_of(R"({"x":{"dtype":"F32","dtype":"F32","shape":[],"data_offsets":[0,4]}})", "1234"),
          R"(has the key "dtype" twice)");
  refused(file_of(R"({"__metadata__":1})"), "__metadata__ must be an object of texts");
  refused(file_of(R"({"__metadata__":{"a":1}})"), R"(__metadata__ has "a", which must be a text)");
  refused(file_of(R"({"x":1})"), R"("x" must have dtype, shape and data_offsets, and nothing else)");
  refused(file_of(R"({"x":{"dtype":"F32","shape":[]}})"), "must have dtype, shape and data_offsets");
  refused(file_of(R"({"x":{"dtype":"F32","shape":[],"offsets":[0,4]}})"),
          "must have dtype, shape and data_offsets");
  refused(file_of(R"({"x":{"dtype":"F32","shape":[],"data_offsets":[0,4],"y":1}})", "1234"),
          "and nothing else");
  refused(file_of(x("32", "[2]", "[0,8]"), eight), "must have dtype");
  refused(file_of(x(R"("U8")", "[8]", "[0,8]"), eight),
          R"("x" has type "U8": only F64, F32, F16, BF16 and I64)");
  refused(file_of(x(f32, "2", "[0,8]"), eight), "has a shape that is no list");
  refused(file_of(x(f32, "[-2]", "[0,8]"), eight), "has a shape with an entry that is no whole number");
  refused(file_of(x(f32, "[2.0]", "[0,8]"), eight), "has a shape with an entry that is no whole number");
  refused(file_of(x(f32, "[\"2\"]", "[0,8]"), eight), "has a shape with an entry that is no whole number");
  refused(file_of(x(f32, "[2]", "8"), eight), "has a data_offsets that is no list");
  refused(file_of(x(f32, "[2]", "[0]"), eight), "has 1 data_offsets: begin and end are needed");
  refused(file_of(x(f32, "[2]", "[0,4,8]"), eight), "has 3 data_offsets");
  refused(file_of(x(f32, "[2]", "[8,0]"), eight), "ends at byte 0, before it begins at 8");
  refused(file_of(x(f32, "[2]", "[0,8]"), eight.substr(1)),
          R"(is truncated: "x" ends at byte 8 of the data, 7 are there)");
  refused(file_of(x(f32, "[3]", "[0,8]"), eight),
          R"("x" has 8 bytes, the shape (3,) of F32 needs another number)");
  refused(file_of(x(f32, "[4611686018427387905,4]", "[0,8]"), eight),
          "needs another number");  // 16 modulo 2⁶⁴
  refused(file_of(x(f32, "[2]", "[0,8]"), eight + "1"),
          "is too long: its arrays end at byte 8 of the data, 9 are there");
  refused(file_of("{}", "1"), "is too long");
  const auto two = [&](const std::string& a, const std::string& b) {
    return file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)" + a +
                       R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" + b + "}}",
                   eight);
  };
  refused(two("[0,4]", "[0,4]"), "arrays must not overlap or leave gaps");
  refused(two("[0,4]", "[3,7]"), R"("b" begins at byte 3 of the data, the arrays before it end at 4)");
  refused(two("[1,5]", "[5,9]"), "is truncated");
  refused(two("[4,8]", "[4,8]"), R"("a" begins at byte 4 of the data, the arrays before it end at 0)");
  BOOST_TEST(parse_safetensors("FILE", two("[4,8]", "[0,4]")).arrays.size() == 2u);
}

BOOST_AUTO_TEST_CASE(every_single_wrong_byte_and_every_truncation_is_noticed) {
  Tensors tensors;
  tensors.arrays = {
      {"a.weight", Array<float>{{1, 2}, {3, 4}}}, {"b", Array<double>{5}}, {"n", Indices{6, 7}}};
  tensors.metadata = {{"configuration", "{\"layers\": 2}"}};
  TemporaryFile file;
  save_safetensors(file.path, tensors);
  const std::string good = file.read();
  BOOST_TEST(parse_safetensors("FILE", good).arrays.size() == 3u);
  std::size_t accepted = 0;
  for (std::size_t size = 0; size < good.size(); ++size)
    BOOST_CHECK_THROW(parse_safetensors("FILE", good.substr(0, size)), Error);
  for (std::size_t i = 0; i < good.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string wrong = good;
      wrong[i] = char(wrong[i] ^ 1 << bit);
      try {
        parse_safetensors("FILE", wrong);
        ++accepted;
        BOOST_TEST_MESSAGE("byte " << i << ", bit " << bit << ": '" << good[i] << "' to '" << wrong[i]
                                   << "'");
      } catch (const Error&) {
      }
    }
  BOOST_TEST(accepted <= 8u * 11u);  // the letters of the checksum's own name
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written) {
  TemporaryFile file;
  const auto refuses = [&](const Tensors& tensors, const std::string& words) {
    BOOST_CHECK_EXCEPTION(save_safetensors(file.path, tensors), Error, [&](const Error& e) {
      return std::string(e.what()).find("[safetensors] " + file.path + " cannot be written: " + words) == 0;
    });
    BOOST_TEST(!std::filesystem::exists(file.path));
  };
  refuses({{{"a", scalar(1.f)}, {"a", scalar(2.0)}}, {}}, R"(there are two arrays called "a")");
  refuses({{{"__metadata__", scalar(1.f)}}, {}}, "there are two arrays called");
  refuses({{{"\xff", scalar(1.f)}}, {}}, "a name or text is no UTF-8");
  refuses({{}, {{"a", "\xc3"}}}, "a name or text is no UTF-8");
}

BOOST_AUTO_TEST_SUITE_END()
