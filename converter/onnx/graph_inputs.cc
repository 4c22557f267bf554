#include "converter/onnx/graph_inputs.h"

#include <onnx/onnx-ml.pb.h>

#include "converter/onnx/builder.h"
#include "converter/onnx/tensor_proto.h"
#include "engine/operator.h"

namespace octet {
namespace {

using onnx::TensorShapeProto;

Error bad_argument(std::string message) { return Error{ErrorCode::invalid_argument, std::move(message), {}}; }

/// Neither a number nor -1, which some exporters write for "unknown".
bool is_open(const TensorShapeProto::Dimension& d) { return !d.has_dim_value() || d.dim_value() < 0; }

/// "[batch,3,h,?]".
std::string text_of(const TensorShapeProto& shape) {
  std::string text;
  for (const auto& d : shape.dim()) {
    if (!text.empty()) text += ',';
    text += !is_open(d)                                   ? std::to_string(d.dim_value())
            : d.has_dim_param() && !d.dim_param().empty() ? d.dim_param()
                                                          : "?";
  }
  return "[" + text + "]";
}

/// A --shape that would do: 1 for the batch, a customary image size for what is open.
std::string example(const std::string& name, const TensorShapeProto& shape) {
  std::string text;
  for (int i = 0; i < shape.dim_size(); ++i) {
    const auto& d = shape.dim(i);
    const std::int64_t size = !is_open(d) ? d.dim_value() : i == 0 ? 1 : 224;
    text += (i == 0 ? "" : ",") + std::to_string(size);
  }
  return "--shape " + name + "=" + text;
}

Result<Tensor> with_given_shape(Tensor input, const TensorShapeProto& declared, bool has_shape, const Shape& given) {
  for (const std::int64_t size : given)
    if (size < 1) return bad_argument("is given a shape with size " + std::to_string(size));
  input.shape = given;
  if (!has_shape) {
    input.batched = !given.empty() && given[0] == 1;
    return input;
  }
  if (static_cast<std::size_t>(declared.dim_size()) != given.size())
    return bad_argument("is declared as " + text_of(declared) + ", which the given shape " + to_string(given) +
                        " does not fit");
  for (int i = 0; i < declared.dim_size(); ++i) {
    const std::int64_t size = given[static_cast<std::size_t>(i)];
    if (!is_open(declared.dim(i)) && declared.dim(i).dim_value() != size)
      return bad_argument("is declared as " + text_of(declared) + ", which the given shape " + to_string(given) +
                          " does not fit");
  }
  input.batched = declared.dim_size() > 0 && is_open(declared.dim(0));
  if (input.batched && given[0] != 1)
    return bad_argument("takes the batch as its leading size, which a session chooses: give 1 there, not " +
                        std::to_string(given[0]));
  return input;
}

Result<Tensor> with_declared_shape(Tensor input, const TensorShapeProto& declared) {
  for (int i = 0; i < declared.dim_size(); ++i) {
    const auto& d = declared.dim(i);
    if (is_open(d) && i != 0)
      return bad_argument("has open dimensions " + text_of(declared) + "; set them, for example " +
                          example(input.name, declared));
    if (!is_open(d) && d.dim_value() == 0) return invalid("is declared as " + text_of(declared) + ", which is empty");
    input.shape.push_back(is_open(d) ? 1 : d.dim_value());
  }
  input.batched = declared.dim_size() > 0 && is_open(declared.dim(0));
  return input;
}

Result<Tensor> shaped(const onnx::ValueInfoProto& input, const ImportOptions& options) {
  if (!input.type().has_tensor_type()) return Error{ErrorCode::unsupported, "is not a tensor", {}};
  const auto& type = input.type().tensor_type();
  Tensor tensor;
  tensor.name = input.name();
  OCTET_TRY(tensor.type, declared_type(type.elem_type()));
  if (const auto given = options.shapes.find(input.name()); given != options.shapes.end())
    return with_given_shape(std::move(tensor), type.shape(), type.has_shape(), given->second);
  if (!type.has_shape())
    return bad_argument("has no declared shape; set it, for example --shape " + input.name() + "=1,3,224,224");
  return with_declared_shape(std::move(tensor), type.shape());
}

}  // namespace

Result<Tensor> declared_input(const onnx::ValueInfoProto& input, const ImportOptions& options) {
  auto tensor = shaped(input, options);
  if (tensor && !fits(tensor->shape))
    tensor = invalid("has shape " + to_string(tensor->shape) + ", which is too large");
  if (!tensor) tensor.error().message = "input '" + input.name() + "' " + tensor.error().message;
  return tensor;
}

}  // namespace octet
