// All passes on random graphs and on the models of the project.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>

#include "support/passes_checks.h"

namespace octet_test {
namespace {

using octet::Shape;
using octet::schema::Function;

/// Random chains of everything that moves or does not mind layouts.
ModelBuilder random_model(unsigned seed) {
  std::mt19937 engine(seed);
  const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(engine()) % n; };
  ModelBuilder m;
  m.input("v0", {kOpen, 2, 3, 4});
  std::vector<Shape> shapes = {{1, 2, 3, 4}};
  const auto name = [](std::size_t i) { return "v" + std::to_string(i); };
  for (int step = 0; step < 14; ++step) {
    const std::size_t x = pick(shapes.size());
    Shape s = shapes[x];
    const std::string y = name(shapes.size());
    const std::string c = "c" + std::to_string(step);
    switch (pick(9)) {
      case 0: {
        std::vector<std::int64_t> perm(s.size());
        for (std::size_t i = 0; i < perm.size(); ++i) perm[i] = static_cast<std::int64_t>(i);
        std::shuffle(perm.begin() + 1, perm.end(), engine);
        m.node("Transpose", {name(x)}, {y}).with("perm", perm);
        for (std::size_t i = 0; i < perm.size(); ++i) s[i] = shapes[x][static_cast<std::size_t>(perm[i])];
        break;
      }
      case 1: {
        const std::int64_t rest = octet::element_count(s);
        const std::int64_t first = std::vector<std::int64_t>{1, 2, s[1], rest}[pick(4)];
        s = {1, first, rest / first};
        if (first * s[2] != rest) continue;
        m.s64(c, {0, first, -1}).node("Reshape", {name(x), c}, {y});
        break;
      }
      case 2:
        if (s.size() != 4) continue;
        m.random(c, {3, s[1], 1, 1}).node("Conv", {name(x), c}, {y});
        s[1] = 3;
        break;
      case 3:
        m.node("Sigmoid", {name(x)}, {y});
        break;
      case 4:
        m.random(c, {pick(2) == 0 ? 1 : s[s.size() - 2], s.back()}).node("Mul", {name(x), c}, {y});
        break;
      case 5: {
        std::size_t other = pick(shapes.size());
        if (shapes[other] != s) other = x;
        m.node("Add", {name(x), name(other)}, {y});
        break;
      }
      case 6: {
        const std::size_t axis = 1 + pick(s.size() - 1);
        m.node("Concat", {name(x), name(x)}, {y}).with("axis", static_cast<std::int64_t>(axis));
        s[axis] *= 2;
        break;
      }
      case 7:
        m.node("Softmax", {name(x)}, {y}).with("axis", static_cast<std::int64_t>(1 + pick(s.size() - 1)));
        break;
      default:
        m.node("Flatten", {name(x)}, {y + "f"});
        m.random(c, {octet::element_count(s), 4}).node("Gemm", {y + "f", c}, {y});
        s = {1, 4};
    }
    if (octet::element_count(s) > 500) {
      m.proto.mutable_graph()->mutable_node()->RemoveLast();
      continue;
    }
    shapes.push_back(s);
  }
  for (std::size_t i = 1; i < shapes.size(); ++i)
    if (i + 1 == shapes.size() || pick(5) == 0) m.output(name(i));
  return m;
}

TEST_CASE("random graphs compute the same after all passes") {
  for (unsigned seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    const ModelBuilder m = random_model(seed);
    if (m.proto.graph().output_size() > 0) checked_optimized(m);
  }
}

#ifdef OCTET_SHARED_DIR
TEST_CASE("the models of the project: nothing but their inputs and outputs is transposed") {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(OCTET_SHARED_DIR) / "models";
  if (!fs::exists(folder)) {
    MESSAGE("skipped: there is no " << folder.string());
    return;
  }
  for (const char* name : {"lenet", "mnist_mlp", "mnist_resnet", "fashion_lenet", "fashion_mobilenet",
                           "fashion_unbalanced", "fused_residual", "kws", "vww"}) {
    CAPTURE(name);
    const auto source = must(octet::read_onnx((folder / (std::string(name) + ".onnx")).string()));
    const Graph imported = must(octet::import_onnx(source));
    Graph g = imported;
    must(octet::optimize(g));
    const auto inputs = random_inputs(g, 2);
    const auto expected = run(imported, inputs, 2);
    const auto got = run(g, inputs, 2);
    for (std::size_t i = 0; i < got.size(); ++i) check_close(got[i], expected[i], 1e-4F);
    const std::set<int> outputs(g.outputs.begin(), g.outputs.end());
    const std::set<int> graph_inputs(g.inputs.begin(), g.inputs.end());
    for (const octet::Node& node : g.nodes) {
      const bool at_the_edge = graph_inputs.contains(node.inputs[0]) || outputs.contains(node.outputs[0]);
      if (node.op() == octet::schema::Operator::Transpose) CHECK(at_the_edge);
      const bool fused = node.op() == octet::schema::Operator::Pointwise &&
                         node.as<octet::schema::PointwiseT>().function == Function::Clip;
      CHECK_FALSE(fused);
    }
  }
}
#endif

}  // namespace
}  // namespace octet_test
