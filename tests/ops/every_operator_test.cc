// What holds of every row of engine/ops.inc.
#include <doctest/doctest.h>

#include <filesystem>
#include <set>
#include <string>

#include "engine/operator.h"

namespace octet_test {
namespace {

namespace fs = std::filesystem;
using octet::schema::Operator;

TEST_CASE("every member of the schema's union has a row with a name of its own") {
  std::set<std::string> names;
  for (int i = 1; i <= static_cast<int>(Operator::MAX); ++i) {
    const auto op = static_cast<Operator>(i);
    const auto* info = octet::find_operator(op);
    REQUIRE(info != nullptr);
    CHECK(info->op == op);
    CHECK(std::string(info->name) == octet::schema::EnumNameOperator(op));
    CHECK(info->version >= 1);
    CHECK(info->min_inputs >= 1);
    CHECK(info->max_inputs >= info->min_inputs);
    names.insert(info->name);
  }
  CHECK(names.size() == static_cast<std::size_t>(Operator::MAX));
  CHECK(octet::find_operator(Operator::NONE) == nullptr);
  CHECK(octet::find_operator(static_cast<Operator>(static_cast<int>(Operator::MAX) + 1)) == nullptr);
}

TEST_CASE("every row has its engine file and its test file, and every importer that it should have") {
  const fs::path root = OCTET_SOURCE_DIR;
  const auto check = [&](const std::string& file, bool imported) {
    INFO(file);
    CHECK(fs::exists(root / "engine/ops" / (file + ".cc")));
    CHECK(fs::exists(root / "tests/ops" / (file + "_test.cc")));
    CHECK(fs::exists(root / "converter/onnx/importers" / (file + ".cc")) == imported);
  };
#define OCTET_OPERATOR(name, file, version, least, most) check(#file, true);
#define OCTET_INTERNAL_OPERATOR(name, file, version, least, most) check(#file, false);
#include "engine/ops.inc"
#undef OCTET_OPERATOR
#undef OCTET_INTERNAL_OPERATOR
}

}  // namespace
}  // namespace octet_test
