// Dynamic quantization of whole models.
#include "tests/support/graph_builder.h"
#include "octet/converter.hpp"

namespace octet_test {
namespace {

using octet::QuantizeOptions;
using octet::schema::FullyConnectedT;

/// conv (ReLU) -> swish -> flat -> dense -> dense again, with the very same weights.
Model net() {
  GraphBuilder b;
  Random random(1);
  octet::schema::ConvT conv;
  conv.pad_top = conv.pad_left = 1;
  conv.clamp_min = 0.0F;
  const int x = b.input("x", Type::f32, {1, 4, 4, 2});
  const int c = b.node("conv", conv, {x, b.constant("w1", {3, 2, 2, 2}, random.reals(24, -1, 1)), b.constant("b1", {3}, random.reals(3, -1, 1))});
  octet::schema::PointwiseT swish;
  swish.function = octet::schema::Function::HardSwish;
  const int s = b.node("swish", swish, {c});
  octet::schema::ReshapeT flat;
  flat.shape = {0, -1};
  const int f = b.node("flat", flat, {s});
  const int w = b.constant("w2", {48, 48}, random.reals(48 * 48, -0.3F, 0.3F));
  const int d = b.node("dense", FullyConnectedT{}, {f, w});
  b.node("again", FullyConnectedT{}, {d, w});
  return must(b.model());
}

const octet::Node& node_named(const Model& model, const std::string& name) {
  for (const auto& node : model.impl().graph.nodes)
    if (node.name == name) return node;
  FAIL("no node " << name);
  return model.impl().graph.nodes[0];
}

Type weights_of(const Model& model, const std::string& node) {
  return model.impl().graph.tensors[static_cast<std::size_t>(node_named(model, node).inputs[1])].type;
}

TEST_CASE("weights become s8, nothing else changes") {
  const Model real = net();
  const Model model = must(octet::quantize_dynamic(real, {}));
  CHECK(model.impl().graph.nodes.size() == real.impl().graph.nodes.size());
  for (const char* node : {"conv", "dense", "again"}) {
    CHECK(weights_of(model, node) == Type::s8);
    CHECK(node_named(model, node).float_reason.empty());
  }
  CHECK(node_named(model, "swish").float_reason.find("constant weights") != std::string::npos);
  CHECK(node_named(model, "flat").float_reason.empty());  // it only moves values
  CHECK(node_named(model, "dense").inputs[1] == node_named(model, "again").inputs[1]);
  for (const octet::Tensor& t : model.impl().graph.tensors) CHECK_FALSE((t.constant() && t.type == Type::f32 && t.name != "b1"));
  CHECK(model.impl().graph.provenance.calibrator == "dynamic");
  CHECK(model.inputs()[0].type == Type::f32);

  const auto x = Random(3).reals(32, -1, 1);
  const auto exact = run_one<float>(real, x);
  const auto y = run_one<float>(model, x);
  double signal = 0;
  double noise = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    signal += static_cast<double>(exact[i]) * static_cast<double>(exact[i]);
    noise += static_cast<double>(y[i] - exact[i]) * static_cast<double>(y[i] - exact[i]);
  }
  CHECK(noise > 0);
  CHECK(signal > 1000 * noise);  // 30 dB
  const Model again = must(Model::load(must(octet::serialize(model))));
  CHECK(run_one<float>(again, x) == y);
}

TEST_CASE("scales a channel or a tensor; nodes kept in float") {
  QuantizeOptions options;
  options.float_nodes = {"dense"};
  const Model kept = must(octet::quantize_dynamic(net(), options));
  CHECK(weights_of(kept, "dense") == Type::f32);
  CHECK(weights_of(kept, "again") == Type::s8);
  CHECK(node_named(kept, "dense").float_reason == "kept in float on request");
  const auto scales = [](const Model& model) {
    return model.impl().graph.tensors[static_cast<std::size_t>(node_named(model, "conv").inputs[1])].quant.scales.size();
  };
  CHECK(scales(kept) == 3);
  options.per_channel_weights = false;
  CHECK(scales(must(octet::quantize_dynamic(net(), options))) == 1);
}

TEST_CASE("refused: nothing to quantize, weights that are no numbers") {
  QuantizeOptions options;
  options.float_nodes = {"conv", "dense", "again"};
  check_error(octet::quantize_dynamic(net(), options), ErrorCode::unsupported, {"nothing to quantize"});
  GraphBuilder b;
  b.node("y", FullyConnectedT{}, {b.input("x", Type::f32, {1, 2}), b.constant<float>("w", {1, 2}, {kInf, 1.0F})});
  check_error(octet::quantize_dynamic(must(b.model()), {}), ErrorCode::invalid_file, {"'y' (FullyConnected)", "weight is NaN or infinite"});
}

TEST_CASE("nearly dead and dead channels keep normal scales") {
  GraphBuilder b;
  b.node("y", FullyConnectedT{},
         {b.input("x", Type::f32, {1, 2}), b.constant<float>("w", {3, 2}, {0, 0, 1e-42F, 0, 1e38F, -3e38F}), b.constant<float>("b", {3}, {1, 2, 0})});
  const Model model = must(octet::quantize_dynamic(must(b.model()), {}));
  const auto y = run_every_isa<float>(model, std::vector<float>{1e-3F, 0});
  CHECK(y[0] == 1.0F);
  CHECK(y[1] == 2.0F);
  CHECK(y[2] == doctest::Approx(1e35F).epsilon(0.01));
}

}  // namespace
}  // namespace octet_test
