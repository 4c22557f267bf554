// What tests of the importer share: models of one node, and what is refused.
#pragma once

#include <string>
#include <vector>

#include "../converter_models.h"
#include "converter/passes/passes.h"

namespace octet_test {

using Strings = std::vector<std::string>;
using Values = std::vector<float>;
using Ints = std::vector<std::int64_t>;

/// One node, from x to y.
inline ModelBuilder single(const std::string& op, const octet::Shape& shape, int opset = 13) {
  ModelBuilder m(opset);
  m.input("x", shape).output("y").node(op, {"x"}, {"y"});
  return m;
}

inline NodeBuilder last_node(ModelBuilder& m) { return NodeBuilder(m.proto.mutable_graph()->mutable_node(m.proto.graph().node_size() - 1)); }

inline void check_refused(const ModelBuilder& m, octet::ErrorCode code, const std::string& part, const octet::ImportOptions& options = {}) {
  const auto graph = m.import(options);
  REQUIRE_FALSE(graph.has_value());
  INFO(graph.error().text());
  CHECK(graph.error().code == code);
  CHECK(graph.error().text().find(part) != std::string::npos);
}

inline Graph optimized(const ModelBuilder& m) {
  Graph g = must(m.import());
  must(octet::optimize(g));
  return g;
}

/// The first output of the graph as it was imported, and of the optimized one.
inline Values compute(const ModelBuilder& m, const std::vector<Values>& inputs) { return run(must(m.import()), inputs)[0]; }
inline Values compute_optimized(const ModelBuilder& m, const std::vector<Values>& inputs, int batch = 1) { return run(optimized(m), inputs, batch)[0]; }

}  // namespace octet_test
