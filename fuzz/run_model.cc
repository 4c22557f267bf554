#include "fuzz/run_model.h"

#include "engine/model.h"

namespace octet::fuzz {
namespace {

constexpr std::int64_t kMostElements = 1 << 20;
constexpr std::int64_t kMostSteps = 20'000'000;

/// Reads of x for one element of a node's output.
std::int64_t reads_per_element(const Graph& g, const Node& node) {
  const auto window = [](const auto& a) { return std::int64_t{a.kernel_h} * a.kernel_w; };
  const auto input = [&](std::size_t i) -> const Shape& { return g.tensors[static_cast<std::size_t>(node.inputs[i])].shape; };
  switch (node.op()) {
    case schema::Operator::MaxPool: return window(node.as<schema::MaxPoolT>());
    case schema::Operator::AveragePool: return window(node.as<schema::AveragePoolT>());
    case schema::Operator::Conv:
    case schema::Operator::FullyConnected: return element_count(input(1)) / input(1)[0];
    case schema::Operator::MatMul: return input(0).back();
    case schema::Operator::LSTM:
    case schema::Operator::GRU: return input(1)[0];
    case schema::Operator::ScatterND: return 1 + element_count(input(2)) / element_count(input(0));
    // Each output may look at a whole line of x.
    case schema::Operator::Reduce:
    case schema::Operator::ArgMax:
    case schema::Operator::TopK: return element_count(input(0));
    default: return 1;
  }
}

void run_at(const Model& model, int batch) {
  auto session = model.session({.batch = batch, .memory_limit_bytes = std::size_t{64} << 20U});
  if (!session) return;
  std::vector<std::vector<std::byte>> storage;
  std::vector<InputTensor> inputs;
  std::vector<OutputTensor> outputs;
  for (const TensorInfo& i : session->inputs()) {
    storage.emplace_back(i.size_bytes());
    unsigned value = 1;
    for (std::byte& b : storage.back()) b = static_cast<std::byte>((value = value * 1'664'525U + 1'013'904'223U) >> 24U);
    inputs.emplace_back(storage.back().data(), storage.back().size(), i.type, i.name);
  }
  for (const TensorInfo& o : session->outputs()) {
    storage.emplace_back(o.size_bytes());
    outputs.emplace_back(storage.back().data(), storage.back().size(), o.type);
  }
  (void)session->run(inputs, outputs).has_value();
}

}  // namespace

bool is_small(const Model& model) {
  const Graph& g = model.impl().graph;
  std::int64_t steps = 0;
  for (const Tensor& t : g.tensors)
    if (element_count(t.shape) > kMostElements) return false;
  for (const Node& node : g.nodes) {
    // Neither factor passes 2^31 by much, and the sum is bounded before it grows further.
    const std::int64_t reads = reads_per_element(g, node);
    if (reads > kMostSteps) return false;
    steps += reads * element_count(g.tensors[static_cast<std::size_t>(node.outputs[0])].shape);
    if (steps > kMostSteps) return false;
  }
  return true;
}

void run_model(const Model& model) {
  if (!is_small(model)) return;
  run_at(model, 1);
  run_at(model, 3);
}

}  // namespace octet::fuzz
