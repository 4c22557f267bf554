// What ONNX Runtime's quantize_dynamic writes in the place of a product of x and constant weights,
//   q, s, z = DynamicQuantizeLinear(x);  a = MatMulInteger(q, w, z, wz);  y = Mul(Cast(a), Mul(s, ws)),
// stands for y = MatMul(x, DequantizeLinear(w, ws, wz)), which may then be quantized by other means.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace onnx {
class GraphProto;
class NodeProto;
}  // namespace onnx

namespace octet {

/// One such product. The names are the graph's.
struct DynamicProduct {
  std::string x, weight_scale, y;
};

struct DynamicQuantization {
  std::map<int, DynamicProduct> products;  ///< by the index of the MatMulInteger or ConvInteger
  std::set<int> gone;                      ///< the other nodes of the pattern, by index
};

/// Where a graph does that, and nothing else reads what the nodes in between make. Those that do not fit stay out.
[[nodiscard]] DynamicQuantization find_dynamic_quantization(const onnx::GraphProto& graph);

/// The nodes that compute y of real values; `fresh` makes names.
[[nodiscard]] std::vector<onnx::NodeProto> as_real_product(const onnx::NodeProto& node, const DynamicProduct& product,
                                                           const std::function<std::string(const std::string& suffix)>& fresh);

}  // namespace octet
