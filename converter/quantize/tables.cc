#include "converter/quantize/tables.h"

#include <algorithm>
#include <cmath>

#include "converter/int8_form.h"
#include "converter/quantize_math.h"
#include "kernels/pointwise/pointwise.h"

namespace octet {
namespace {

void append(std::vector<std::uint8_t>& tables, const std::vector<std::uint8_t>& table) { tables.insert(tables.end(), table.begin(), table.end()); }

}  // namespace

void add_pointwise(QuantizedGraph& to, const Node& node) {
  const auto& a = node.as<schema::PointwiseT>();
  Tensor output = to.quantized_tensor(node.outputs[0]);
  if (!output.quant.present()) output.quant = to.parameters_of(node.inputs[0]);  // chooses_values
  schema::LookupT lookup;
  lookup.tables = make_table(to.parameters_of(node.inputs[0]), output.quant, [&](double x) {
    return kernels::evaluate(static_cast<kernels::Function>(a.function), x, static_cast<double>(a.a), static_cast<double>(a.b));
  });
  to.append_quantized(node, attributes(std::move(lookup)), to.quantized_inputs(node), std::move(output));
}

void add_binary(QuantizedGraph& to, const Node& node) {
  const bool bounds = is_bounding(to.from(), node);
  Tensor output = to.quantized_tensor(node.outputs[0]);
  const int x = to.quantized_of(node.inputs[0]);
  schema::LookupT lookup;
  lookup.axis = *slope_axis(to.from(), node);
  for (const float constant : to.from().tensors[at(node.inputs[1])].data.as<float>())
    append(lookup.tables, make_table(to.tensor(x).quant, output.quant, [&](double v) {
             if (bounds) return std::min(v, static_cast<double>(constant));
             return kernels::evaluate(kernels::Function::leaky_relu, v, static_cast<double>(constant), 0.0);
           }));
  to.append_quantized(node, attributes(std::move(lookup)), {x}, std::move(output));
}

void add_softmax(QuantizedGraph& to, const Node& node) {
  const double scale = static_cast<double>(to.parameters_of(node.inputs[0]).scale());
  schema::SoftmaxT softmax = node.as<schema::SoftmaxT>();
  for (int d = 0; d < 256; ++d) softmax.table.push_back(static_cast<std::uint32_t>(std::nearbyint(std::exp2(23.0) * std::exp(-scale * d))));
  std::vector<int> inputs = to.quantized_inputs(node);
  to.append_quantized(node, attributes(std::move(softmax)), std::move(inputs));
}

schema::LookupT normalization_tables(const Normalization& n, int axis, const Quantization& q) {
  schema::LookupT lookup;
  lookup.axis = axis;
  const Quantization bytes{{1.0F}, {0}, -1};
  for (std::size_t c = 0; c < n.mean.size(); ++c)
    append(lookup.tables, make_table(bytes, q, [&](double byte) {
             return (byte * static_cast<double>(n.scale) - static_cast<double>(n.mean[c])) / static_cast<double>(n.std[c]);
           }));
  return lookup;
}

}  // namespace octet
