// Pairs of QuantizeLinear and DequantizeLinear in exported models.
#include <map>
#include <set>

#include "quantized_builder.h"

namespace octet_test {
namespace {

Model exported_and_back(const Model& model) {
  const auto bytes = must(octet::export_onnx(model));
  Graph back = must(octet::import_onnx(must(octet::parse_onnx(bytes, "exported.onnx"))));
  must(octet::optimize(back));
  return must(octet::quantize_imported(must(octet::make_model(std::move(back))), {}));
}

/// The operators that make what the QuantizeLinear nodes of an exported model read; inputs have none.
std::map<std::string, int> between_pairs(const Model& model) {
  onnx::ModelProto proto;
  const auto bytes = must(octet::export_onnx(model));
  REQUIRE(proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  std::map<std::string, const onnx::NodeProto*> makers;
  for (const auto& node : proto.graph().node()) makers[node.output(0)] = &node;
  std::map<std::string, int> found;
  for (const auto& node : proto.graph().node()) {
    if (node.op_type() == "QuantizeLinear" && makers.contains(node.input(0))) ++found[makers[node.input(0)]->op_type()];
  }
  return found;
}

TEST_CASE("two scales, one after the other, are two pairs for ONNX Runtime, too: a bound stands between them") {
  for (const int zero_point : {0, 100}) {
    QuantizedBuilder m;
    m.input("x", {kOpen, 8}).output("y");
    m.pair("x", "x_d", 0.02F, 120).pair("x_d", "y", 0.013F, zero_point);
    const Model model = quantized(m);
    CHECK(between_pairs(model) == std::map<std::string, int>{{zero_point == 0 ? "Relu" : "Clip", 1}});
    const auto x = random_inputs(model.impl().graph, 3);
    CHECK(run(exported_and_back(model).impl().graph, x, 3) == run(model.impl().graph, x, 3));
  }
}

TEST_CASE("f32 weights between two quantize steps stay f32: the product does not read the step itself") {
  QuantizedBuilder m;
  m.input("x", {kOpen, 2, 4, 4}).output("y").random("w", {2, 2, 1, 1}).random("v", {32, 3});
  m.pair("x", "x_d", 0.02F, 120);
  m.node("Conv", {"x_d", "w"}, {"c"});
  m.pair("c", "c_d", 0.02F, 120);
  m.node("MaxPool", {"c_d"}, {"p"}).with("kernel_shape", Ints{1, 1});
  m.node("Flatten", {"p"}, {"f"});
  m.node("Gemm", {"f", "v"}, {"g"});
  m.pair("g", "y", 0.02F, 120);
  const Model model = quantized(m);
  onnx::ModelProto proto;
  const auto bytes = must(octet::export_onnx(model));
  REQUIRE(proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  std::set<std::string> sums;
  int products = 0;
  for (const auto& node : proto.graph().node()) {
    if (node.op_type() == "Sum") sums.insert(node.output(0));
    if (node.op_type() != "Conv" && node.op_type() != "Gemm") continue;
    ++products;
    CHECK(sums.contains(node.input(0)));
  }
  CHECK(products == 2);
  const auto x = random_inputs(model.impl().graph, 3);
  CHECK(run(exported_and_back(model).impl().graph, x, 3) == run(model.impl().graph, x, 3));
}

TEST_CASE("constants of a Concat have its scale: nothing is quantized at run time") {
  QuantizedBuilder m;
  m.input("x", {1, 4}).output("y");
  m.pair("x", "x_d", 0.02F, 120).weights("c", {1, 3}, {0.01F}, {5}, kU8, 0, 3);
  m.node("Concat", {"x_d", "c"}, {"joined"}).with("axis", 1);
  m.pair("joined", "y", 0.025F, 110);
  CHECK(operators(quantized(m)) == std::vector{Operator::Quantize, Operator::Lookup, Operator::Concat, Operator::Dequantize});
}

}  // namespace
}  // namespace octet_test
