#include "converter/onnx/graph_inputs.h"

#include <onnx/onnx-ml.pb.h>

#include <optional>
#include <set>
#include <string_view>

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

using Sizes = std::map<std::string, std::int64_t>;

/// The size of a dimension as far as it is known: declared, or that of its name.
std::optional<std::int64_t> size_of(const TensorShapeProto::Dimension& d, const Sizes& sizes) {
  if (!is_open(d)) return d.dim_value();
  const auto named = sizes.find(d.dim_param());
  return d.has_dim_param() && named != sizes.end() ? std::optional(named->second) : std::nullopt;
}

/// A --shape that would do: 1 for the batch, a customary size for what else is open, which `sizes` then has.
std::string example(const onnx::ValueInfoProto& input, Sizes& sizes) {
  const TensorShapeProto& shape = input.type().tensor_type().shape();
  const std::int64_t customary = shape.dim_size() == 4 ? 224 : 128;
  std::string text;
  for (int i = 0; i < shape.dim_size(); ++i) {
    const auto& d = shape.dim(i);
    const std::int64_t size = size_of(d, sizes).value_or(i == 0 ? 1 : customary);
    if (i != 0 && d.has_dim_param() && !d.dim_param().empty()) sizes.emplace(d.dim_param(), size);
    text += (i == 0 ? "" : ",") + std::to_string(size);
  }
  return "--shape " + input.name() + "=" + text;
}

bool left_open(const TensorShapeProto& shape, const Sizes& sizes) {
  for (int i = 1; i < shape.dim_size(); ++i)
    if (!size_of(shape.dim(i), sizes)) return true;
  return false;
}

Result<Tensor> with_given_shape(Tensor input, const TensorShapeProto& declared, bool has_shape, const Shape& given) {
  const auto declared_as_0 = [&](std::size_t i) {
    if (i >= static_cast<std::size_t>(declared.dim_size())) return false;
    const auto& d = declared.dim(static_cast<int>(i));
    return d.has_dim_value() && d.dim_value() == 0;
  };
  for (std::size_t i = 0; i < given.size(); ++i)
    if (given[i] < 1 && !(given[i] == 0 && declared_as_0(i))) return bad_argument("is given a shape with size " + std::to_string(given[i]));
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

}  // namespace

DeclaredInputs::DeclaredInputs(const onnx::GraphProto& graph, const ImportOptions& options) : options_(options) {
  std::set<std::string_view> initializers;
  for (const auto& t : graph.initializer()) initializers.insert(t.name());
  for (const auto& input : graph.input()) {
    if (initializers.contains(input.name())) continue;  // a default nobody overrides here
    protos_.push_back(&input);
    const TensorShapeProto& declared = input.type().tensor_type().shape();
    const auto given = options.shapes.find(input.name());
    if (given == options.shapes.end() || given->second.size() != static_cast<std::size_t>(declared.dim_size())) continue;
    for (int i = 1; i < declared.dim_size(); ++i)
      if (is_open(declared.dim(i)) && declared.dim(i).has_dim_param() && !declared.dim(i).dim_param().empty())
        sizes_.emplace(declared.dim(i).dim_param(), given->second[static_cast<std::size_t>(i)]);
  }
}

std::string DeclaredInputs::examples() const {
  Sizes sizes = sizes_;
  std::string text;
  for (const auto* input : protos_) {
    if (options_.shapes.contains(input->name()) || !left_open(input->type().tensor_type().shape(), sizes)) continue;
    text += (text.empty() ? "" : " ") + example(*input, sizes);
    if (text.size() > 300) break;
  }
  return text;
}

Result<Tensor> DeclaredInputs::with_declared_shape(Tensor input, const onnx::ValueInfoProto& proto) const {
  const TensorShapeProto& declared = proto.type().tensor_type().shape();
  if (left_open(declared, sizes_)) return bad_argument("has open dimensions " + text_of(declared) + "; set them, for example " + examples());
  for (int i = 0; i < declared.dim_size(); ++i) {
    const std::optional<std::int64_t> size = size_of(declared.dim(i), sizes_);
    input.shape.push_back(size.value_or(1));
    input.batched = input.batched || (i == 0 && !size);
  }
  return input;
}

Result<Tensor> DeclaredInputs::shaped(const onnx::ValueInfoProto& input) const {
  if (!input.type().has_tensor_type()) return Error{ErrorCode::unsupported, "is not a tensor", {}};
  const auto& type = input.type().tensor_type();
  Tensor tensor;
  tensor.name = input.name();
  OCTET_TRY(tensor.type, declared_type(type.elem_type()));
  if (const auto given = options_.shapes.find(input.name()); given != options_.shapes.end())
    return with_given_shape(std::move(tensor), type.shape(), type.has_shape(), given->second);
  if (!type.has_shape())
    return bad_argument("has no declared shape; set it, for example --shape " + input.name() + "=1,3,224,224");
  return with_declared_shape(std::move(tensor), input);
}

Result<Tensor> DeclaredInputs::tensor(const onnx::ValueInfoProto& input) const {
  auto tensor = shaped(input);
  if (tensor && tensor->shape.size() > kMaxRank)
    tensor = invalid("has rank " + std::to_string(tensor->shape.size()) + ", above " + std::to_string(kMaxRank));
  if (tensor && !fits(tensor->shape))
    tensor = invalid("has shape " + to_string(tensor->shape) + ", which is too large");
  if (!tensor) tensor.error().message = "input '" + input.name() + "' " + tensor.error().message;
  return tensor;
}

}  // namespace octet
