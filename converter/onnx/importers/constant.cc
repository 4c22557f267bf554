#include <onnx/onnx-ml.pb.h>

#include "converter/onnx/importer.h"
#include "converter/onnx/tensor_proto.h"

namespace octet {
namespace {

template <class T>
Tensor scalar(Type type, T value) {
  Tensor t;
  t.type = type;
  t.data = Constant::of(std::vector<T>{value});
  return t;
}

template <class T>
Tensor list(Type type, std::vector<T> values) {
  Tensor t;
  t.type = type;
  t.shape = {static_cast<std::int64_t>(values.size())};
  t.data = Constant::of(std::move(values));
  return t;
}

Result<Tensor> read_value(const onnx::AttributeProto& a) {
  using onnx::AttributeProto;
  if (a.name() == "value" && a.type() == AttributeProto::TENSOR) return decode_tensor(a.t());
  if (a.name() == "value_float" && a.type() == AttributeProto::FLOAT) return scalar(Type::f32, a.f());
  if (a.name() == "value_int" && a.type() == AttributeProto::INT) return scalar(Type::s64, std::int64_t{a.i()});
  if (a.name() == "value_floats" && a.type() == AttributeProto::FLOATS)
    return list(Type::f32, std::vector<float>(a.floats().begin(), a.floats().end()));
  if (a.name() == "value_ints" && a.type() == AttributeProto::INTS)
    return list(Type::s64, std::vector<std::int64_t>(a.ints().begin(), a.ints().end()));
  return unsupported("attribute '" + a.name() + "' of type " + AttributeProto::AttributeType_Name(a.type()) +
                     " is not supported");
}

Result<void> import_constant(NodeImport& node) {
  for (const char* form : {"value", "value_float", "value_int", "value_floats", "value_ints", "sparse_value",
                           "value_string", "value_strings"}) {
    const onnx::AttributeProto* a = node.attributes.raw(form);
    if (a == nullptr) continue;
    OCTET_TRY(Tensor value, read_value(*a));
    node.set_constant_output(std::move(value));
    // Another form left unread is an error of the driver's.
    return {};
  }
  return invalid("has no value");
}

}  // namespace

void register_constant(ImporterTable& table) { table.add("Constant", {0, 0, import_constant}); }

}  // namespace octet
