// GRU: the recurrence over the steps of a sequence, with the reset before or after the product.
#include "tests/support/recurrent_checks.h"

namespace octet_test {
namespace {

using octet::schema::GRUT;

RecurrentResult by_definition(const RecurrentData& d, bool reverse, bool reset_after, bool with_state) {
  RecurrentResult r;
  r.y.resize(static_cast<std::size_t>(d.rows * d.steps * d.size));
  r.h.assign(static_cast<std::size_t>(d.rows * d.size), 0);
  if (with_state) r.h = widened(d.h);
  for (std::int64_t k = 0; k < d.steps; ++k) {
    const std::int64_t t = reverse ? d.steps - 1 - k : k;
    const auto before = r.h;
    std::vector<double> reset = before;
    const auto gate = [&](std::int64_t n, std::int64_t g, std::int64_t i) { return sigmoid_of(d.gate(n, t, g, i) + d.share(before, n, g, i)); };
    for (std::int64_t n = 0; n < d.rows; ++n)
      for (std::int64_t i = 0; i < d.size; ++i) reset[static_cast<std::size_t>(n * d.size + i)] *= gate(n, 1, i);
    for (std::int64_t n = 0; n < d.rows; ++n) {
      for (std::int64_t i = 0; i < d.size; ++i) {
        const auto at = static_cast<std::size_t>(n * d.size + i);
        const double share = reset_after ? gate(n, 1, i) * (d.share(before, n, 2, i) + static_cast<double>(d.bias[static_cast<std::size_t>(i)]))
                                         : d.share(reset, n, 2, i);
        const double z = gate(n, 0, i);
        r.h[at] = (1 - z) * std::tanh(d.gate(n, t, 2, i) + share) + z * before[at];
        r.y[static_cast<std::size_t>((n * d.steps + t) * d.size + i)] = r.h[at];
      }
    }
  }
  return r;
}

Model build(const RecurrentData& d, bool reverse, bool reset_after, bool with_state, bool quantized) {
  GraphBuilder b;
  GRUT t;
  t.reverse = reverse;
  t.reset_after = reset_after;
  std::vector<int> inputs = {b.input("x", Type::f32, {1, d.steps, 3 * d.size})};
  if (quantized) {
    const QuantizedRows q(d.weights, static_cast<std::size_t>(3 * d.size));
    inputs.push_back(b.constant("w", {3 * d.size, d.size}, q.q, symmetric(q.scales)));
  } else {
    inputs.push_back(b.constant("w", {3 * d.size, d.size}, d.weights));
  }
  inputs.push_back(with_state ? b.input("h", Type::f32, {1, d.size}) : octet::kAbsent);
  if (reset_after) inputs.push_back(b.constant("bias", {d.size}, d.bias));
  const int y = b.node("y", t, inputs);
  const int h = b.add({"last", Type::f32, {}, false, {}, {}});
  b.graph.nodes.back().outputs.push_back(h);
  return must(b.model({y, h}));
}

TEST_CASE("f32: the definition, in every form") {
  for (const bool reverse : {false, true}) {
    for (const bool reset_after : {false, true}) {
      for (const bool with_state : {false, true}) {
        const RecurrentData d(4, 2, 6, 5, 3);
        const auto expected = by_definition(d, reverse, reset_after, with_state);
        const Model model = build(d, reverse, reset_after, with_state, false);
        std::vector<std::vector<float>> inputs = {d.x};
        if (with_state) inputs.push_back(d.h);
        for (const auto isa : octet::kernels::available_isas()) {
          const auto y = run_floats(model, inputs, octet::kernels::name_of(isa), 2);
          check_near(y[0], expected.y, 1e-5);
          check_near(y[1], expected.h, 1e-5);
        }
      }
    }
  }
}

TEST_CASE("s8 weights: close to f32, the same bytes at every ISA") {
  for (const bool reset_after : {false, true}) {
    for (const std::int64_t size : {1, 16, 33}) {
      const RecurrentData d(6, 2, 8, size, 3);
      const Model model = build(d, false, reset_after, false, true);
      const auto reference = run_floats(model, {d.x}, "reference", 2);
      check_near(reference[0], by_definition(d, false, reset_after, false).y, 0.03);
      for (const auto isa : octet::kernels::available_isas()) {
        INFO(octet::kernels::name_of(isa));
        CHECK(run_floats(model, {d.x}, octet::kernels::name_of(isa), 2) == reference);
      }
    }
  }
}

TEST_CASE("refused") {
  const auto build_with = [](const Shape& x, const Shape& w, bool reset_after, const Shape& bias) {
    GraphBuilder b;
    GRUT t;
    t.reset_after = reset_after;
    const int in = b.input("x", Type::f32, x, {}, false);
    const int weights = b.constant("w", w, std::vector<float>(static_cast<std::size_t>(octet::element_count(w))));
    b.node("y", t, {in, weights, octet::kAbsent, b.input("b", Type::f32, bias, {}, false)});
    return b.model();
  };
  must(build_with({2, 3, 6}, {6, 2}, true, {2}));
  check_invalid(build_with({2, 3, 6}, {6, 2}, false, {2}), {"'y' (GRU)", "bias"});
  check_invalid(build_with({2, 3, 6}, {6, 2}, true, {3}), {"'y' (GRU)", "bias"});
  check_invalid(build_with({2, 3, 8}, {8, 2}, true, {2}), {"'y' (GRU)", "3H"});
}

}  // namespace
}  // namespace octet_test
