// ONNX models -> float graphs: open sizes, and where the batch stays free.
#include <doctest/doctest.h>

#include "support/import_checks.h"
#include "support/temp_dir.h"

namespace octet_test {
namespace {

using octet::ErrorCode;
using octet::Shape;

TEST_CASE("shapes: Reshape, Flatten, Squeeze and Unsqueeze keep the batch free") {
  ModelBuilder m(13);
  m.input("x", {kOpen, 2, 1, 3}).output("flat").output("back");
  m.s64("shape", {0, -1, 2}).s64("two", {2}).s64("last", {-1});
  m.node("Flatten", {"x"}, {"flat"});
  m.node("Reshape", {"x", "shape"}, {"r"});
  m.node("Squeeze", {"x", "two"}, {"s"});
  m.node("Unsqueeze", {"s", "last"}, {"u"});
  m.node("Unsqueeze", {"r", "last"}, {"v"});
  m.node("Concat", {"u", "u"}, {"c"}).with("axis", -1);
  m.node("Add", {"v", "v"}, {"w"});
  m.node("Flatten", {"w"}, {"wf"}).with("axis", -3);
  m.node("Flatten", {"c"}, {"cf"}).with("axis", 1);
  m.node("Concat", {"wf", "cf"}, {"back"}).with("axis", 1);
  const Graph g = must(m.import());
  for (const octet::Node& node : g.nodes) CHECK(g.tensors[static_cast<std::size_t>(node.outputs[0])].batched);
  CHECK(g.tensors[static_cast<std::size_t>(g.outputs[0])].shape == Shape{1, 6});
  CHECK(g.tensors[static_cast<std::size_t>(g.outputs[1])].shape == Shape{1, 18});
  ModelBuilder old = single("Squeeze", {1, 2, 1}, 11);
  last_node(old).with("axes", std::vector<std::int64_t>{2});
  CHECK(output_of(must(old.import()), 0).shape == Shape{1, 2});
  CHECK(output_of(must(single("Squeeze", {1, 2, 1}).import()), 0).shape == Shape{2});
}

TEST_CASE("a batch that the model fixes is fixed") {
  ModelBuilder m;
  m.input("x", {kOpen, 4}).output("y").s64("shape", {1, 2, 2}).random("w", {2, 2});
  m.node("Reshape", {"x", "shape"}, {"r"});
  m.node("MatMul", {"r", "w"}, {"y"});
  CHECK_FALSE(must(m.import()).tensors[0].batched);
}

/// Whether the batch is still free in the finished model.
bool keeps_batch(const ModelBuilder& m) {
  const TempDir dir;
  return must(octet::import_onnx(dir.write("m.onnx", m.bytes()))).inputs()[0].batched;
}

TEST_CASE("a batch that leaves the leading axis is fixed") {
  CHECK_FALSE(keeps_batch(single("Transpose", {kOpen, 4})));
  CHECK(keeps_batch(single("Flatten", {kOpen, 4})));
}

TEST_CASE("a constant, or another input, that meets the batch at size 2 by coincidence fixes it") {
  for (const std::int64_t size : {2, 3, 5}) {
    INFO(size);
    ModelBuilder added;
    added.input("x", {kOpen, 6}).output("y").random("c", {size, 6});
    added.node("Add", {"x", "c"}, {"y"});
    CHECK_FALSE(keeps_batch(added));
    ModelBuilder expanded;
    expanded.input("x", {kOpen, 6}).output("y").s64("shape", {size, 6});
    expanded.node("Expand", {"x", "shape"}, {"y"});
    CHECK_FALSE(keeps_batch(expanded));
    ModelBuilder inputs;
    inputs.input("x", {kOpen, 6}).input("z", {kOpen, size, 6}).output("y");
    inputs.node("Add", {"x", "z"}, {"y"});
    CHECK_FALSE(keeps_batch(inputs));
  }
}

TEST_CASE("a batch along which an operator works is fixed") {
  ModelBuilder softmax = single("Softmax", {kOpen, 4});
  last_node(softmax).with("axis", 0);
  CHECK_FALSE(keeps_batch(softmax));
  last_node(softmax)->mutable_attribute(0)->set_i(1);
  CHECK(keeps_batch(softmax));
  ModelBuilder concat;
  concat.input("x", {kOpen, 4}).output("y").node("Concat", {"x", "x"}, {"y"}).with("axis", 0);
  CHECK_FALSE(keeps_batch(concat));
}

TEST_CASE("open dimensions") {
  ModelBuilder m = single("Relu", {kOpen, 3, kOpen, kOpen});
  check_refused(m, ErrorCode::invalid_argument,
                "input 'x' has open dimensions [d0,3,d2,d3]; set them, for example --shape x=1,3,224,224");
  const Graph g = must(m.import({.shapes = {{"x", {1, 3, 8, 9}}}}));
  CHECK(g.tensors[0].shape == Shape{1, 3, 8, 9});
  CHECK(g.tensors[0].batched);
  check_refused(m, ErrorCode::invalid_argument, "does not fit", {.shapes = {{"x", {1, 4, 8, 9}}}});
  check_refused(m, ErrorCode::invalid_argument, "does not fit", {.shapes = {{"x", {1, 3, 8}}}});
  check_refused(m, ErrorCode::invalid_argument, "give 1 there", {.shapes = {{"x", {2, 3, 8, 9}}}});
  check_refused(m, ErrorCode::invalid_argument, "size 0", {.shapes = {{"x", {1, 3, 0, 9}}}});
  check_refused(single("Relu", {2}), ErrorCode::invalid_argument, "the inputs are: x", {.shapes = {{"z", {1}}}});
  const Graph fixed = must(single("Relu", {4, 3}).import({.shapes = {{"x", {4, 3}}}}));
  CHECK_FALSE(fixed.tensors[0].batched);
  ModelBuilder unknown = single("Relu", {});
  unknown.proto.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  check_refused(unknown, ErrorCode::invalid_argument, "has no declared shape");
}

TEST_CASE("open dimensions of one name are one size") {
  const auto named = [](onnx::TypeProto* type, const std::vector<std::string>& names) {
    auto* shape = type->mutable_tensor_type()->mutable_shape();
    shape->clear_dim();
    for (const std::string& name : names) shape->add_dim()->set_dim_param(name);
  };
  ModelBuilder m;
  m.input("ids", {1, 1}).input("mask", {1, 1}).input("positions", {1}).input("other", {1, 1, 1}).output("y").output("z");
  named(m.proto.mutable_graph()->mutable_input(0)->mutable_type(), {"batch", "sequence"});
  named(m.proto.mutable_graph()->mutable_input(1)->mutable_type(), {"batch", "sequence"});
  named(m.proto.mutable_graph()->mutable_input(2)->mutable_type(), {"sequence"});
  named(m.proto.mutable_graph()->mutable_input(3)->mutable_type(), {"batch", "sequence", "width"});
  m.node("Add", {"ids", "mask"}, {"s"});
  m.node("Add", {"s", "positions"}, {"y"});
  m.node("Relu", {"other"}, {"z"});
  check_refused(m, ErrorCode::invalid_argument,
                "input 'ids' has open dimensions [batch,sequence]; set them, for example --shape ids=1,128 --shape other=1,128,128");
  check_refused(m, ErrorCode::invalid_argument,
                "input 'other' has open dimensions [batch,sequence,width]; set them, for example --shape other=1,5,128",
                {.shapes = {{"ids", {1, 5}}}});
  const Graph g = must(m.import({.shapes = {{"other", {1, 5, 7}}}}));
  CHECK(g.tensors[0].shape == Shape{1, 5});
  CHECK(g.tensors[1].shape == Shape{1, 5});
  CHECK(g.tensors[1].batched);
  CHECK(g.tensors[2].shape == Shape{5});
  CHECK_FALSE(g.tensors[2].batched);
  CHECK(g.tensors[3].shape == Shape{1, 5, 7});
}

}  // namespace
}  // namespace octet_test
