// CSV and JSON lines: exact text, and a log that goes on where the checkpoint was.
#include "xgrad/io/log.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>

#include "temporary_file.hpp"
#include "xgrad/core/array.hpp"

namespace {

using namespace xgrad;

template <class F>
void refused(const std::string& message, F f) {
  BOOST_CHECK_EXCEPTION(f(), Error, [&](const Error& e) {
    BOOST_TEST(e.what() == message);
    return true;
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(log_test)

BOOST_AUTO_TEST_CASE(csv) {
  TemporaryFile file(".csv");
  file.write("an old log\n");
  CsvLog log(file.path);
  log.write(1, {{"loss", .1}, {"a \"b\", c", 1e-300}});
  BOOST_TEST(file.read() == "step,loss,\"a \"\"b\"\", c\"\n1,0.1,1e-300\n");  // there at once
  log.write(2, {{"loss", -INFINITY}, {"a \"b\", c", std::nan("")}});
  BOOST_TEST(file.read() == "step,loss,\"a \"\"b\"\", c\"\n1,0.1,1e-300\n2,-inf,nan\n");
  refused("[log] " + file.path +
              R"( has the columns "step,loss,"a ""b"", c"", not "step,loss": they stay the same)",
          [&] {
            log.write(3, {{"loss", 0}});
          });
}

BOOST_AUTO_TEST_CASE(json_lines) {
  TemporaryFile file(".jsonl");
  JsonLinesLog log(file.path);
  log.write(1, {{"loss", .1}, {"a \"b\"", std::nan("")}});
  log.write(2, {{"rate", 3}, {"中", INFINITY}});
  log.write(3, {});
  BOOST_TEST(file.read() ==
             "{\"step\":1,\"loss\":0.1,\"a "
             "\\\"b\\\"\":null}\n{\"step\":2,\"rate\":3.0,\"中\":null}\n{\"step\":3}\n");
  BOOST_CHECK_THROW(log.write(4, {{"\xff", 0}}), Error);
}

BOOST_AUTO_TEST_CASE(a_log_goes_on_where_the_checkpoint_was) {
  TemporaryFile csv(".csv"), json(".jsonl");
  {
    CsvLog a(csv.path, 5);  // there is none yet
    JsonLinesLog b(json.path, 5);
    for (std::size_t step = 5; step < 20; ++step) {
      a.write(step, {{"loss", double(step)}});
      b.write(step, {{"loss", double(step)}});
    }
  }
  std::ofstream(csv.path, std::ios::app) << "20,2";  // the crash came here
  std::ofstream(json.path, std::ios::app) << "{\"step\":20,";
  CsvLog(csv.path, 7).write(7, {{"loss", .5}});
  JsonLinesLog(json.path, 7).write(7, {{"loss", .5}});
  BOOST_TEST(csv.read() == "step,loss\n5,5\n6,6\n7,0.5\n");
  BOOST_TEST(json.read() ==
             "{\"step\":5,\"loss\":5.0}\n{\"step\":6,\"loss\":6.0}\n{\"step\":7,\"loss\":0.5}\n");
  refused("[log] " + csv.path + R"( has the columns "step,loss", not "step,accuracy": they stay the same)",
          [&] {
            CsvLog(csv.path, 8).write(8, {{"accuracy", 1}});
          });
}

BOOST_AUTO_TEST_CASE(foreign_files_are_not_touched) {
  TemporaryFile file;
  for (const char* text : {"step,loss\n1,2\nthree,4\n", "Dear diary,\nit rained.\n"}) {
    file.write(text);
    BOOST_CHECK_THROW(CsvLog(file.path, 1), Error);
    BOOST_CHECK_THROW(JsonLinesLog(file.path, 1), Error);
    BOOST_TEST(file.read() == text);
  }
  file.write("step,loss\n1,2\nthree,4\n");
  refused("[log] " + file.path + R"( has a line 3 that is not of this kind of log: "three,4")",
          [&] { CsvLog(file.path, 1); });
  refused("[log] no/such/log.csv cannot be written: No such file or directory",
          [] { CsvLog("no/such/log.csv"); });
}

BOOST_AUTO_TEST_SUITE_END()
