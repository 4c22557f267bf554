// The table of operators, expanded from ops.inc, and small helpers they share.
#include <array>

#include "engine/operator.h"

namespace octet {

// Defined in ops/<file>.cc.
#define OCTET_DECLARE(file, Shapes)                                          \
  namespace file {                                                           \
  Result<Shapes> infer(const NodeView& node);                                \
  Result<void> check(const NodeView& node);                                  \
  Result<Step> prepare(const NodeView& node, const PrepareOptions& options); \
  std::uint64_t macs(const NodeView& node);                                  \
  }
#define OCTET_OPERATOR(name, file, version, least, most) OCTET_DECLARE(file, Shape)
#define OCTET_MULTI_OPERATOR(name, file, version, least, most, outputs) OCTET_DECLARE(file, std::vector<Shape>)
#define OCTET_INTERNAL_OPERATOR OCTET_OPERATOR
#include "engine/ops.inc"
#undef OCTET_OPERATOR
#undef OCTET_MULTI_OPERATOR
#undef OCTET_DECLARE

namespace {

/// infer() of an operator with one output.
template <Result<Shape> (*Infer)(const NodeView&)>
Result<std::vector<Shape>> infer_one(const NodeView& node) {
  OCTET_TRY(Shape shape, Infer(node));
  return std::vector<Shape>{std::move(shape)};
}

const std::array kOperators = {
#define OCTET_ROW(name, file, version, least, most, outputs, infer) \
  OperatorInfo{schema::Operator::name, #name, version, least, most, outputs, infer, file::check, file::prepare, file::macs},
#define OCTET_OPERATOR(name, file, version, least, most) OCTET_ROW(name, file, version, least, most, 1, infer_one<file::infer>)
#define OCTET_MULTI_OPERATOR(name, file, version, least, most, outputs) OCTET_ROW(name, file, version, least, most, outputs, file::infer)
#include "engine/ops.inc"
#undef OCTET_OPERATOR
#undef OCTET_MULTI_OPERATOR
#undef OCTET_INTERNAL_OPERATOR
#undef OCTET_ROW
};

static_assert(std::tuple_size_v<decltype(kOperators)> == static_cast<std::size_t>(schema::Operator::MAX),
              "every union member of schema/octet.fbs needs a row in ops.inc");

}  // namespace

const OperatorInfo* find_operator(schema::Operator op) noexcept {
  for (const OperatorInfo& info : kOperators)
    if (info.op == op) return &info;
  return nullptr;
}

const char* name_of(schema::Operator op) noexcept {
  const OperatorInfo* info = find_operator(op);
  return info != nullptr ? info->name : "unknown operator";
}

Error invalid(std::string message) { return Error{ErrorCode::invalid_file, std::move(message), {}}; }

}  // namespace octet
