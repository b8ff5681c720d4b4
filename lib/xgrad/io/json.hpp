#pragma once
// JSON inside the library: nlohmann's, parsed strictly. Not part of the interface: xgrad.hpp does not include
// it.

#include <nlohmann/json.hpp>
#include <string>

namespace xgrad {

using Json = nlohmann::json;

/// Parses one JSON value, at most eight levels deep. Throws Error("[where] path …") on bad syntax, text that
/// is no UTF-8, and an object that has one key twice (of which most parsers keep the last without a word).
Json parse_json(const std::string& where, const std::string& path, const std::string& text);

/// The value as text, on one line or indented. Throws Error("[where] path …") when a string is no UTF-8.
std::string json_text(const std::string& where, const std::string& path, const Json& value, int indent = -1);

/// "name" with quotes, for messages: printable.
std::string in_quotes(const std::string& name);

}  // namespace xgrad
