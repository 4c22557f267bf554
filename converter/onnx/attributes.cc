#include "converter/onnx/attributes.h"

#include <onnx/onnx-ml.pb.h>

#include <algorithm>

#include "converter/onnx/tensor_proto.h"
#include "engine/operator.h"

namespace octet {
namespace {

using onnx::AttributeProto;

Result<void> check_type(const AttributeProto& attribute, AttributeProto::AttributeType wanted) {
  if (attribute.type() == wanted) return {};
  return invalid("attribute '" + attribute.name() + "' has type " +
                 AttributeProto::AttributeType_Name(attribute.type()) + ", not " +
                 AttributeProto::AttributeType_Name(wanted));
}

}  // namespace

Result<Attributes> Attributes::of(const onnx::NodeProto& node) {
  Attributes attributes;
  for (const AttributeProto& a : node.attribute()) {
    if (a.name().empty()) return invalid("has an attribute without a name");
    if (!a.ref_attr_name().empty())
      return Error{ErrorCode::unsupported, "attribute '" + a.name() + "' refers to an attribute of a function", {}};
    if (!attributes.entries_.emplace(a.name(), Entry{&a}).second)
      return invalid("has two attributes '" + a.name() + "'");
  }
  return attributes;
}

const AttributeProto* Attributes::raw(std::string_view name) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return nullptr;
  found->second.read = true;
  return found->second.proto;
}

Result<std::int64_t> Attributes::integer(std::string_view name, std::int64_t fallback) {
  const AttributeProto* a = raw(name);
  if (a == nullptr) return fallback;
  OCTET_CHECK(check_type(*a, AttributeProto::INT));
  return a->i();
}

Result<std::vector<std::int64_t>> Attributes::integers(std::string_view name,
                                                       const std::vector<std::int64_t>& fallback) {
  const AttributeProto* a = raw(name);
  if (a == nullptr) return fallback;
  OCTET_CHECK(check_type(*a, AttributeProto::INTS));
  return std::vector<std::int64_t>(a->ints().begin(), a->ints().end());
}

Result<float> Attributes::real(std::string_view name, float fallback) {
  const AttributeProto* a = raw(name);
  if (a == nullptr) return fallback;
  OCTET_CHECK(check_type(*a, AttributeProto::FLOAT));
  return a->f();
}

Result<std::string> Attributes::text(std::string_view name, const std::string& fallback) {
  const AttributeProto* a = raw(name);
  if (a == nullptr) return fallback;
  OCTET_CHECK(check_type(*a, AttributeProto::STRING));
  return a->s();
}

Result<std::size_t> Attributes::choice(std::string_view name, std::initializer_list<std::string_view> choices) {
  const AttributeProto* a = raw(name);
  if (a == nullptr) return std::size_t{0};
  OCTET_CHECK(check_type(*a, AttributeProto::STRING));
  const auto* found = std::ranges::find(choices, a->s());
  if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
  std::string all;
  for (const std::string_view c : choices) all += (all.empty() ? "" : ", ") + std::string(c);
  return invalid("its " + std::string(name) + " is '" + a->s().substr(0, 100) + "', none of " + all);
}

Result<std::vector<float>> Attributes::reals(std::string_view name, const std::vector<float>& fallback) {
  const AttributeProto* a = raw(name);
  if (a == nullptr) return fallback;
  OCTET_CHECK(check_type(*a, AttributeProto::FLOATS));
  return std::vector<float>(a->floats().begin(), a->floats().end());
}

Result<std::vector<std::string>> Attributes::texts(std::string_view name, const std::vector<std::string>& fallback) {
  const AttributeProto* a = raw(name);
  if (a == nullptr) return fallback;
  OCTET_CHECK(check_type(*a, AttributeProto::STRINGS));
  return std::vector<std::string>(a->strings().begin(), a->strings().end());
}

Result<std::optional<Tensor>> Attributes::tensor(std::string_view name) {
  const AttributeProto* a = raw(name);
  if (a == nullptr) return std::optional<Tensor>();
  OCTET_CHECK(check_type(*a, AttributeProto::TENSOR));
  OCTET_TRY(Tensor value, decode_tensor(a->t()));
  return std::optional(std::move(value));
}

Result<void> Attributes::check_all_read() const {
  for (const auto& [name, entry] : entries_)
    if (!entry.read) return Error{ErrorCode::unsupported, "attribute '" + std::string(name) + "' is not supported", {}};
  return {};
}

}  // namespace octet
