// Where tensors live: the planner's blocks, and sessions that share memory against sessions that do not.
#include "engine/memory_plan.h"

#include <algorithm>
#include <cstdint>
#include <map>

#include "tests/support/quantized_nets.h"

namespace octet_test {
namespace {

using octet::Lifetime;

bool overlap(std::size_t a, std::size_t a_bytes, std::size_t b, std::size_t b_bytes) {
  return a < b + b_bytes && b < a + a_bytes;
}

/// The most bytes alive at one step, each block rounded up to the alignment.
std::size_t least_possible(const std::vector<Lifetime>& blocks, std::size_t steps) {
  std::size_t most = 0;
  for (std::size_t step = 0; step < steps; ++step) {
    std::size_t alive = 0;
    for (const Lifetime& b : blocks)
      if (b.first <= step && step <= b.last) alive += (b.bytes + 63) / 64 * 64;
    most = std::max(most, alive);
  }
  return most;
}

void check_plan(const std::vector<Lifetime>& blocks, std::size_t steps) {
  const auto plan = octet::plan_memory(blocks);
  REQUIRE(plan.offsets.size() == blocks.size());
  std::size_t sum = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    CHECK(plan.offsets[i] % 64 == 0);
    CHECK(plan.offsets[i] + blocks[i].bytes <= plan.arena_bytes);
    sum += (blocks[i].bytes + 63) / 64 * 64;
    for (std::size_t j = 0; j < i; ++j) {
      if (blocks[i].first > blocks[j].last || blocks[j].first > blocks[i].last) continue;
      if (blocks[i].bytes == 0 || blocks[j].bytes == 0) continue;
      CHECK_FALSE(overlap(plan.offsets[i], blocks[i].bytes, plan.offsets[j], blocks[j].bytes));
    }
  }
  CHECK(plan.arena_bytes <= sum);
  CHECK(plan.arena_bytes >= least_possible(blocks, steps));
}

TEST_CASE("no two blocks that live at the same time overlap") {
  Random random(8);
  for (int round = 0; round < 300; ++round) {
    const std::int64_t steps = random.integer(1, 20);
    std::vector<Lifetime> blocks(static_cast<std::size_t>(random.integer(0, 30)));
    for (Lifetime& b : blocks) {
      b.bytes = static_cast<std::size_t>(random.integer(0, round % 2 == 0 ? 300 : 5000));
      b.first = static_cast<std::size_t>(random.integer(0, steps - 1));
      b.last = static_cast<std::size_t>(random.integer(static_cast<std::int64_t>(b.first), steps - 1));
    }
    check_plan(blocks, static_cast<std::size_t>(steps));
  }
}

TEST_CASE("very many blocks are placed in the order of time") {
  Random random(9);
  std::vector<Lifetime> blocks(octet::kMostPlacedBySize + 500);
  for (std::size_t i = 0; i < blocks.size(); ++i)
    blocks[i] = {static_cast<std::size_t>(random.integer(0, 3000)), i, i + static_cast<std::size_t>(random.integer(0, 4))};
  const auto plan = octet::plan_memory(blocks);
  std::size_t apart = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i)
    for (std::size_t j = i > 4 ? i - 4 : 0; j < i; ++j)
      if (blocks[j].last >= i) apart += overlap(plan.offsets[i], blocks[i].bytes, plan.offsets[j], blocks[j].bytes) && blocks[i].bytes * blocks[j].bytes != 0;
  CHECK(apart == 0);
  CHECK(plan.arena_bytes < 5 * 3072 * 2);
}

TEST_CASE("a chain takes the room of its two largest neighbours") {
  const auto plan = octet::plan_memory({{1000, 0, 1}, {2000, 1, 2}, {500, 2, 3}, {64, 3, 4}});
  CHECK(plan.arena_bytes == 1024 + 2048);
  CHECK(octet::plan_memory({}).arena_bytes == 0);
  CHECK(octet::plan_memory({{0, 0, 0}}).arena_bytes == 0);
}

TEST_CASE("a session's tensors that live at the same time lie apart in the arena, all of them aligned") {
  for (const Net& net : quantized_nets(1)) {
    INFO(net.name);
    const auto session = must(net.model.session());
    const auto& impl = session.impl();
    const auto& graph = impl.graph();
    std::vector<std::size_t> last(graph.tensors.size(), 0);
    for (std::size_t n = 0; n < graph.nodes.size(); ++n)
      for (const int i : graph.nodes[n].inputs)
        if (i >= 0) last[static_cast<std::size_t>(i)] = n;
    const auto bytes_at = [&](int i) {
      const auto k = static_cast<std::size_t>(i);
      return static_cast<std::size_t>(octet::element_count(impl.shapes[k])) * octet::size_of(graph.tensors[k].type);
    };
    const auto address = [&](int i) { return reinterpret_cast<std::uintptr_t>(impl.data(i)); };
    int pairs = 0;
    for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
      const int out = graph.nodes[n].outputs[0];
      if (impl.data(out) == nullptr) continue;  // the caller's
      if (graph.nodes[n].op() != octet::schema::Operator::Reshape) CHECK(address(out) % 64 == 0);
      for (std::size_t m = 0; m < n; ++m) {
        const int other = graph.nodes[m].outputs[0];
        if (impl.data(other) == nullptr || last[static_cast<std::size_t>(other)] < n) continue;
        if (graph.nodes[n].op() == octet::schema::Operator::Reshape) continue;  // an alias of its input
        ++pairs;
        // An elementwise step writes over an input that it is the last to read.
        if (address(out) == address(other) && last[static_cast<std::size_t>(other)] == n && bytes_at(out) == bytes_at(other)) continue;
        CHECK_FALSE(overlap(address(out), bytes_at(out), address(other), bytes_at(other)));
      }
    }
    CHECK(pairs > 2);
  }
}

TEST_CASE("sessions that keep every tensor give the bytes of those that share memory") {
  for (const Net& net : quantized_nets(2)) {
    INFO(net.name);
    for (const auto isa : octet::kernels::available_isas()) {
      octet::SessionOptions options;
      options.isa = octet::kernels::name_of(isa);
      options.batch = 3;
      auto shared = must(net.model.session(options));
      auto kept = must(octet::make_session(net.model, options, {.keep_tensors = true}));
      CHECK(kept.arena_bytes() > shared.arena_bytes());
      const auto inputs = random_inputs(net.model, 3, 21);
      CHECK(run_bytes(kept, inputs) == run_bytes(shared, inputs));
    }
  }
}

TEST_CASE("steps are reported in order, and a kept tensor can be read after its step") {
  const Net net = branches(5);
  auto session = must(octet::make_session(net.model, {}, {.keep_tensors = true}));
  auto& impl = session.impl();
  std::vector<std::size_t> seen;
  impl.after_step = [&](std::size_t step) { seen.push_back(step); };
  run_bytes(session, random_inputs(net.model, 1, 2));
  REQUIRE(seen.size() == impl.steps.size());
  for (std::size_t i = 0; i < seen.size(); ++i) CHECK(seen[i] == i);
  for (const auto& node : impl.graph().nodes) CHECK(impl.data(node.outputs[0]) != nullptr);
}

TEST_CASE("a convolution does the work of the pool or sum that alone reads it, and no other") {
  const Net net = tails(1);
  for (const auto isa : octet::kernels::available_isas()) {
    octet::SessionOptions options;
    options.isa = octet::kernels::name_of(isa);
    const auto fused = must(net.model.session(options));
    const auto kept = must(octet::make_session(net.model, options, {.keep_tensors = true}));
    std::map<std::string, std::string> tails;
    const auto& graph = fused.impl().graph();
    for (const auto& s : fused.impl().steps) {
      if (!s.tail) continue;
      tails[graph.nodes[s.node].name] = graph.nodes[*s.tail].name;
      CHECK(s.step.kernel.find(graph.nodes[*s.tail].name.ends_with(".pool") ? " + max_pool_u8_" : " + add_u8_") != std::string::npos);
      CHECK(fused.impl().data(graph.nodes[s.node].outputs[0]) == nullptr);
    }
    INFO(options.isa);
    for (const char* name : {"seen", "wide", "shown", "grouped", "stem", "early", "narrow", "other", "broadcast", "doubled"}) CHECK_FALSE(tails.contains(name));
    CHECK(std::ranges::none_of(kept.impl().steps, [](const auto& s) { return s.tail.has_value(); }));
    CHECK(kept.impl().steps.size() == graph.nodes.size());
    if (!octet::kernels::allows(isa, octet::kernels::Isa::avx2)) continue;
    CHECK(tails["first"] == "first.pool");
    CHECK(tails["strided"] == "small.pool");
    CHECK(tails["branch"] == "branch.sum");
    CHECK(tails["own"] == "own.sum");
    CHECK(tails["late"] == "late.difference");
    CHECK(tails["same"] == "same.sum");
    const auto address = [&](const char* name) {
      const auto node = std::ranges::find(graph.nodes, std::string(name), [](const auto& n) { return n.name; });
      return fused.impl().data(node->outputs[0]);
    };
    CHECK(address("branch.sum") == address("stem"));
    CHECK(address("own.sum") != address("branch.sum"));  // which the convolution reads all the while
    CHECK(fused.arena_bytes() < kept.arena_bytes());
  }
}

TEST_CASE("elementwise steps write over an input that dies, and over no other") {
  octet::schema::LookupT negate;
  for (int i = 0; i < 256; ++i) negate.tables.push_back(static_cast<std::uint8_t>(255 - i));
  const auto q = affine(0.02F, 100);
  GraphBuilder b;
  const int x = b.input("x", Type::u8, {1, 4, 64}, q);
  const int a = b.node("a", negate, {x}, Type::u8, q);           // x is the caller's
  const int again = b.node("again", negate, {a}, Type::u8, q);   // a is read below
  const int sum = b.node("sum", octet::schema::AddT{}, {again, a}, Type::u8, q);  // both die: over the first
  octet::schema::ReshapeT flat;
  flat.shape = {0, -1};
  const int row = b.node("row", flat, {sum}, Type::u8, q);
  const int mixed = b.node("mixed", octet::schema::MulT{}, {row, row}, Type::u8, q);
  const int last = b.node("last", negate, {mixed}, Type::u8, q);  // the caller's
  const auto model = must(b.model({last}));
  auto shared = must(model.session());
  auto kept = must(octet::make_session(model, {}, {.keep_tensors = true}));
  const auto& impl = shared.impl();
  CHECK(impl.data(again) != impl.data(a));
  CHECK(impl.data(sum) == impl.data(again));
  CHECK(impl.data(mixed) == impl.data(sum));
  CHECK(shared.arena_bytes() == 2 * 256);
  CHECK(kept.impl().data(sum) != kept.impl().data(again));
  const auto inputs = random_inputs(model, 1, 4);
  CHECK(run_bytes(kept, inputs) == run_bytes(shared, inputs));
}

TEST_CASE("an operand that is broadcast keeps its memory") {
  const auto q = affine(0.02F, 100);
  octet::schema::LookupT same;
  for (int i = 0; i < 256; ++i) same.tables.push_back(static_cast<std::uint8_t>(i));
  GraphBuilder b;
  const int x = b.input("x", Type::u8, {1, 8, 8}, q);
  const int narrow = b.input("narrow", Type::u8, {1, 1, 8}, q);
  const int wide = b.node("wide", same, {x}, Type::u8, q);
  const int thin = b.node("thin", same, {narrow}, Type::u8, q);
  const int sum = b.node("sum", octet::schema::AddT{}, {thin, wide}, Type::u8, q);
  const int out = b.node("out", same, {sum}, Type::u8, q);
  const auto model = must(b.model({out}));
  auto shared = must(model.session());
  auto kept = must(octet::make_session(model, {}, {.keep_tensors = true}));
  CHECK(shared.impl().data(sum) == shared.impl().data(wide));
  CHECK(shared.impl().data(thin) != shared.impl().data(sum));
  const auto inputs = random_inputs(model, 1, 6);
  CHECK(run_bytes(kept, inputs) == run_bytes(shared, inputs));
}

TEST_CASE("a reshape shares its input's memory, unless the result is the caller's") {
  octet::schema::ReshapeT flat;
  flat.shape = {0, -1};
  GraphBuilder b;
  const int x = b.input("x", Type::f32, {1, 2, 3});
  const int inner = b.node("inner", flat, {x});
  const int sum = b.node("sum", octet::schema::AddT{}, {inner, inner});
  octet::schema::ReshapeT tall;
  tall.shape = {0, 3, 2};
  const int outer = b.node("outer", tall, {sum});
  const int copy = b.node("copy", tall, {x});
  const auto model = must(b.model({sum, outer, copy}));
  auto session = must(model.session());
  CHECK(session.impl().steps.size() == 3);  // sum and two copies
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  std::vector<float> s(6);
  std::vector<float> o(6);
  std::vector<float> c(6);
  must(session.run({values}, {s, o, c}));
  CHECK(s == std::vector<float>{2, 4, 6, 8, 10, 12});
  CHECK(o == s);
  CHECK(c == values);
}

}  // namespace
}  // namespace octet_test
