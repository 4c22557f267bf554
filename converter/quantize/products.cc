#include "converter/quantize/products.h"

#include "converter/imported_quantization.h"
#include "converter/quantize/weights.h"
#include "converter/quantize_math.h"
#include "engine/try.h"

namespace octet {
namespace {

using schema::Operator;

/// Each group of channels of x (the last axis) `times` times, one after the other.
int add_repeated(QuantizedGraph& to, int x, const Node& product, int times) {
  const int groups = product.op() == Operator::Conv ? product.as<schema::ConvT>().groups : 1;
  const Tensor source = to.tensor(x);
  const auto make = [&](auto op, const char* suffix, int input, Shape shape) {
    const std::string name = to.unused_name(source.name + suffix);
    return to.append(name, attributes(std::move(op)), {input}, {name, Type::u8, std::move(shape), source.batched, source.quant, {}});
  };
  Shape shape = source.shape;
  schema::ReshapeT apart, together;
  apart.shape.assign(shape.size() - 1, 0);
  together.shape = apart.shape;
  const auto channels = static_cast<int>(shape.back());
  apart.shape.insert(apart.shape.end(), {groups, channels / groups});
  together.shape.push_back(times * channels);
  shape.back() = groups;
  shape.push_back(channels / groups);
  const int grouped = make(std::move(apart), "_grouped", x, shape);
  schema::TileT tile;
  tile.repeats.assign(shape.size(), 1);
  tile.repeats.back() = times;
  shape.back() *= times;
  const int tiled = make(std::move(tile), "_tiled", grouped, shape);
  shape = source.shape;
  shape.back() *= times;
  return make(std::move(together), "_repeated", tiled, shape);
}

/// A product of x with weights named and shaped like the source's.
void append(QuantizedGraph& to, const Node& node, int x, Tensor weights, std::vector<std::int32_t> bias) {
  const Graph& from = to.from();
  const std::int64_t channels = weights.shape[0];
  std::vector<int> inputs = {x, to.add_tensor(std::move(weights))};
  if (!bias.empty()) inputs.push_back(to.add_tensor({from.tensors[at(node.inputs[2])].name, Type::s32, {channels}, false, {}, Constant::of(std::move(bias))}));
  to.append_product(node, std::move(inputs));
}

}  // namespace

Result<void> add_product(QuantizedGraph& to, const Node& node, const QuantizeOptions& options) {
  const Graph& from = to.from();
  const Tensor& w = from.tensors[at(node.inputs[1])];
  const bool has_bias = node.inputs.size() > 2 && node.inputs[2] != kAbsent;
  const auto bias = has_bias ? from.tensors[at(node.inputs[2])].data.as<float>() : std::span<const float>();
  if (!all_finite(w.data.as<float>()) || !all_finite(bias)) return Error{ErrorCode::invalid_file, "a weight or bias is NaN or infinite", {}};
  const int x = to.quantized_of(node.inputs[0]);
  QuantizedWeights q = quantize_weights(w.data.as<float>(), bias, at(w.shape[0]), to.tensor(x).quant.scale(),
                                        options.per_channel_weights, options.weight_calibrator == "mse");
  if (!q.representable) return Error{ErrorCode::unsupported, "its bias is too large for the scale of its input", {}};
  const Quantization parameters{std::move(q.scales), {}, options.per_channel_weights ? 0 : -1};
  append(to, node, x, {w.name, Type::s8, w.shape, false, parameters, Constant::of(std::move(q.weights))}, std::move(q.bias));
  return {};
}

/// Where the weights are too large without their zero-point for s8, they are in parts, and each input is there for every part.
void add_imported_product(QuantizedGraph& to, const Node& node) {
  const Tensor& w = to.from().tensors[at(node.inputs[1])];
  int x = to.quantized_of(node.inputs[0]);
  ImportedWeights q = imported_weights(to.from(), node, to.tensor(x).quant, to.plan().parameters[at(node.outputs[0])]);
  Shape shape = w.shape;
  if (q.parts > 1) {
    shape.back() *= q.parts;
    x = add_repeated(to, x, node, q.parts);
  }
  append(to, node, x, {w.name, Type::s8, std::move(shape), false, std::move(q.quant), Constant::of(std::move(q.weights))}, std::move(q.bias));
}

Result<void> add_recurrent(QuantizedGraph& to, const Node& node, const QuantizeOptions& options) {
  OCTET_TRY(Tensor weights, int8_weights(to.from().tensors[at(node.inputs[1])], options));
  std::vector<int> inputs;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (i == 1) {
      inputs.push_back(to.add_tensor(std::move(weights)));
    } else {
      inputs.push_back(node.inputs[i] == kAbsent ? kAbsent : to.real_of(node.inputs[i]));
    }
  }
  to.append_real(node, std::move(inputs));
  return {};
}

}  // namespace octet
