// Models that come quantized, with scales, zero-points or steps that do not fit: refused, naming node and reason.
#include <cmath>
#include <functional>

#include "quantized_builder.h"

namespace octet_test {
namespace {

using Strings = std::vector<std::string>;

/// Imports a model of one pair after `change`; the error names the node "dequantize" or "quantize".
void refused(const std::function<void(QuantizedBuilder&)>& build, const char* node, const char* reason) {
  QuantizedBuilder m;
  m.input("x", {kOpen, 4}).output("y");
  build(m);
  const auto graph = m.import();
  REQUIRE(!graph);
  const std::string text = graph.error().text();
  INFO(text);
  CHECK(text.find(node) != std::string::npos);
  CHECK(text.find(reason) != std::string::npos);
}

void pair_of(QuantizedBuilder& m, const Strings& q, const Strings& d) {
  m.node("QuantizeLinear", q, {"q"}).named("quantize");
  m.node("DequantizeLinear", d, {"y"}).named("dequantize");
}

TEST_CASE("inconsistent scales and zero-points are refused, naming node and reason") {
  for (const float bad : {0.0F, -0.5F, std::nanf(""), INFINITY, 1e-42F})
    refused([&](auto& m) { m.parameters("a", bad, 3, kU8), pair_of(m, {"x", "a_s", "a_z"}, {"q", "a_s", "a_z"}); }, "'quantize'", "scale[0] is ");
  refused([](auto& m) {
    m.f32("s", {3}, {1, 1, 1}).tensor("z", {3}, kU8)->mutable_raw_data()->assign(3, '\1');
    pair_of(m, {"x", "s", "z"}, {"q", "s", "z"});
  }, "'quantize'", "has 3 scales where there must be 1, or 4 along axis 1");
  refused([](auto& m) {
    m.f32("s", {4}, {1, 1, 1, 1}).tensor("z", {}, kU8)->add_int32_data(1);
    pair_of(m, {"x", "s", "z"}, {"q", "s", "z"});
  }, "'quantize'", "has 1 zero-points for 4 scales");
  refused([](auto& m) { m.parameters("a", 1, 3, kU8).parameters("b", 1, 3, kS8), pair_of(m, {"x", "a_s", "a_z"}, {"q", "b_s", "b_z"}); },
          "'dequantize'", "its zero-point is s8, its input u8");
  refused([](auto& m) { m.parameters("a", 1e-8F, 3, kU8).parameters("b", 2e-8F, 3, kU8), pair_of(m, {"x", "a_s", "a_z"}, {"q", "b_s", "b_z"}); },
          "'dequantize'", "its scale 2e-08 and zero-point 3 are not those of its input, scale 1e-08");
  // Pairs of which one or both have parameters for each channel.
  const auto channels = [](QuantizedBuilder& m, const std::string& name, const std::vector<float>& scales, const std::vector<int>& zero_points) {
    m.f32(name + "_s", {4}, scales);
    m.bytes(name + "_z", {4}, zero_points, kU8);
  };
  const auto differing = [&](const auto& a, const auto& b, const char* text) {
    refused([&](auto& m) { a(m), b(m), pair_of(m, {"x", "a_s", "a_z"}, {"q", "b_s", "b_z"}); }, "'dequantize'", text);
  };
  const auto each = [&](const char* name, float last, int zero_point) {
    return [=](QuantizedBuilder& m) { channels(m, name, {1, 2, 3, last}, {3, 3, 3, zero_point}); };
  };
  const auto one = [](const char* name) { return [=](QuantizedBuilder& m) { m.parameters(name, 1, 3, kU8); }; };
  differing(each("a", 4, 3), each("b", 5, 3), "its scale of channel 3 5 and zero-point 3 are not those of its input, scale of channel 3 4");
  differing(each("a", 4, 3), each("b", 4, 2), "its scale of channel 3 4 and zero-point 2 are not those of its input, scale of channel 3 4 and zero-point 3");
  differing(each("a", 4, 3), one("b"), "its scale 1 and zero-point 3 are not those of its input, scale of channel 1 2");
  differing(one("a"), each("b", 4, 3), "are not those of its input, scale 1 and zero-point 3");
  refused([](auto& m) { m.parameters("a", 1, 3, kU8), m.node("DequantizeLinear", {"x", "a_s", "a_z"}, {"y"}).named("dequantize"); },
          "'dequantize'", "its input is f32, not u8, s8 or s32: is a QuantizeLinear missing?");
  refused([](auto& m) { m.parameters("a", 1, 3, onnx::TensorProto::INT32), pair_of(m, {"x", "a_s", "a_z"}, {"q", "a_s", "a_z"}); },
          "'quantize'", "its zero-point is s32, not u8 or s8");
  refused([](auto& m) {
    m.node("Relu", {"x"}, {"r"});
    m.node("QuantizeLinear", {"x", "r", "r"}, {"y"}).named("quantize");
  }, "'quantize'", "its scale has shape 1x4: blocks are not supported");
  // u16, float8 (e4m3fn) and s4, by number: not every onnx.pb.h has them.
  for (const int type : {4, 17, 22})
    refused([&](auto& m) { m.parameters("a", 1, 3, type), pair_of(m, {"x", "a_s", "a_z"}, {"q", "a_s", "a_z"}); }, "'quantize'", "is not supported");
}

TEST_CASE("computed scales and zero-points that do not fit are refused, naming node and reason") {
  const auto computed = [](QuantizedBuilder& m, const Ints& scale, int scale_type, const Ints& zero_point, int zero_point_type) -> QuantizedBuilder& {
    return static_cast<QuantizedBuilder&>(m.input("s", scale, scale_type).input("z", zero_point, zero_point_type));
  };
  const int f32 = onnx::TensorProto::FLOAT;
  refused([&](auto& m) { pair_of(computed(m, {3}, f32, {3}, kU8), {"x", "s", "z"}, {"q", "s", "z"}); }, "'quantize'", "its scale has 3 values where there must be 1, or 4 along axis 1");
  refused([&](auto& m) { pair_of(computed(m, {4}, f32, {}, kU8), {"x", "s", "z"}, {"q", "s", "z"}); }, "'quantize'", "has 1 zero-points for 4 scales");
  refused([&](auto& m) { pair_of(computed(m, {}, kU8, {}, kU8), {"x", "s", "z"}, {"q", "s", "z"}); }, "'quantize'", "its scale is u8, not f32");
  refused([&](auto& m) { pair_of(computed(m, {}, f32, {}, f32), {"x", "s", "z"}, {"q", "s", "z"}); }, "'quantize'", "its zero-point is f32, not u8 or s8");
  refused([&](auto& m) { pair_of(computed(m, {}, f32, {}, onnx::TensorProto::INT32), {"x", "s", "z"}, {"q", "s", "z"}); }, "'quantize'", "its zero-point is s32, not u8 or s8");
  refused([&](auto& m) { pair_of(computed(m, {}, f32, {}, kS8).bytes("u", {}, {0}, kU8), {"x", "s", "u"}, {"q", "s", "z"}); }, "'dequantize'", "its zero-point is s8, its input u8");
  refused([&](auto& m) { pair_of(computed(m, {}, f32, {}, kU8).parameters("a", -1, 0, kU8), {"x", "a_s", "z"}, {"q", "s", "z"}); }, "'quantize'", "scale[0] is -1");
  refused([&](auto& m) { computed(m, {}, f32, {}, kU8).node("DequantizeLinear", {"x", "s", "z"}, {"y"}).named("dequantize"); }, "'dequantize'", "is a QuantizeLinear missing?");
  refused([](auto& m) { m.input("i", {4}, onnx::TensorProto::INT64).node("DynamicQuantizeLinear", {"i"}, {"y"}).named("it"); }, "'it'", "its input is s64, not f32");
}

TEST_CASE("an operator that reads quantized values without a DequantizeLinear is refused") {
  QuantizedBuilder m;
  m.parameters("a", 1, 3, kU8).input("x", {kOpen, 4}).output("y");
  m.node("QuantizeLinear", {"x", "a_s", "a_z"}, {"q"});
  m.node("Sigmoid", {"q"}, {"y"}).named("bare");
  const auto graph = m.import();
  REQUIRE(!graph);
  CHECK(graph.error().text().find("'bare'") != std::string::npos);
  CHECK(graph.error().text().find("is a DequantizeLinear missing?") != std::string::npos);
}

}  // namespace
}  // namespace octet_test
