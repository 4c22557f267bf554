#include "converter/graph_walk.h"

#include <algorithm>
#include <new>

#include "converter/sample_bytes.h"
#include "engine/session.h"
#include "kernels/parallel.h"

namespace octet {
namespace {

constexpr std::size_t kAlignment = 64;

/// Of each tensor, the last node that reads it, or else the one that writes it.
std::vector<std::size_t> last_uses(const Graph& graph) {
  std::vector<std::size_t> last(graph.tensors.size(), 0);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n)
    for (const auto* tensors : {&graph.nodes[n].inputs, &graph.nodes[n].outputs})
      for (const int t : *tensors)
        if (t != kAbsent) last[at(t)] = n;
  return last;
}

}  // namespace

std::uint64_t macs_of(const Graph& g) {
  std::vector<Shape> shapes;
  for (const Tensor& t : g.tensors) shapes.push_back(t.shape);
  std::uint64_t macs = 0;
  for (const Node& n : g.nodes) macs += find_operator(n.op())->macs(NodeView(g, n, shapes));
  return macs;
}

std::size_t peak_tensor_bytes(const Graph& graph) {
  const std::vector<std::size_t> last = last_uses(graph);
  const auto bytes = [&](int t) {
    const Tensor& tensor = graph.tensors[at(t)];
    return tensor.constant() ? 0 : static_cast<std::size_t>(element_count(tensor.shape)) * size_of(tensor.type);
  };
  std::size_t now = 0;
  for (const int t : graph.inputs) now += bytes(t);
  std::size_t peak = now;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    for (const int t : node.outputs) now += bytes(t);
    peak = std::max(peak, now);
    std::vector<int> done = node.inputs;
    done.insert(done.end(), node.outputs.begin(), node.outputs.end());
    std::ranges::sort(done);
    done.erase(std::unique(done.begin(), done.end()), done.end());
    for (const int t : done)
      if (t != kAbsent && last[at(t)] == n) now -= bytes(t);
  }
  return peak;
}

void GraphWalk::Free::operator()(std::byte* p) const noexcept { ::operator delete[](p, std::align_val_t{kAlignment}); }

GraphWalk::Block GraphWalk::allocate(std::size_t bytes) {
  return Block(static_cast<std::byte*>(::operator new[](std::max(bytes, kAlignment), std::align_val_t{kAlignment})));
}

GraphWalk::GraphWalk(const Graph& graph, std::int64_t batch, std::vector<Shape> shapes, kernels::Isa isa, int threads)
    : graph_(&graph), batch_(batch), shapes_(std::move(shapes)), isa_(isa), threads_(threads), last_(last_uses(graph)) {}

Result<GraphWalk> GraphWalk::make(const Graph& graph, std::int64_t batch, int threads) {
  OCTET_TRY(auto shapes, infer_shapes(graph, batch));
  OCTET_TRY(const kernels::Isa isa, isa_cap({}));
  return GraphWalk(graph, batch, std::move(shapes), isa, std::max(threads, 1));
}

std::size_t GraphWalk::bytes_of(int tensor) const {
  return static_cast<std::size_t>(element_count(shapes_[at(tensor)])) * size_of(graph_->tensors[at(tensor)].type);
}

Result<void> GraphWalk::add(const Samples& samples, std::int64_t first) {
  Piece piece{std::vector<std::byte*>(graph_->tensors.size(), nullptr), {}};
  piece.blocks.resize(graph_->tensors.size());
  for (std::size_t i = 0; i < graph_->inputs.size(); ++i) {
    const int input = graph_->inputs[i];
    piece.blocks[at(input)] = allocate(bytes_of(input));
    piece.address[at(input)] = piece.blocks[at(input)].get();
    const Tensor& tensor = graph_->tensors[at(input)];
    std::vector<std::byte> values(bytes_of(input));
    OCTET_CHECK(read_bytes(samples, i, first, batch_, {tensor.name, tensor.type, shapes_[at(input)], tensor.batched}, values));
    std::ranges::copy(values, piece.address[at(input)]);
  }
  pieces_.push_back(std::move(piece));
  return {};
}

Result<void> GraphWalk::step() {
  const kernels::RoundingScope rounding;
  const Node& node = graph_->nodes[next_];
  const bool real = std::ranges::any_of(node.outputs, [&](int t) { return graph_->tensors[at(t)].type == Type::f32; });
  const int threads = real ? 1 : threads_;
  const kernels::ThreadScope scope(threads);
  auto prepared = find_operator(node.op())->prepare(NodeView(*graph_, node, shapes_), {isa_, threads});
  if (!prepared) return std::move(prepared).error().in(describe(*graph_, next_));
  const Block scratch = allocate(prepared->scratch_bytes);
  for (Piece& piece : pieces_) {
    for (const int t : node.inputs)
      if (t != kAbsent && graph_->tensors[at(t)].constant())  // only read; the table of addresses is shared with what is written
        piece.address[at(t)] = const_cast<std::byte*>(graph_->tensors[at(t)].data.bytes().data());
    for (const int t : node.outputs) {
      piece.blocks[at(t)] = allocate(bytes_of(t));
      piece.address[at(t)] = piece.blocks[at(t)].get();
    }
    const char* failure = prepared->function(prepared->parameters.get(), {piece.address.data(), scratch.get()});
    if (failure != nullptr) return Error{ErrorCode::run_failed, failure, describe(*graph_, next_)};
    for (const auto* tensors : {&node.inputs, &node.outputs})
      for (const int t : *tensors)
        if (t != kAbsent && last_[at(t)] == next_) piece.blocks[at(t)].reset();
  }
  ++next_;
  return {};
}

}  // namespace octet
