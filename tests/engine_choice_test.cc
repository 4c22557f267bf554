// Which kernel a layer gets, by rule or by the clock: every one that is offered gives the same bytes.
#include <algorithm>

#include "kernels/parallel.h"
#include "tests/support/quantized_nets.h"

namespace octet_test {
namespace {

using octet::NodeView;
using octet::Step;

/// The output of a step of `node` on random inputs.
std::vector<std::byte> output_of(const Step& step, const Graph& graph, const octet::Node& node, const std::vector<Shape>& shapes) {
  Random random(3);
  std::vector<std::vector<std::byte>> storage(graph.tensors.size());
  std::vector<std::byte*> addresses(graph.tensors.size(), nullptr);
  const auto place = [&](int index, bool fill) {
    const auto i = static_cast<std::size_t>(index);
    const Tensor& t = graph.tensors[i];
    const auto count = static_cast<std::size_t>(octet::element_count(shapes[i]));
    if (t.constant()) {
      addresses[i] = const_cast<std::byte*>(t.data.bytes().data());
      return;
    }
    storage[i] = fill && t.type == Type::u8    ? bytes_of(random.integers<std::uint8_t>(count, 0, 255))
                 : fill && t.type == Type::f32 ? bytes_of(random.reals(count, -1, 1))
                                               : std::vector<std::byte>(count * octet::size_of(t.type));
    addresses[i] = storage[i].data();
  };
  for (const int t : node.inputs)
    if (t >= 0) place(t, true);
  for (const int t : node.outputs) place(t, false);
  std::vector<std::byte> scratch(step.scratch_bytes + 64);
  const auto offset = (64 - reinterpret_cast<std::uintptr_t>(scratch.data()) % 64) % 64;
  const octet::kernels::RoundingScope rounding;
  REQUIRE(step.function(step.parameters.get(), {addresses.data(), scratch.data() + offset}) == nullptr);
  return storage[static_cast<std::size_t>(node.outputs[0])];
}

TEST_CASE("all kernels offered for a node give the same bytes, and say why they are in their place") {
  int compared = 0;
  for (const Net& net : quantized_nets(2)) {
    const Graph& graph = net.model.impl().graph;
    for (const auto isa : octet::kernels::available_isas())
      for (const std::int64_t batch : {1, 7}) {
        const auto shapes = must(octet::infer_shapes(graph, batch));
        for (const octet::Node& node : graph.nodes) {
          std::vector<Step> others;
          const auto* info = octet::find_operator(node.op());
          const Step first = must(info->prepare(NodeView(graph, node, shapes), {isa, 1, 1, &others}));
          for (const Step& other : others) {
            INFO(net.name, ", ", node.name, ": ", first.kernel, " and ", other.kernel);
            CHECK(first.why.starts_with("rule: "));
            CHECK(other.why.starts_with("rule: "));
            CHECK(output_of(other, graph, node, shapes) == output_of(first, graph, node, shapes));
            ++compared;
          }
        }
      }
  }
  if (octet::kernels::cpu_has(octet::kernels::Isa::avx2)) CHECK(compared > 20);
}

TEST_CASE("a session that is tuned gives the bytes of one that is not, and shows its times") {
  const Net net = convolutions(1);
  for (const int threads : {1, 2}) {
    octet::SessionOptions options;
    options.threads = threads;
    options.batch = 2;
    auto plain = must(net.model.session(options));
    options.tune = true;
    auto tuned = must(net.model.session(options));
    const auto inputs = random_inputs(net.model, 2, 13);
    CHECK(run_bytes(plain, inputs) == run_bytes(tuned, inputs));
    const auto timed = [](const octet::Session& session) {
      return std::ranges::count_if(session.impl().steps, [](const auto& s) { return s.step.why.starts_with("timed: "); });
    };
    CHECK(timed(plain) == 0);
    if (octet::kernels::cpu_has(octet::kernels::Isa::avx2)) CHECK(timed(tuned) > 0);
  }
}

}  // namespace
}  // namespace octet_test
