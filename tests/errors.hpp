#pragma once
// What tests expect of an Error.

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "xgrad/core/array.hpp"

/// f must throw an Error of one line that contains every one of `words`.
template <class F>
void check_error(F f, const std::vector<std::string>& words) {
  try {
    f();
    BOOST_ERROR("nothing was thrown; expected: " << words.front());
  } catch (const xgrad::Error& error) {
    const std::string what = error.what();
    BOOST_CHECK_MESSAGE(what.find('\n') == std::string::npos, what);
    for (const auto& word : words)
      BOOST_CHECK_MESSAGE(what.find(word) != std::string::npos, "'" << word << "' is not in: " << what);
  }
}

/// f must throw an Error that begins with `message`.
template <class F>
void rejects(const std::string& message, F f) {
  try {
    f();
    BOOST_ERROR("nothing was thrown; expected: " << message);
  } catch (const xgrad::Error& error) {
    BOOST_TEST(std::string(error.what()).rfind(message, 0) == 0u, error.what() << " is not: " << message);
  }
}
