#include "cli/data/npy_header.h"

#include <array>
#include <charconv>
#include <optional>

#include "engine/try.h"

namespace octet::cli {
namespace {

/// numpy's own limit.
constexpr std::size_t kMaxRank = 32;

struct Dtype {
  std::string_view name;
  Stored stored;
};
constexpr std::array<Dtype, 11> kDtypes = {{{"f4", Stored::f32},
                                            {"f8", Stored::f64},
                                            {"f2", Stored::f16},
                                            {"u1", Stored::u8},
                                            {"i1", Stored::s8},
                                            {"u2", Stored::u16},
                                            {"i2", Stored::s16},
                                            {"u4", Stored::u32},
                                            {"i4", Stored::s32},
                                            {"i8", Stored::s64},
                                            {"b1", Stored::boolean}}};

Result<Stored> stored_of(std::string_view descr) {
  for (const Dtype& dtype : kDtypes) {
    if (descr.size() != 3 || descr.substr(1) != dtype.name) continue;
    const bool one_byte = stored_size(dtype.stored) == 1;
    if (descr[0] == '<' || (descr[0] == '|' && one_byte)) return dtype.stored;
    if (descr[0] == '>')
      return bad_file("is big-endian (dtype " + quote(std::string(descr)) + "): save it as '<" +
                      std::string(dtype.name) + "'");
  }
  return bad_file("has dtype " + quote(std::string(descr)) + "; those read are f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 b1");
}

/// A cursor over the dictionary. Every function leaves it behind what it accepted.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  /// Skips spaces, then `c` if it is next.
  bool accept(char c) {
    skip_spaces();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool accept(std::string_view word) {
    skip_spaces();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  /// 'text' or "text", without escapes: no name or dtype numpy writes here has any.
  std::optional<std::string_view> string() {
    skip_spaces();
    if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) return std::nullopt;
    const std::size_t end = rest_.find(rest_[0], 1);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return text;
  }

  /// "()", "(3,)" or "(3, 4)"; Python 2 wrote "(3L, 4L)".
  std::optional<std::vector<std::int64_t>> tuple() {
    std::vector<std::int64_t> values;
    if (!accept('(')) return std::nullopt;
    bool comma = true;
    while (!accept(')')) {
      std::int64_t value = 0;
      if (!comma || values.size() == kMaxRank || !number(value)) return std::nullopt;
      values.push_back(value);
      comma = accept(',');
    }
    if (values.size() == 1 && !comma) return std::nullopt;  // "(3)" is a number
    return values;
  }

  bool at_end() {
    skip_spaces();
    return rest_.empty();
  }

 private:
  void skip_spaces() {
    const std::size_t n = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(n == std::string_view::npos ? rest_.size() : n);
  }

  bool number(std::int64_t& value) {
    skip_spaces();
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc() || value < 0) return false;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    if (rest_.starts_with('L')) rest_.remove_prefix(1);
    return true;
  }

  std::string_view rest_;
};

Error malformed(const char* what) { return bad_file(std::string("has a malformed .npy header: ") + what); }

}  // namespace

Result<Layout> parse_npy_header(std::string_view text) {
  std::optional<Stored> stored;
  std::optional<bool> fortran;
  std::optional<std::vector<std::int64_t>> shape;

  Parser parser(text);
  if (!parser.accept('{')) return malformed("no dictionary");
  bool comma = true;
  while (!parser.accept('}')) {
    const auto key = comma ? parser.string() : std::nullopt;
    if (!key || !parser.accept(':')) return malformed("a key is expected");
    if (*key == "descr" && !stored) {
      const auto descr = parser.string();
      if (!descr) return bad_file("has a structured dtype; only arrays of numbers are read");
      OCTET_TRY(stored, stored_of(*descr));
    } else if (*key == "fortran_order" && !fortran) {
      if (parser.accept("True"))
        fortran = true;
      else if (parser.accept("False"))
        fortran = false;
      else
        return malformed("fortran_order is neither True nor False");
    } else if (*key == "shape" && !shape) {
      shape = parser.tuple();
      if (!shape) return malformed("shape is not a tuple of at most 32 sizes");
    } else {
      return malformed("an unknown or repeated key");
    }
    comma = parser.accept(',');
  }
  if (!parser.at_end()) return malformed("something follows the dictionary");
  if (!stored || !fortran || !shape) return malformed("descr, fortran_order or shape is missing");
  if (*fortran && shape->size() > 1) {
    return bad_file("is in Fortran order: save numpy.ascontiguousarray(x) instead");
  }
  return Layout{*stored, std::endian::little, std::move(*shape)};
}

std::string npy_header(Type type, const std::vector<std::int64_t>& shape) {
  // In the order of Type.
  constexpr std::array<const char*, 6> kDescr = {"<f4", "|u1", "|i1", "<i4", "<i8", "|b1"};
  std::string text =
      "{'descr': '" + std::string(kDescr[static_cast<std::size_t>(type)]) + "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : " ") + std::to_string(shape[i]) + (i + 1 < shape.size() || i == 0 ? "," : "");
  }
  return text + "), }";
}

}  // namespace octet::cli
