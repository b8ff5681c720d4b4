// Options as JSON: what is written is read back; unknown keys, other types and values out of range are
// refused by name.
#include "xgrad/io/config.hpp"

#include <boost/test/unit_test.hpp>

#include "temporary_file.hpp"

namespace {

using namespace xgrad;

struct Options {
  std::size_t layers = 4;
  std::size_t seed = 1;
  double dropout = .1;
  bool bias = true;
  std::string norm = "pre", title = "a model";
  AdamOptions adam;
};

void fields(Fields& f, Options& o) {
  f("layers", o.layers, 1, 100);
  f("seed", o.seed);
  f("dropout", o.dropout, 0, .9);
  f("bias", o.bias);
  f("norm", o.norm, {"pre", "post"});
  f("title", o.title);
  f("adam", o.adam);
}

void refused(const std::string& text, const std::string& message) {
  BOOST_CHECK_EXCEPTION(from_json<Options>("FILE", text), Error, [&](const Error& e) {
    BOOST_TEST(e.what() == "[config] FILE" + message);
    return true;
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(config_test)

BOOST_AUTO_TEST_CASE(what_is_written_is_read_back) {
  Options options;
  options.layers = 7;
  options.seed = 18446744073709551615u;
  options.dropout = .1 + .2;  // 0.30000000000000004
  options.bias = false;
  options.norm = "post";
  options.title = "\"中\"\n";
  options.adam.beta2 = .95;
  TemporaryFile file(".json");
  save_config(file.path, options);
  const auto back = load_config<Options>(file.path);
  BOOST_TEST(back.layers == 7u);
  BOOST_TEST(back.seed == 18446744073709551615u);
  BOOST_TEST(back.dropout == .1 + .2);
  BOOST_TEST(!back.bias);
  BOOST_TEST(back.norm == "post");
  BOOST_TEST(back.title == "\"中\"\n");
  BOOST_TEST(back.adam.beta2 == .95);
  BOOST_TEST(to_json(back) == to_json(options));
}

BOOST_AUTO_TEST_CASE(the_text_is_readable) {
  BOOST_TEST(to_json(SgdOptions{.9, true, 0}) ==
             "{\n  \"momentum\": 0.9,\n  \"nesterov\": true,\n  \"weight_decay\": 0.0\n}");
}

BOOST_AUTO_TEST_CASE(keys_that_are_not_there_leave_what_is_given) {
  Options given;
  given.layers = 9;
  const auto options = from_json("FILE", R"({"adam": {"beta1": 1}, "dropout": 0})", given);
  BOOST_TEST(options.layers == 9u);
  BOOST_TEST(options.dropout == 0);
  BOOST_TEST(options.adam.beta1 == 1);
  BOOST_TEST(options.adam.beta2 == .999);
  BOOST_TEST(from_json<Options>("FILE", "{}").title == "a model");
}

BOOST_AUTO_TEST_CASE(anything_else_is_refused_by_name) {
  refused("", " has JSON that cannot be understood at byte 1");
  refused("[1]", " must hold one JSON object: {…}");
  refused("7", " must hold one JSON object: {…}");
  refused(R"({"layers": 4} {})", " has JSON that cannot be understood at byte 15");
  refused(R"({"layers": 4, "layers": 5})", R"( has the key "layers" twice)");
  refused(R"({"layer": 4})",
          R"( has an unknown key "layer": known are layers, seed, dropout, bias, norm, title, adam)");
  refused(R"({"adam": {"beta3": 4}})",
          R"( has an unknown key "adam.beta3": known are beta1, beta2, eps, weight_decay)");
  for (const char* value :
       {"0", "101", "-1", "4.0", "\"4\"", "true", "null", "[4]", "{}", "99999999999999999999"})
    BOOST_CHECK_THROW(from_json<Options>("FILE", std::string(R"({"layers": )") + value + "}"), Error);
  refused(R"({"layers": 101})", R"(: "layers" is 101: it must be a whole number from 1 to 100)");
  refused(R"({"layers": 4.5})", R"(: "layers" is 4.5: it must be a whole number from 1 to 100)");
  refused(R"({"dropout": 0.91})", R"(: "dropout" is 0.91: it must be a number from 0 to 0.9)");
  refused(R"({"dropout": "none"})", R"(: "dropout" is "none": it must be a number from 0 to 0.9)");
  refused(R"({"dropout": 1e999})", " has JSON with a number that is too large");
  refused(R"({"dropout": NaN})", " has JSON that cannot be understood at byte 13");
  refused(R"({"bias": 1})", R"(: "bias" is 1: it must be true or false)");
  refused(R"({"norm": "Pre"})", R"(: "norm" is "Pre": it must be one of pre, post)");
  refused(R"({"title": 3})", R"(: "title" is 3: it must be a text)");
  refused(R"({"adam": 3})", R"(: "adam" is 3: it must be an object: {…})");
  refused(R"({"adam": {"eps": -1}})", R"(: "adam.eps" is -1: it must be a number from 0 to 1)");
  BOOST_CHECK_EXCEPTION(load_config<Options>("no/such.json"), Error, [](const Error& e) {
    return e.what() == std::string("[config] no/such.json cannot be opened: No such file or directory");
  });
}

BOOST_AUTO_TEST_SUITE_END()
