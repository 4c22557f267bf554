// What is true of every optimized graph.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "../converter_models.h"
#include "converter/passes/passes.h"

namespace octet_test {

/// The optimized graph: it computes what the imported one did, at batch 1 and 3, under the same names.
inline Graph checked_optimized(const ModelBuilder& m, const octet::ImportOptions& options = {}) {
  const Graph imported = must(m.import(options));
  Graph g = imported;
  must(octet::optimize(g));
  for (const int batch : {1, 3}) {
    if (batch != 1 &&
        std::ranges::any_of(g.inputs, [&](int i) { return !g.tensors[static_cast<std::size_t>(i)].batched; }))
      break;
    const auto inputs = random_inputs(imported, batch);
    const auto expected = run(imported, inputs, batch);
    const auto got = run(g, inputs, batch);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) check_close(got[i], expected[i], 1e-5F);
  }
  for (std::size_t i = 0; i < g.outputs.size(); ++i) {
    const octet::Tensor& now = g.tensors[static_cast<std::size_t>(g.outputs[i])];
    const octet::Tensor& before = imported.tensors[static_cast<std::size_t>(imported.outputs[i])];
    CHECK(now.name == before.name);
    CHECK(now.shape == before.shape);
  }
  std::set<std::string> names;
  for (const octet::Node& node : g.nodes)
    CHECK(names.insert(g.tensors[static_cast<std::size_t>(node.outputs[0])].name).second);
  return g;
}

}  // namespace octet_test
