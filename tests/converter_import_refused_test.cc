// ONNX models that are malformed, unsupported or out of proportion: nothing gets through but with a reason.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "converter/passes/passes.h"
#include "support/import_checks.h"

namespace octet_test {
namespace {

using octet::ErrorCode;
using octet::Shape;

TEST_CASE("unsupported models say what and where") {
  ModelBuilder loop;
  loop.input("x", {2}).output("z").node("Relu", {"x"}, {"y"});
  loop.node("Loop", {"y"}, {"z"}).named("/Loop");
  check_refused(loop, ErrorCode::unsupported,
                "node 1 '/Loop' (Loop): operator Loop is not supported; see docs/operators.md");
  loop.node("Scan", {"y"}, {"v"});
  check_refused(loop, ErrorCode::unsupported, "these are not: Loop Scan)");
  ModelBuilder domain = single("Relu", {2});
  last_node(domain)->set_domain("com.microsoft");
  check_refused(domain, ErrorCode::unsupported, "domain 'com.microsoft'");
  check_refused(single("Relu", {2}, 6), ErrorCode::unsupported, "version 6");
  check_refused(single("Relu", {2}, 23), ErrorCode::unsupported, "version 23");
  ModelBuilder attribute = single("Relu", {2});
  last_node(attribute).with("consumed_inputs", std::vector<std::int64_t>{0});
  check_refused(attribute, ErrorCode::unsupported, "node 0 'y' (Relu): attribute 'consumed_inputs' is not supported");
  check_refused(single("MaxPool", {1, 2, 8, 8, 8}), ErrorCode::invalid_file, "kernel");
  ModelBuilder bytes;
  bytes.input("x", {1, 2, 4, 4}, onnx::TensorProto::INT8).output("y").node("MaxPool", {"x"}, {"y"}).with("kernel_shape", {2, 2});
  check_refused(bytes, ErrorCode::unsupported, "its input is s8; f32 and u8 are supported");
  check_refused(single("Relu", {2}).input("h", {2}, onnx::TensorProto::STRING), ErrorCode::unsupported, "STRING");
  ModelBuilder external = single("Relu", {2});
  external.tensor("w", {1}, onnx::TensorProto::FLOAT)->set_data_location(onnx::TensorProto::EXTERNAL);
  check_refused(external, ErrorCode::unsupported, "the model is not in a file itself");
}

TEST_CASE("the graph's structure is checked") {
  const auto invalid = [](const ModelBuilder& m, const std::string& part) {
    check_refused(m, ErrorCode::invalid_file, part);
  };
  ModelBuilder missing;
  missing.input("x", {2}).output("y").node("Add", {"x", "nothing"}, {"y"});
  invalid(missing, "input 'nothing' does not exist");
  ModelBuilder few;
  few.input("x", {2}).output("y").node("Add", {"x"}, {"y"});
  invalid(few, "input 1 is missing");
  ModelBuilder many;
  many.input("x", {2}).output("y").node("Relu", {"x", "x"}, {"y"});
  invalid(many, "has 2 inputs");
  ModelBuilder cycle;
  cycle.input("x", {2}).output("b").node("Add", {"x", "b"}, {"a"});
  cycle.node("Relu", {"a"}, {"b"});
  invalid(cycle, "input 'b' is made by node 1: there is a cycle, or the nodes are not in topological order");
  ModelBuilder self;
  self.input("x", {2}).output("a").node("Add", {"x", "a"}, {"a"});
  invalid(self, "there is a cycle");
  ModelBuilder twice;
  twice.input("x", {2}).output("y").node("Relu", {"x"}, {"y"});
  twice.node("Tanh", {"x"}, {"y"});
  invalid(twice, "node 1 'y' (Tanh): its output 'y' already exists");
  ModelBuilder shadow;
  shadow.input("x", {2}).output("x").node("Relu", {"x"}, {"x"});
  invalid(shadow, "already exists");
  invalid(single("Relu", {2}).input("x", {2}), "input 'x' is there twice");
  invalid(single("Relu", {2}).f32("c", {1}, {1}).f32("c", {1}, {1}), "initializer 'c' is there twice");
  invalid(single("Relu", {2}).output("y"), "output 'y' is there twice");
  invalid(single("Relu", {2}).output("z"), "output 'z' is made by no node");
  ModelBuilder none;
  none.input("x", {2}).node("Relu", {"x"}, {"y"});
  invalid(none, "no output");
  ModelBuilder unnamed;
  unnamed.input("x", {2}).output("y").node("Relu", {"x"}, {""});
  invalid(unnamed, "has no output");
  check_refused(single("Softmax", {2, 0}), ErrorCode::unsupported, "its input 'x' of shape 2x0 has no elements");
  invalid(single("Relu", {1, std::int64_t{1} << 62}), "too large");
  invalid(single("Relu", {1, std::int64_t{1} << 31}), "too large");
  ModelBuilder gap;
  gap.input("x", {1, 2}).output("y").node("Concat", {"x", ""}, {"y"}).with("axis", 0);
  invalid(gap, "input 1 is missing");
  invalid(single("Relu", Shape(9, 1)), "rank 9");
  ModelBuilder control = single("Relu", {2});
  last_node(control).named("a\x1B[31m");
  invalid(control, "not plain text");
  ModelBuilder bytes = single("Relu", {2});
  last_node(bytes).named("\xC0\x80");
  invalid(bytes, "not plain text");
  CHECK(single("Relu", {2}).input("größe", {2}).import().has_value());
}

TEST_CASE("tensors whose data does not fit their shape") {
  const auto refused = [](const Shape& dims, std::size_t raw_bytes, const std::string& part) {
    ModelBuilder m = single("Relu", {2});
    m.tensor("w", dims, onnx::TensorProto::FLOAT)->set_raw_data(std::string(raw_bytes, '\0'));
    check_refused(m, ErrorCode::invalid_file, part);
  };
  refused({2, 2}, 15, "initializer 'w': has data for 3 elements where its shape 2x2 has 4");
  refused({2, 2}, 17, "has 17 bytes");
  refused({-1}, 4, "size of its shape is -1");
  refused({std::int64_t{1} << 31, std::int64_t{1} << 31, 16}, 4, "overflows");
  refused({std::int64_t{1} << 40}, 4, "has data for 1 elements");  // and no terabyte is allocated
  ModelBuilder typed = single("Relu", {2});
  typed.f32("w", {3}, {1, 2, 3, 4});
  check_refused(typed, ErrorCode::invalid_file, "has 4 values where its shape needs 3");
}

ModelBuilder conv(const Shape& w) {
  ModelBuilder m;
  m.input("x", {1, 4, 5, 5}).output("y").random("w", w).node("Conv", {"x", "w"}, {"y"});
  return m;
}

TEST_CASE("attributes that make no sense") {
  const auto invalid = [](ModelBuilder m, const std::string& name, const auto& value, const std::string& part) {
    last_node(m).with(name, value);
    check_refused(m, ErrorCode::invalid_file, part);
  };
  using List = std::vector<std::int64_t>;
  constexpr std::int64_t kHuge = std::int64_t{1} << 40;
  const ModelBuilder good = conv({2, 4, 3, 3});
  CHECK(good.import().has_value());
  invalid(good, "group", 0, "0 groups");
  invalid(good, "group", -1, "-1 groups");
  invalid(good, "group", 3, "3 groups do not divide");
  invalid(good, "group", kHuge, "its group is 1099511627776");
  invalid(good, "group", 1.0F, "has type FLOAT, not INT");
  invalid(good, "strides", List{0, 1}, "strides is 0");
  invalid(good, "strides", List{1}, "strides has 1 values, not 2");
  invalid(good, "dilations", List{1, -1}, "dilations is -1");
  invalid(good, "dilations", List{kHuge, 1}, "dilations is 1099511627776");
  invalid(good, "dilations", List{(std::int64_t{1} << 31) - 1, 1}, "does not fit");
  invalid(good, "pads", List{0, 0, -1, 0}, "pads is -1");
  invalid(good, "pads", List{0, 0}, "pads has 2 values, not 4");
  invalid(good, "kernel_shape", List{3, 2}, "kernel_shape");
  invalid(good, "auto_pad", "SOMEHOW", "SOMEHOW");
  invalid(conv({2, 4, 7, 3}), "pads", List{0, 0, 0, 0}, "does not fit");
  check_refused(conv({2, 3, 3, 3}), ErrorCode::invalid_file, "weights for 3 input channels");
  check_refused(conv({2, 4, 3}), ErrorCode::invalid_file, "rank 3");
  ModelBuilder twice = good;
  last_node(twice).with("group", 1).with("group", 1);
  check_refused(twice, ErrorCode::invalid_file, "two attributes 'group'");
  invalid(single("MaxPool", {1, 1, 4, 4}), "kernel_shape", List{0, 2}, "kernel is 0");
  invalid(single("MaxPool", {1, 1, 4, 4}), "strides", List{1, 1}, "kernel has 0 axes");
  invalid(single("Flatten", {1, 2}), "axis", 3, "axis 3 is out of range");
  invalid(single("Flatten", {1, 2}), "axis", -3, "axis -3 is out of range");
  invalid(single("Softmax", {1, 2}), "axis", -3, "axis -3 is out of range");
  invalid(single("Concat", {1, 2}), "axis", 2, "axis 2 is out of range");
  check_refused(single("Concat", {1, 2}), ErrorCode::invalid_file, "has no axis");
  invalid(single("Transpose", {1, 2}), "perm", List{0, 0}, "not a permutation");
  invalid(single("Transpose", {1, 2}), "perm", List{0, 2}, "not a permutation");
  invalid(single("Transpose", {1, 2}), "perm", List{0}, "rank 2");
  invalid(single("Squeeze", {1, 2}, 11), "axes", List{1}, "cannot be squeezed");
  invalid(single("Squeeze", {1, 1}, 11), "axes", List{0, -2}, "twice");
  check_refused(single("Unsqueeze", {1, 2}), ErrorCode::invalid_file, "no axes");
}

TEST_CASE("operands that do not fit each other") {
  ModelBuilder add;
  add.input("a", {2, 3}).input("b", {2}).output("y").node("Add", {"a", "b"}, {"y"}).named("sum");
  check_refused(add, ErrorCode::invalid_file, "node 0 'sum' (Add): shapes 2x3 and 2 do not broadcast");
  ModelBuilder reshape;
  reshape.input("x", {2, 3}).output("y").s64("s", {4, -1}).node("Reshape", {"x", "s"}, {"y"});
  check_refused(reshape, ErrorCode::invalid_file, "cannot make shape");
  ModelBuilder gemm;
  gemm.input("x", {1, 3}).output("y").random("w", {4, 2}).node("Gemm", {"x", "w"}, {"y"});
  check_refused(gemm, ErrorCode::invalid_file, "weights for 4 inputs");
  ModelBuilder bn;
  bn.input("x", {1, 3}).output("y").random("p", {2}).node("BatchNormalization", {"x", "p", "p", "p", "p"}, {"y"});
  check_refused(bn, ErrorCode::invalid_file, "its scale must have shape 3, not 2");
  ModelBuilder variance;
  variance.input("x", {1, 1})
      .output("y")
      .f32("p", {1}, {-1})
      .node("BatchNormalization", {"x", "p", "p", "p", "p"}, {"y"});
  check_refused(variance, ErrorCode::invalid_file, "variance[0]");
  ModelBuilder concat;
  concat.input("a", {1, 2}).input("b", {1, 2, 1}).output("y").node("Concat", {"a", "b"}, {"y"}).with("axis", 1);
  check_refused(concat, ErrorCode::invalid_file, "differ in rank");
}

TEST_CASE("constants that would grow without bound are left to the engine's limits") {
  ModelBuilder m;
  m.input("x", {1}).output("y").f32("c0", {32, 32}, Values(1024, 1.0F));  // doubled along each axis in turn
  for (int i = 0; i < 29; ++i)
    m.node("Concat", {"c" + std::to_string(i), "c" + std::to_string(i)}, {"c" + std::to_string(i + 1)})
        .with("axis", i % 2);
  m.node("Add", {"c29", "x"}, {"y"});
  Graph g = must(m.import());
  must(octet::optimize(g));
  CHECK_FALSE(must(octet::make_model(g)).session().has_value());
}

TEST_CASE("long chains take time and memory in proportion to their length") {
  const int length = 20000;
  ModelBuilder m;
  m.input("v0", {kOpen, 4, 6}).s64("a", {0, 6, 4}).s64("b", {0, 4, 6});
  for (int i = 0; i < length; ++i)
    m.node("Reshape", {"v" + std::to_string(i), i % 2 == 0 ? "a" : "b"}, {"v" + std::to_string(i + 1)});
  Graph g = must(m.output("v" + std::to_string(length)).import());
  must(octet::optimize(g));
  CHECK(g.nodes.size() == 1);
  ModelBuilder t;
  t.input("v0", {kOpen, 4, 6}).random("w", {6, 6}).random("k", {6});
  t.node("MatMul", {"v0", "w"}, {"v1"});
  for (int i = 1; i < length; ++i)
    t.node(i % 2 == 0 ? "Add" : "Mul", {"v" + std::to_string(i), "k"}, {"v" + std::to_string(i + 1)});
  Graph h = must(t.output("v" + std::to_string(length)).import());
  must(octet::optimize(h));
  CHECK(h.nodes.size() == 1);
}

TEST_CASE("any bytes in, an error or a model out") {
  ModelBuilder m;
  m.input("x", {kOpen, 2, 4, 4}).output("y").random("w", {2, 2, 3, 3}).random("fc", {8, 2}).random("p", {2});
  m.node("Conv", {"x", "w", "p"}, {"c"}).with("pads", {1, 1, 1, 1});
  m.node("Relu", {"c"}, {"r"});
  m.node("MaxPool", {"r"}, {"m"}).with("kernel_shape", {2, 2}).with("strides", {2, 2});
  m.node("Flatten", {"m"}, {"f"});
  m.node("Gemm", {"f", "fc"}, {"g"});
  m.node("Softmax", {"g"}, {"y"});
  const std::string good = m.bytes();
  const auto survive = [](const std::string& bytes) {
    auto model = octet::parse_onnx(std::as_bytes(std::span(bytes)), "fuzz");
    if (!model) return;
    auto graph = octet::import_onnx(*model);
    if (graph && octet::optimize(*graph)) (void)octet::make_model(*std::move(graph));
  };
  for (std::size_t n = 0; n <= good.size(); ++n) survive(good.substr(0, n));
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string flipped = good;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    survive(flipped);
  }
}

TEST_CASE("files that are not models") {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("octet_import_test_" + std::to_string(std::random_device{}()));
  fs::create_directory(folder);
  const auto text_of = [&](const std::string& name, const std::string& content) {
    std::ofstream(folder / name, std::ios::binary) << content;
    const auto model = octet::read_onnx((folder / name).string());
    REQUIRE_FALSE(model.has_value());
    CHECK(model.error().code == ErrorCode::invalid_file);
    return model.error().text();
  };
  CHECK(octet::read_onnx((folder / "none.onnx").string()).error().text().find("No such file") != std::string::npos);
  CHECK(octet::read_onnx(folder.string()).error().text().find("directory") != std::string::npos);
  CHECK(text_of("empty.onnx", "").find("is empty") != std::string::npos);
  CHECK(text_of("text.onnx", "this is text").find("is not an ONNX model (protobuf parse failed)") != std::string::npos);
  onnx::ModelProto no_graph;
  no_graph.set_ir_version(8);
  CHECK(text_of("graph.onnx", no_graph.SerializeAsString()).find("it has no graph") != std::string::npos);
  ModelBuilder opset = single("Relu", {2});
  opset.proto.clear_opset_import();
  CHECK(text_of("opset.onnx", opset.bytes()).find("no operator set") != std::string::npos);
  ModelBuilder nodes;
  CHECK(text_of("nodes.onnx", nodes.bytes()).find("no nodes") != std::string::npos);

  const std::string good = single("Relu", {2}).bytes();
  std::ofstream(folder / "good.onnx", std::ios::binary) << good;
  const octet::OnnxModel model = must(octet::read_onnx((folder / "good.onnx").string()));
  CHECK(model.provenance().source_name == "good.onnx");
  CHECK(model.provenance().source_bytes == good.size());
  CHECK(model.provenance().source_hash != 0);
  fs::remove_all(folder);
}

TEST_CASE("subgraphs nested without end are refused by the parser") {
  onnx::ModelProto inner;
  onnx::GraphProto* graph = inner.mutable_graph();
  for (int i = 0; i < 200; ++i) {
    onnx::AttributeProto* a = graph->add_node()->add_attribute();
    graph = a->mutable_g();
  }
  const std::string bytes = inner.SerializeAsString();
  const auto model = octet::parse_onnx(std::as_bytes(std::span(bytes)), "deep");
  REQUIRE_FALSE(model.has_value());
  CHECK(model.error().message.find("parse failed") != std::string::npos);
}

}  // namespace
}  // namespace octet_test
