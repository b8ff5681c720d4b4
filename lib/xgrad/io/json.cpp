#include "xgrad/io/json.hpp"

#include <set>
#include <vector>

#include "xgrad/core/array.hpp"
#include "xgrad/io/file.hpp"

namespace xgrad {

Json parse_json(const std::string& where, const std::string& path, const std::string& text) {
  constexpr int deepest = 8;
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto check = [&](int depth, Json::parse_event_t event, Json& value) {
    using Event = Json::parse_event_t;
    if (depth > deepest) fail(where, path, " has JSON that is nested more than ", deepest, " levels deep");
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key && !keys.back().insert(value.get<std::string>()).second)
      fail(where, path, " has the key ", in_quotes(value.get<std::string>()), " twice");
    return true;
  };
  try {
    return Json::parse(text, check);
  } catch (const Json::parse_error& error) {
    fail(where, path, " has JSON that cannot be understood at byte ", error.byte);
  } catch (const Json::exception&) {
    fail(where, path, " has JSON with a number that is too large");
  }
}

std::string json_text(const std::string& where, const std::string& path, const Json& value, int indent) {
  try {
    return value.dump(indent);
  } catch (const Json::exception&) {
    fail(where, path, " cannot be written: a name or text is no UTF-8");
  }
}

std::string in_quotes(const std::string& name) { return '"' + printable(name) + '"'; }

}  // namespace xgrad
