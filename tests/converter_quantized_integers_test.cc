// Quantized bytes that something else than their own DequantizeLinear reads: products of integers, bytes on the move, and scales for
// each channel that are all alike.
#include "quantized_builder.h"
#include "support/import_checks.h"

namespace octet_test {
namespace {

using Values = std::vector<float>;

constexpr int kRows = 3;
const Values kX = {-0.3F, 0.1F, 0.22F, 0.5F, 1, -0.14F, 0.07F, 0.31F, 0, 0.9F, -0.2F, 0.6F};

/// x [N,4] quantized as q: one scale and zero-point, or one of each for a channel.
QuantizedBuilder quantized_input(const Values& scales, const std::vector<int>& zero_points) {
  QuantizedBuilder m;
  const Ints count = scales.size() == 1 ? Ints{} : Ints{4};
  m.bytes("z", count, zero_points, kU8).input("x", {kOpen, 4}).f32("s", count, scales);
  m.node("QuantizeLinear", {"x", "s", "z"}, {"q"}).named("quantize").with("axis", 1);
  return m;
}

int byte_of(std::size_t i, const Values& scales, const std::vector<int>& zero_points) {
  const std::size_t c = scales.size() == 1 ? 0 : i % 4;
  return std::clamp(static_cast<int>(std::nearbyint(kX[i] / scales[c])) + zero_points[c], 0, 255);
}

const struct {
  Values scales;
  std::vector<int> zero_points;
} kInputs[] = {{{0.05F}, {7}}, {{0.05F, 0.02F, 0.03F, 0.04F}, {7, 7, 7, 7}}, {{0.05F, 0.02F, 0.03F, 0.04F}, {1, 2, 3, 4}}};

TEST_CASE("a product of integers takes the bytes of a QuantizeLinear, whatever their scale and zero-point") {
  for (const auto& [scales, zero_points] : kInputs) {
    QuantizedBuilder m = quantized_input(scales, zero_points);
    m.bytes("w", {4, 2}, {1, -2, 3, 4, -5, 6, 7, -128}, kS8).bytes("nine", {}, {9}, kU8).output("y");
    m.node("MatMulInteger", {"q", "w", "nine"}, {"p"});
    m.node("Cast", {"p"}, {"y"}).with("to", onnx::TensorProto::FLOAT);
    const int w[] = {1, -2, 3, 4, -5, 6, 7, -128};
    Values expected(kRows * 2);
    for (std::size_t i = 0; i < kX.size(); ++i)
      for (std::size_t k = 0; k < 2; ++k) expected[i / 4 * 2 + k] += static_cast<float>((byte_of(i, scales, zero_points) - 9) * w[i % 4 * 2 + k]);
    CHECK(run(imported(m).impl().graph, {kX}, kRows)[0] == expected);
    const Model made = quantized(m);
    CHECK(run(made.impl().graph, {kX}, kRows)[0] == expected);
    for (const auto& node : made.impl().graph.nodes)
      if (node.op() == Operator::FullyConnected) CHECK_MESSAGE(node.float_reason.empty(), node.float_reason);
  }
}

TEST_CASE("weights of a product of integers go from -255 to 255") {
  const Values w = {255, -255, 254, 0, 128, -129, 127, -128};
  for (const int zero_point : {0, 255}) {
    QuantizedBuilder m = quantized_input({0.05F}, {7});
    std::vector<int> bytes;
    Values expected(kRows * 2);
    for (const float v : w) bytes.push_back(std::clamp(static_cast<int>(v) + zero_point, 0, 255));
    for (std::size_t i = 0; i < kX.size(); ++i)
      for (std::size_t k = 0; k < 2; ++k)
        expected[i / 4 * 2 + k] += static_cast<float>((byte_of(i, {0.05F}, {7}) - 7) * (bytes[i % 4 * 2 + k] - zero_point));
    m.bytes("w", {4, 2}, bytes, kU8).bytes("seven", {}, {7}, kU8).bytes("w_z", {}, {zero_point}, kU8).output("y");
    m.node("MatMulInteger", {"q", "w", "seven", "w_z"}, {"p"});
    m.node("Cast", {"p"}, {"y"}).with("to", onnx::TensorProto::FLOAT);
    const Model made = quantized(m);
    CHECK(std::ranges::count(operators(made), Operator::FullyConnected) == 1);
    CHECK(run(made.impl().graph, {kX}, kRows)[0] == expected);
  }
}

TEST_CASE("constants and inputs beside quantized bytes are bytes of the same scale") {
  for (const int type : {kU8, kS8}) {
    QuantizedBuilder m;
    m.parameters("d", 0.5F, 3, type).input("x", {1, 2}).input("raw", {1, 1}, type).output("y");
    m.bytes("c", {1, 2}, {1, 100}, type);
    m.node("QuantizeLinear", {"x", "d_s", "d_z"}, {"q"});
    m.node("Concat", {"c", "q", "raw"}, {"joined"}).with("axis", 1);
    m.node("DequantizeLinear", {"joined", "d_s", "d_z"}, {"y"});
    octet::Session session = must(quantized(m).session({}));
    const Values x = {1, -0.5F};
    const std::vector<std::uint8_t> raw = {5};
    Values y(5);
    const std::vector<octet::InputTensor> in = {x, {raw.data(), 1, session.inputs()[1].type}};
    must(session.run(in, std::vector<octet::OutputTensor>{y}));
    CHECK(y == Values{-1, 48.5F, 1, -0.5F, 1});
  }
  QuantizedBuilder m;
  m.parameters("d", 0.5F, 3, kU8).bytes("c", {1, 2}, {1, 100}, kS8).input("x", {1, 2}).output("y");
  m.node("QuantizeLinear", {"x", "d_s", "d_z"}, {"q"});
  m.node("Concat", {"c", "q"}, {"joined"}).with("axis", 1);
  m.node("DequantizeLinear", {"joined", "d_s", "d_z"}, {"y"});
  check_refused(m, octet::ErrorCode::invalid_file, "an input is s8, another u8");
}

TEST_CASE("bytes that moved are read with the scale of their DequantizeLinear") {
  for (const auto& [scales, zero_points] : kInputs) {
    QuantizedBuilder m = quantized_input(scales, zero_points);
    m.parameters("r", 0.05F, 7, kU8).output("y").s64("shape", {-1, 2, 2});
    m.node("Reshape", {"q", "shape"}, {"moved"});
    m.node("DequantizeLinear", {"moved", "r_s", "r_z"}, {"y"});
    Values expected;
    for (std::size_t i = 0; i < kX.size(); ++i) expected.push_back(0.05F * static_cast<float>(byte_of(i, scales, zero_points) - 7));
    CHECK(run(imported(m).impl().graph, {kX}, kRows)[0] == expected);
  }
}

TEST_CASE("channels that are all alike are one") {
  QuantizedBuilder m = quantized_input(Values(4, 0.05F), {7, 7, 7, 7});
  m.parameters("d", 0.05F, 7, kU8).output("y");
  m.node("DequantizeLinear", {"q", "d_s", "d_z"}, {"y"});
  const Model model = imported(m);
  CHECK(operators(model) == std::vector<Operator>{Operator::Quantize, Operator::Dequantize});
  CHECK(run(model.impl().graph, {{0.31F, -1, 20, 0.9F}})[0] == Values{0.05F * 6, 0.05F * -7, 0.05F * 248, 0.05F * 18});
}

}  // namespace
}  // namespace octet_test
