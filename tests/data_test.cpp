// IDX files good and bad, generated digits, two moons, minibatches, and the progress bar.
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "errors.hpp"
#include "xgrad/xgrad.hpp"

using namespace xgrad;
namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

namespace {

/// A folder of its own for each test, removed afterwards.
struct Folder {
  fs::path path = fs::temp_directory_path() / ("xgrad_data_test_" + std::to_string(getpid()));
  Folder() {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }

  std::string operator/(const std::string& name) const { return (path / name).string(); }
  std::string write(const std::string& name, const Bytes& bytes) const {
    std::ofstream(path / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return *this / name;
  }
  Bytes read(const std::string& name) const {
    std::ifstream file(path / name, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(file), {});
  }
};

/// The IDX header for these extents.
Bytes header(const Shape& shape, std::uint8_t type = 8) {
  Bytes bytes{0, 0, type, static_cast<std::uint8_t>(shape.size())};
  for (std::size_t extent : shape)
    for (int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<std::uint8_t>(extent >> shift));
  return bytes;
}

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// Random images and labels as MNIST's files hold them.
void write_pair(const Folder& folder, const std::string& images, const std::string& labels, std::size_t n,
                std::uint64_t seed = 1) {
  Rng rng(seed);
  Idx pixels{{n, 4, 3}, Bytes(n * 12)}, classes{{n}, Bytes(n)};
  for (auto& p : pixels.entries) p = static_cast<std::uint8_t>(rng.below(256));
  for (auto& c : classes.entries) c = static_cast<std::uint8_t>(rng.below(10));
  write_idx(folder / images, pixels);
  write_idx(folder / labels, classes);
}

bool same(const Array<float>& a, const Array<float>& b) {
  return shape_of(a) == shape_of(b) && std::equal(a.data(), a.data() + a.size(), b.data());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(data_test)

BOOST_AUTO_TEST_CASE(idx_round_trip) {
  const Folder folder;
  Bytes many(3 << 20);  // more than one piece
  Rng rng(3);
  for (auto& b : many) b = static_cast<std::uint8_t>(rng.bits());
  for (const Idx& idx : {Idx{{2, 3}, {0, 1, 2, 253, 254, 255}}, Idx{{5}, {9, 8, 7, 6, 5}},
                         Idx{{3, 1024, 1024}, many}, Idx{{1, 1, 1, 1}, {7}}, Idx{{0, 28, 28}, {}}})
    for (const char* name : {"plain", "packed.gz"}) {
      write_idx(folder / name, idx);
      const Idx back = read_idx(folder / name);
      BOOST_TEST(back.shape == idx.shape);
      BOOST_TEST((back.entries == idx.entries));
      BOOST_TEST(!fs::exists(folder / (std::string(name) + ".part")));
    }
  write_idx(folder / "plain", {{2, 3}, {0, 1, 2, 253, 254, 255}});
  BOOST_TEST((folder.read("plain") == header({2, 3}) + Bytes{0, 1, 2, 253, 254, 255}));
  write_idx(folder / "packed.gz", {{1}, {4}});
  BOOST_TEST(folder.read("packed.gz").at(0) == 0x1f);
  BOOST_TEST(folder.read("packed.gz").at(1) == 0x8b);
}

BOOST_AUTO_TEST_CASE(idx_refuses_what_it_cannot_write) {
  const Folder folder;
  check_error(
      [&] {
        write_idx(folder / "x", {{2, 2}, {1, 2, 3}});
      },
      {"3 bytes", "(2, 2)", "one byte per entry"});
  check_error([&] { write_idx(folder / "x", {{}, {1}}); }, {"1 to 255 axes"});
  check_error([&] { write_idx(folder / "no_folder/x", {{1}, {1}}); }, {"no_folder/x", "cannot be written"});
  check_error(
      [&] {
        write_digits<float>({full<float>({1, 1, 1}, 1.5F), Indices{3}}, folder / "i", folder / "l");
      },
      {"pixel 0 is 1.5", "[0, 1]"});
  check_error(
      [&] {
        write_digits<float>({zeros<float>({1, 1, 1}), Indices{10}}, folder / "i", folder / "l");
      },
      {"label 0 is 10", "0 to 9"});
  BOOST_TEST(fs::is_empty(folder.path));
}

BOOST_AUTO_TEST_CASE(idx_bad_files) {
  const Folder folder;
  const Bytes data(24, 5);
  const auto refuses = [&](const std::string& name, const Bytes& bytes, std::vector<std::string> words) {
    words.push_back(name);
    const auto path = folder.write(name, bytes);
    check_error([&] { read_idx(path); }, words);
  };
  check_error([&] { read_idx(folder / "missing"); }, {"[idx]", "missing", "does not exist"});
  check_error([&] { read_idx(folder.path.string()); }, {"is a folder"});
  refuses("empty", {}, {"is empty (0 bytes)"});
  refuses("three_bytes", {0, 0, 8}, {"begins with 00 00 08"});
  refuses("foreign", {'P', 'N', 'G', '!', 1, 2, 3, 4}, {"begins with 50 4e 47 21", "00 00"});
  refuses("floats", header({2, 3, 4}, 0x0d) + data, {"type 13", "type 8"});
  refuses("no_axes", {0, 0, 8, 0, 1}, {"0 axes"});
  refuses("short_header", {0, 0, 8, 3, 0, 0, 0, 2, 0}, {"ends after 9 bytes", "3 axes has 16"});
  refuses("truncated", header({2, 3, 5}) + data, {"24 bytes", "2 × 3 × 5 = 30", "truncated"});
  refuses("too_long", header({2, 3, 3}) + data, {"goes on after", "2 × 3 × 3 = 18"});
  refuses("liar", header({0xffffffff, 1, 1}) + data,
          {"24 bytes", "4294967295", "truncated"});  // no 4 GB allocated
  refuses("overflow", header({0xffffffff, 0xffffffff, 0xffffffff}) + data, {"no memory can address"});
}

BOOST_AUTO_TEST_CASE(idx_bad_gzip) {
  const Folder folder;
  Rng rng(1);
  Idx idx{{100, 100}, Bytes(10000)};
  for (auto& e : idx.entries) e = static_cast<std::uint8_t>(rng.bits());
  write_idx(folder / "good.gz", idx);
  const Bytes good = folder.read("good.gz");

  for (std::size_t length : {std::size_t(5), std::size_t(12), good.size() / 2, good.size() - 4}) {
    const auto path =
        folder.write("cut.gz", Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)));
    check_error([&] { read_idx(path); }, {"cut.gz", "middle of its compressed data", "truncated"});
  }
  Bytes flipped = good;
  flipped[good.size() / 2] ^= 0x10;  // the checksum at the end finds it
  check_error([&] { read_idx(folder.write("flipped.gz", flipped)); }, {"flipped.gz", "damaged"});
  Bytes checksum = good;
  checksum[good.size() - 8] ^= 1;
  check_error([&] { read_idx(folder.write("checksum.gz", checksum)); }, {"checksum.gz", "damaged"});
}

BOOST_AUTO_TEST_CASE(images_and_labels) {
  const Folder folder;
  const auto images = folder.write("images", header({2, 1, 3}) + Bytes{0, 51, 255, 102, 1, 0});
  const auto labels = folder.write("labels", header({2}) + Bytes{9, 0});
  const auto data = read_digits<double>(images, labels);
  BOOST_TEST(shape_of(data.x) == (Shape{2, 1, 3}));
  BOOST_TEST(data.x(0, 0, 1) == .2);
  BOOST_TEST(data.x(0, 0, 2) == 1.);
  BOOST_TEST(data.x(1, 0, 0) == .4);
  BOOST_TEST(data.labels(0) == 9);
  BOOST_TEST(data.size() == 2U);

  const auto three = folder.write("three", header({3}) + Bytes{1, 2, 3});
  check_error([&] { read_digits<float>(images, three); }, {"images has 2 images", "three has 3 labels"});
  const auto ten = folder.write("ten", header({2}) + Bytes{3, 10});
  check_error([&] { read_digits<float>(images, ten); }, {"ten has label 10 for image 1", "0 to 9"});
  check_error([&] { read_digits<float>(labels, labels); },
              {"labels holds an array (2,)", "images have 3 axes"});
  check_error([&] { read_digits<float>(images, images); }, {"labels have 1 axis"});
  const auto none = folder.write("none", header({0, 28, 28}));
  check_error([&] { read_digits<float>(none, labels); }, {"none holds an array (0, 28, 28)", "no images"});
}

BOOST_AUTO_TEST_CASE(digits_round_trip_through_files) {
  const Folder folder;
  const auto data = digits<float>(20, 4);
  write_digits(data, folder / "images.gz", folder / "labels.gz");
  const auto back = read_digits<float>(folder / "images.gz", folder / "labels.gz");
  BOOST_TEST(shape_of(back.x) == shape_of(data.x));
  BOOST_TEST((back.labels == data.labels));
  for (std::size_t i = 0; i < data.x.size(); ++i)
    BOOST_REQUIRE_SMALL(back.x.data()[i] - data.x.data()[i], .5F / 255 + 1e-6F);
  write_digits(back, folder / "again.gz", folder / "labels_again.gz");  // bytes are kept exactly
  BOOST_TEST((folder.read("again.gz") == folder.read("images.gz")));
}

BOOST_AUTO_TEST_CASE(mnist_folder) {
  {
    const Folder folder;
    check_error([&] { load_mnist<float>(folder / "missing"); }, {"[mnist]", "missing", "does not exist"});
    check_error([&] { load_mnist<float>(folder.write("file", {1})); }, {"is not a folder"});
    check_error([&] { load_mnist<float>(folder.path.string()); },
                {"neither train-images-idx3-ubyte", "t10k"});
    write_pair(folder, "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", 11, 5);
    const auto all =
        read_digits<float>(folder / "t10k-images-idx3-ubyte.gz", folder / "t10k-labels-idx1-ubyte.gz");
    const auto half = load_mnist<float>(folder.path.string());  // one part: split 8 : 3
    BOOST_TEST(half.split_here);
    BOOST_TEST(half.train.size() == 8U);
    BOOST_TEST(half.test.size() == 3U);
    BOOST_TEST(same(half.train.x, samples(all, 0, 8).x));
    BOOST_TEST(same(half.test.x, samples(all, 8, 11).x));

    write_pair(folder, "train-images.idx3-ubyte", "train-labels.idx1-ubyte", 7, 6);  // the other spelling
    const auto both = load_mnist<float>(folder.path.string());
    BOOST_TEST(!both.split_here);
    BOOST_TEST(both.train.size() == 7U);
    BOOST_TEST(same(both.test.x, all.x));

    fs::remove(folder / "t10k-labels-idx1-ubyte.gz");
    check_error([&] { load_mnist<float>(folder.path.string()); },
                {"t10k-images-idx3-ubyte.gz is there", "come in pairs"});
  }
  {
    const Folder folder;
    write_pair(folder, "train-images-idx3-ubyte", "train-labels-idx1-ubyte", 4);
    check_error([&] { load_mnist<float>(folder.path.string()); }, {"4 images", "at least 5"});
    write_pair(folder, "train-images-idx3-ubyte", "train-labels-idx1-ubyte", 5);
    BOOST_TEST(load_mnist<float>(folder.path.string()).train.size() == 4U);
    write_digits<float>({zeros<float>({2, 5, 5}), Indices{1, 2}}, folder / "t10k-images-idx3-ubyte",
                        folder / "t10k-labels-idx1-ubyte");
    check_error([&] { load_mnist<float>(folder.path.string()); }, {"(5, 4, 3)", "(2, 5, 5)", "must agree"});
  }
}

BOOST_AUTO_TEST_CASE(real_mnist) {
  const char* folder = std::getenv("XGRAD_MNIST");
  if (!folder || !*folder) {
    BOOST_TEST_MESSAGE("skipped: XGRAD_MNIST names no folder with MNIST's files");
    return;
  }
  const auto data = load_mnist<float>(folder);
  const std::size_t whole = data.train.size() + data.test.size();
  BOOST_TEST((whole == 10000U || whole == 60000U || whole == 70000U));
  BOOST_TEST(shape_of(data.test.x) == (Shape{data.test.size(), 28, 28}));
  double ink = 0;
  for (std::size_t i = 0; i < data.train.x.size(); ++i) ink += double(data.train.x.data()[i]);
  BOOST_TEST(ink / double(data.train.x.size()) == .13,
             boost::test_tools::tolerance(.05));  // mean pixel .1307
  std::map<std::int64_t, int> seen;
  for (auto label : data.train.labels) ++seen[label];
  BOOST_TEST(seen.size() == 10U);
}

BOOST_AUTO_TEST_CASE(generated_digits) {
  const auto data = digits<double>(1000, 1);
  BOOST_TEST(shape_of(data.x) == (Shape{1000, 28, 28}));
  // The seed fixes every pixel, whatever the compiler: a sum of whole numbers, so that its order does not
  // matter.
  double sum = 0;
  for (std::size_t i = 0; i < data.x.size(); ++i) {
    BOOST_REQUIRE((data.x.data()[i] >= 0 && data.x.data()[i] <= 1));
    sum += std::nearbyint(data.x.data()[i] * 0x1p30);
  }
  BOOST_TEST(sum == 193175405145099.);
  std::map<std::int64_t, int> seen;
  for (auto label : data.labels) ++seen[label];
  BOOST_TEST(seen.size() == 10U);
  for (const auto& [label, times] : seen)
    BOOST_TEST((label >= 0 && label <= 9 && times > 60 && times < 140),
               label << " comes " << times << " times");

  BOOST_TEST(same(cast<float>(data.x), digits<float>(1000, 1).x));  // both precisions, and again: the same
  BOOST_TEST(!same(digits<float>(5, 1).x, digits<float>(5, 2).x));
  BOOST_TEST(
      same(samples(digits<float>(9, 1), 0, 5).x, digits<float>(5, 1).x));  // more images, the same first ones
  BOOST_TEST(digits<float>(0, 1).size() == 0U);
  check_error([] { digits<float>(1, 1, {-1, 2}); }, {"noise is -1"});
  check_error([] { digits<float>(1, 1, {.3, 4}); }, {"shift is 4", "up to 3"});
}

BOOST_AUTO_TEST_CASE(glyphs) {
  // Without noise and offset an image is its glyph: one brightness, 21 × 15 pixels in the middle.
  std::map<std::int64_t, std::vector<bool>> shapes;
  const auto plain = digits<double>(100, 3, {0, 0});
  for (std::size_t i = 0; i < plain.size(); ++i) {
    std::vector<bool> ink;
    double brightness = 0;
    for (std::size_t r = 0; r < 28; ++r)
      for (std::size_t c = 0; c < 28; ++c) {
        const double p = plain.x(i, r, c);
        ink.push_back(p > 0);
        if (p == 0) continue;
        if (brightness == 0) brightness = p;
        BOOST_REQUIRE(p == brightness);
        BOOST_REQUIRE((r >= 3 && r < 24 && c >= 6 && c < 21));
      }
    BOOST_TEST((brightness >= .6 && brightness < 1));
    const auto known = shapes.emplace(plain.labels(i), ink).first;
    BOOST_TEST((known->second == ink));  // one shape per digit
  }
  BOOST_REQUIRE(shapes.size() == 10U);
  for (const auto& [a, shape] : shapes)
    for (const auto& [b, other] : shapes) BOOST_TEST((a == b) == (shape == other));

  // Offsets: every one of the 5 × 5 comes up.
  std::map<std::pair<std::size_t, std::size_t>, int> corners;
  const auto moved = digits<double>(2000, 4, {0, 2});
  for (std::size_t i = 0; i < moved.size(); ++i) {
    if (moved.labels(i) != 5) continue;  // its glyph has ink in the upper left corner
    std::size_t at = 0;
    while (moved.x.data()[i * 784 + at] == 0) ++at;
    ++corners[{at / 28, at % 28}];
  }
  BOOST_TEST(corners.size() == 25U);
  BOOST_TEST((corners.begin()->first == std::pair<std::size_t, std::size_t>(1, 4)));
  BOOST_TEST((corners.rbegin()->first == std::pair<std::size_t, std::size_t>(5, 8)));
}

BOOST_AUTO_TEST_CASE(pictures) {
  BOOST_TEST(picture(Array<double>{{{1, 0, .5}, {1, 0, .5}, {1, .2, -3}}}) == "█ ▒\n▒\n");
  const double nan = std::nan("");
  BOOST_TEST(picture(Array<double>{{{nan, 1}}, {{1, 1}}}) == " ▒▒▒\n");
  check_error([] { picture(zeros<float>({28, 28})); }, {"(28, 28)", "(n, rows, columns)"});
}

BOOST_AUTO_TEST_CASE(two_spiral_arms) {
  const double pi = std::acos(-1.);
  const auto exact = spiral<double>(20000, 0, 1);
  std::vector<int> rings(4);  // of equal area, so of equally many points
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double sign = exact.labels(i) ? -1 : 1, x = sign * exact.x(i, 0), y = sign * exact.x(i, 1);
    const double radius = std::hypot(x, y);
    BOOST_REQUIRE(exact.labels(i) == int(i % 2));
    BOOST_REQUIRE_SMALL(x - radius * std::cos(3 * pi * radius), 1e-13);
    BOOST_REQUIRE_SMALL(y - radius * std::sin(3 * pi * radius), 1e-13);
    ++rings.at(static_cast<std::size_t>(4 * radius * radius));
  }
  for (double points : rings) BOOST_TEST(points == 5000., boost::test_tools::tolerance(.05));
  const auto noisy = spiral<double>(20000, .02, 1), other = spiral<double>(20000, .02, 2);
  BOOST_TEST(same(cast<float>(noisy.x), spiral<float>(20000, .02, 1).x));
  BOOST_TEST(!same(noisy.x, other.x));
  check_error([] { spiral<float>(3, -.1, 1); }, {"noise is -0.1"});
}

BOOST_AUTO_TEST_CASE(three_spiral_arms) {
  const double pi = std::acos(-1.);
  const auto data = spiral<double>(300, 0, 1, 3);
  for (std::size_t i = 0; i < data.size(); ++i) {
    const double radius = std::hypot(data.x(i, 0), data.x(i, 1));
    const double angle = 3 * pi * radius + 2 * pi * double(i % 3) / 3;
    BOOST_REQUIRE(data.labels(i) == int(i % 3));
    BOOST_REQUIRE_SMALL(data.x(i, 0) - radius * std::cos(angle), 1e-13);
    BOOST_REQUIRE_SMALL(data.x(i, 1) - radius * std::sin(angle), 1e-13);
  }
  check_error([] { spiral<float>(3, 0, 1, 0); }, {"there are 0 arms"});
}

BOOST_AUTO_TEST_CASE(two_moons) {
  const auto exact = moons<double>(200, 0, 1);
  for (std::size_t i = 0; i < 200; ++i) {
    const bool lower = i % 2 == 1;
    BOOST_TEST(exact.labels(i) == int(lower));
    const double x = lower ? 1 - exact.x(i, 0) : exact.x(i, 0),
                 y = lower ? .5 - exact.x(i, 1) : exact.x(i, 1);
    BOOST_REQUIRE_SMALL(x * x + y * y - 1, 1e-14);
    BOOST_REQUIRE(y >= 0);
  }
  // Uniform in the angle: an eighth of the points lies in each eighth of the half circle.
  const auto many = moons<double>(200000, 0, 2);
  const double pi = std::acos(-1.);
  std::vector<int> eighths(8);
  for (std::size_t i = 0; i < 200000; i += 2)
    ++eighths.at(static_cast<std::size_t>(std::atan2(many.x(i, 1), many.x(i, 0)) / pi * 8));
  for (double points : eighths) BOOST_TEST(points == 12500., boost::test_tools::tolerance(.04));
  const auto noisy = moons<double>(20000, .1, 2);
  BOOST_TEST(same(cast<float>(noisy.x), moons<float>(20000, .1, 2).x));
  double outside = 0;
  for (std::size_t i = 0; i < 20000; i += 2)
    outside += std::pow(std::hypot(noisy.x(i, 0), noisy.x(i, 1)) - 1, 2) / 10000;
  BOOST_TEST(outside == .01, boost::test_tools::tolerance(.06));
  check_error([] { moons<float>(3, -.1, 1); }, {"noise is -0.1"});
  BOOST_TEST(moons<float>(0, .1, 1).size() == 0U);
}

BOOST_AUTO_TEST_CASE(digits_on_a_small_canvas) {
  const auto plain = small_digits<double>(3000, 1, 0);
  BOOST_TEST(shape_of(plain.x) == (Shape{3000, 10, 10}));
  std::map<std::int64_t, std::map<std::size_t, int>> corners;  // of each digit: where its ink begins
  for (std::size_t i = 0; i < plain.size(); ++i) {
    std::size_t first = 100;
    for (std::size_t p = 0; p < 100; ++p) {
      const double value = plain.x.data()[100 * i + p];
      if (value == 0) continue;
      BOOST_REQUIRE((value >= .6 && value < 1 && p / 10 >= 1 && p / 10 <= 8 && p % 10 >= 2 && p % 10 <= 7));
      first = std::min(first, p);
    }
    ++corners[plain.labels(i)][first];
  }
  BOOST_TEST(corners.size() == 10U);
  for (const auto& [label, places] : corners)
    BOOST_TEST(places.size() == 4U, label << ": two rows, two columns");
  BOOST_TEST(corners[5].count(12) == 1U);  // its glyph has ink in the upper left corner

  const auto noisy = small_digits<double>(2000, 1);
  double variance = 0;
  for (std::size_t i = 0; i < 2000; ++i)
    variance += std::pow(noisy.x(i, 0, 0), 2) / 2000;  // always background
  BOOST_TEST(variance == .09, boost::test_tools::tolerance(.1));
  check_error([] { small_digits<float>(1, 1, -1); }, {"noise is -1"});
}

BOOST_AUTO_TEST_CASE(cifar_round_trip) {
  const Folder folder;
  // By hand: label 3, then red, green and blue planes; the first pixel is (10, 20, 30), the last (40, 50,
  // 60).
  Bytes record(3073);
  record[0] = 3;
  for (std::size_t plane = 0; plane < 3; ++plane) {
    record[1 + 1024 * plane] = static_cast<std::uint8_t>(10 * (plane + 1));
    record[1024 * (plane + 1)] = static_cast<std::uint8_t>(10 * (plane + 4));
  }
  const auto one = read_cifar10<double>(folder.write("one.bin", record));
  BOOST_TEST(shape_of(one.x) == (Shape{1, 3, 32, 32}));
  BOOST_TEST(one.labels(0) == 3);
  BOOST_TEST(one.x(0, 1, 0, 0) == 20. / 255);
  BOOST_TEST(one.x(0, 2, 31, 31) == 60. / 255);
  BOOST_TEST(cifar10_class(3) == "cat");
  check_error([] { cifar10_class(10); }, {"no class 10"});

  Rng rng(1);
  Labelled<float> data{rng.uniform<float>({7, 3, 32, 32}, 0, 1), Indices{0, 1, 2, 3, 9, 8, 7}};
  write_cifar10(data, folder / "seven.bin");
  BOOST_TEST(folder.read("seven.bin").size() == 7 * 3073U);
  BOOST_TEST(!fs::exists(folder / "seven.bin.part"));
  const auto back = read_cifar10<float>(folder / "seven.bin");
  BOOST_TEST((back.labels == data.labels));
  for (std::size_t i = 0; i < data.x.size(); ++i)
    BOOST_REQUIRE_SMALL(back.x.data()[i] - data.x.data()[i], .5F / 255 + 1e-6F);
  write_cifar10(back, folder / "again.bin");
  BOOST_TEST((folder.read("again.bin") == folder.read("seven.bin")));
}

BOOST_AUTO_TEST_CASE(cifar_bad_files) {
  const Folder folder;
  check_error([&] { read_cifar10<float>(folder / "none.bin"); }, {"[cifar]", "none.bin", "No such file"});
  check_error([&] { read_cifar10<float>(folder.path.string()); }, {"Is a directory"});
  check_error([&] { read_cifar10<float>(folder.write("empty.bin", {})); }, {"empty.bin is empty"});
  check_error([&] { read_cifar10<float>(folder.write("cut.bin", Bytes(3073 * 2 - 1))); },
              {"cut.bin has 6145 bytes, 3072 more than 1 records of 3073", "truncated"});
  Bytes wrong(3073 * 2);
  wrong[3073] = 10;
  check_error([&] { read_cifar10<float>(folder.write("wrong.bin", wrong)); },
              {"label 10 for image 1", "0 to 9"});
  check_error(
      [&] {
        write_cifar10<float>({zeros<float>({1, 32, 32, 3}), Indices{0}}, folder / "x");
      },
      {"(1, 32, 32, 3)", "(n, 3, 32, 32)"});
  check_error(
      [&] {
        write_cifar10<float>({zeros<float>({1, 3, 32, 32}), Indices{10}}, folder / "x");
      },
      {"label 0 is 10"});
  check_error(
      [&] {
        write_cifar10<float>({full<float>({1, 3, 32, 32}, 2), Indices{1}}, folder / "x");
      },
      {"pixel 0 is 2", "[0, 1]"});
  check_error(
      [&] {
        write_cifar10<float>({zeros<float>({1, 3, 32, 32}), Indices{1}}, folder / "no/x");
      },
      {"no/x", "cannot be written"});
}

BOOST_AUTO_TEST_CASE(cifar_folder) {
  const Folder folder;
  const auto batch = [&](const char* name, std::int64_t label, std::size_t n) {
    write_cifar10<float>({full<float>({n, 3, 32, 32}, float(label) / 10), full<std::int64_t>({n}, label)},
                         folder / name);
  };
  check_error([&] { load_cifar10<float>(folder / "none"); }, {"none", "does not exist"});
  check_error([&] { load_cifar10<float>(folder.path.string()); }, {"data_batch_1.bin does not exist"});
  batch("data_batch_1.bin", 1, 3);
  check_error([&] { load_cifar10<float>(folder.path.string()); }, {"test_batch.bin does not exist"});
  batch("test_batch.bin", 6, 4);
  BOOST_TEST(load_cifar10<float>(folder.path.string()).train.size() == 3U);
  for (int i = 2; i <= 5; ++i) batch(("data_batch_" + std::to_string(i) + ".bin").c_str(), i, 2);
  const auto data = load_cifar10<float>(folder.path.string());
  BOOST_TEST((data.train.labels == Indices{1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5}));
  BOOST_TEST(data.train.x(10, 2, 31, 31) == 128 / 255.F);
  BOOST_TEST((data.test.labels == Indices{6, 6, 6, 6}));
}

BOOST_AUTO_TEST_CASE(batches) {
  Labelled<float> data{zeros<float>({10, 2, 3}), Indices::from_shape({10})};
  for (std::size_t i = 0; i < 10; ++i) {
    data.labels(i) = std::int64_t(i);
    for (std::size_t j = 0; j < 6; ++j) data.x.data()[6 * i + j] = float(10 * i + j);
  }
  Rng rng(1);
  std::vector<std::vector<std::int64_t>> orders;
  for (int epoch = 0; epoch < 3; ++epoch) {
    std::vector<std::int64_t> order;
    std::vector<std::size_t> sizes;
    for (const auto& batch : Batches<float>(data, 4, rng)) {
      sizes.push_back(batch.size());
      BOOST_TEST(shape_of(batch.x) == (Shape{batch.size(), 2, 3}));
      for (std::size_t i = 0; i < batch.size(); ++i) {
        order.push_back(batch.labels(i));
        for (std::size_t j = 0; j < 6; ++j)
          BOOST_TEST(batch.x.data()[6 * i + j] == float(10 * batch.labels(i) + int(j)));
      }
    }
    BOOST_TEST(sizes == (std::vector<std::size_t>{4, 4, 2}), boost::test_tools::per_element());
    orders.push_back(order);
    std::sort(order.begin(), order.end());
    BOOST_TEST((order == std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));  // each exactly once
  }
  BOOST_TEST((orders[0] != orders[1] && orders[1] != orders[2]));

  std::vector<std::int64_t> in_order;
  for (const auto& batch : Batches<float>(data, 3))
    in_order.insert(in_order.end(), batch.labels.begin(), batch.labels.end());
  BOOST_TEST((in_order == std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  BOOST_TEST(Batches<float>(data, 5).size() == 2U);
  BOOST_TEST(Batches<float>(data, 100).size() == 1U);
  const Labelled<float> none{zeros<float>({0, 2}), Indices::from_shape({0})};
  BOOST_TEST(Batches<float>(none, 4, rng).size() == 0U);
  check_error([&] { Batches<float>(data, 0); }, {"batch size is 0"});
  check_error([&] { Batches<float>(data, 4)[3]; }, {"no batch 3", "there are 3"});
  const Labelled<float> odd{zeros<float>({3, 2}), Indices{1, 2}};
  check_error([&] { Batches<float>(odd, 1); }, {"(3, 2)", "(2,)", "one label for each row"});
}

BOOST_AUTO_TEST_CASE(parts_and_counts) {
  const auto data = digits<float>(6, 1);
  BOOST_TEST(samples(data, 2, 2).size() == 0U);
  BOOST_TEST(samples(data, 4, 6).labels(1) == data.labels(5));
  check_error([&] { samples(data, 3, 7); }, {"3 to 7 of 6"});
  check_error([&] { samples(data, 3, 2); }, {"begin ≤ end"});
  check_error(
      [&] {
        samples<float>({zeros<float>({2, 3}), Indices{0, 1, 2}}, 0, 3);
      },
      {"one label for each"});
  const double nan = std::nan("");
  const Array<double> scores{{1, 3, 2}, {5, 5, 0}, {0, 1, 2}, {nan, 1, 2}};
  BOOST_TEST(count_correct(scores, Indices{1, 0, 0, 0}) ==
             2U);  // a tie goes to the first; NaN is never right
  check_error([&] { count_correct(scores, Indices{1, 0}); }, {"(4, 3)", "(2,)", "one label per sample"});
}

BOOST_AUTO_TEST_CASE(progress_in_a_log) {
  std::ostringstream out;
  {
    Progress progress("work", 2000, out, false);
    for (std::size_t i = 1; i <= 2000; ++i) progress.update(i, "loss 0." + std::to_string(i));
  }
  const std::string text = out.str();
  BOOST_TEST(std::count(text.begin(), text.end(), '\n') == 10);  // a line for each tenth
  BOOST_TEST(text.find('\r') == std::string::npos);
  BOOST_TEST(text.find('\x1b') == std::string::npos);
  BOOST_TEST(text.find("work  200/2000  loss 0.200  0:00 left\n") == 0U);
  BOOST_TEST(text.find("work 2000/2000  loss 0.2000  0:00 taken\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(progress_on_a_terminal) {
  std::ostringstream out;
  {
    Progress progress("work", 100000, out, true);
    for (std::size_t i = 1; i <= 100000; ++i) progress.update(i, "so far");
  }
  const std::string text = out.str();
  const auto drawn = std::count(text.begin(), text.end(), '\r');
  BOOST_TEST((drawn >= 2 && drawn < 30), "drawn " << drawn << " times for 100000 updates");
  BOOST_TEST(text.find("\rwork [>                       ]      1/100000  so far") == 0U);
  BOOST_TEST(text.find("\rwork [========================] 100000/100000  so far") != std::string::npos);
  BOOST_TEST(std::count(text.begin(), text.end(), '\n') == 1);  // one line, ended at the end
  BOOST_TEST(text.back() == '\n');

  std::ostringstream silent;
  { Progress progress("nothing", 10, silent, true); }
  BOOST_TEST(silent.str().empty());
  std::ostringstream empty;
  {
    Progress progress("no work", 0, empty, true);
    progress.update(0);
  }
  BOOST_TEST(empty.str().find("[========================] 0/0") != std::string::npos);
  std::ostringstream wide;
  { Progress(std::string(500, 'x'), 10, wide, true).update(1); }
  BOOST_TEST(wide.str().find('\x1b') < 500U);  // cut, so that the terminal does not wrap it
}

BOOST_AUTO_TEST_CASE(clock_texts) {
  BOOST_TEST(clock_text(0) == "0:00");
  BOOST_TEST(clock_text(7.4) == "0:07");
  BOOST_TEST(clock_text(59.6) == "1:00");
  BOOST_TEST(clock_text(760) == "12:40");
  BOOST_TEST(clock_text(11100) == "3:05:00");
  BOOST_TEST(clock_text(-1) == "0:00");
}

BOOST_AUTO_TEST_SUITE_END()
