// Quantized models whose constants are too many to fold: they stay operands of int8 products.
#include <algorithm>

#include "converter/passes/passes.h"
#include "octet/converter.hpp"
#include "support/import_checks.h"

namespace octet_test {
namespace {

TEST_CASE("a product of quantized constants that is too large to fold has the source's scale") {
  ModelBuilder m;
  m.input("x", {1, 1024, 33, 32}).output("y").f32("s", {}, {0.5F}).f32("b", {1024}, Values(1024, 0.25F));
  m.tensor("z", {}, onnx::TensorProto::UINT8)->add_int32_data(3);
  m.tensor("zero", {}, onnx::TensorProto::INT8)->add_int32_data(0);
  m.tensor("c_q", {1, 1024, 33, 32}, onnx::TensorProto::UINT8)->set_raw_data(std::string(1024 * 33 * 32, '\5'));
  m.tensor("w_q", {1024, 1024, 1, 1}, onnx::TensorProto::INT8)->set_raw_data(std::string(1024 * 1024, '\1'));
  m.node("DequantizeLinear", {"c_q", "s", "z"}, {"c"});
  m.node("DequantizeLinear", {"w_q", "s", "zero"}, {"w"});
  m.node("Conv", {"c", "w", "b"}, {"p"}).named("conv");
  m.node("QuantizeLinear", {"p", "s", "z"}, {"p_q"});
  m.node("DequantizeLinear", {"p_q", "s", "z"}, {"p_d"});
  m.node("Add", {"x", "p_d"}, {"y"});
  Graph g = must(m.import());
  must(octet::optimize(g));
  const auto conv = [](const Graph& graph) { return std::ranges::find_if(graph.nodes, [](const octet::Node& n) { return n.name == "conv"; }); };
  REQUIRE(conv(g) != g.nodes.end());
  const octet::Model made = must(octet::quantize_imported(must(octet::make_model(std::move(g))), {}));
  const Graph& q = made.impl().graph;
  REQUIRE(conv(q) != q.nodes.end());
  CHECK(conv(q)->float_reason.empty());
  const octet::Tensor& x = q.tensors[octet::at(conv(q)->inputs[0])];
  CHECK(x.type == octet::Type::u8);
  CHECK(x.quant.scale() == 0.5F);
}

}  // namespace
}  // namespace octet_test
