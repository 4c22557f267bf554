// LSTM: the recurrence over the steps of a sequence, with f32 and with s8 weights.
#include "kernels/recurrent/recurrent.h"
#include "tests/support/recurrent_checks.h"

namespace octet_test {
namespace {

using octet::schema::LSTMT;

RecurrentResult by_definition(const RecurrentData& d, bool reverse, bool with_state) {
  RecurrentResult r;
  r.y.resize(static_cast<std::size_t>(d.rows * d.steps * d.size));
  r.h.assign(static_cast<std::size_t>(d.rows * d.size), 0);
  r.c = r.h;
  if (with_state) r.h = widened(d.h), r.c = widened(d.c);
  for (std::int64_t k = 0; k < d.steps; ++k) {
    const std::int64_t t = reverse ? d.steps - 1 - k : k;
    const auto before = r.h;
    for (std::int64_t n = 0; n < d.rows; ++n) {
      for (std::int64_t i = 0; i < d.size; ++i) {
        const auto gate = [&](std::int64_t g) { return d.gate(n, t, g, i) + d.share(before, n, g, i); };
        const auto at = static_cast<std::size_t>(n * d.size + i);
        r.c[at] = sigmoid_of(gate(2)) * r.c[at] + sigmoid_of(gate(0)) * std::tanh(gate(3));
        r.h[at] = sigmoid_of(gate(1)) * std::tanh(r.c[at]);
        r.y[static_cast<std::size_t>((n * d.steps + t) * d.size + i)] = r.h[at];
      }
    }
  }
  return r;
}

Model build(const RecurrentData& d, bool reverse, bool with_state, bool quantized, std::size_t outputs = 3) {
  GraphBuilder b;
  LSTMT t;
  t.reverse = reverse;
  std::vector<int> inputs = {b.input("x", Type::f32, {1, d.steps, 4 * d.size})};
  if (quantized) {
    const QuantizedRows q(d.weights, static_cast<std::size_t>(4 * d.size));
    inputs.push_back(b.constant("w", {4 * d.size, d.size}, q.q, symmetric(q.scales)));
  } else {
    inputs.push_back(b.constant("w", {4 * d.size, d.size}, d.weights));
  }
  if (with_state)
    for (const char* name : {"h", "c"}) inputs.push_back(b.input(name, Type::f32, {1, d.size}));
  std::vector<int> made = {b.node("y", t, inputs)};
  for (std::size_t i = 1; i < outputs; ++i) {
    made.push_back(b.add({"state" + std::to_string(i), Type::f32, {}, false, {}, {}}));
    b.graph.nodes.back().outputs.push_back(made.back());
  }
  return must(b.model(made));
}

TEST_CASE("f32: the definition, both ways, with and without a state") {
  for (const bool reverse : {false, true}) {
    for (const bool with_state : {false, true}) {
      const RecurrentData d(3, 2, 7, 5, 4);
      const auto expected = by_definition(d, reverse, with_state);
      const Model model = build(d, reverse, with_state, false);
      std::vector<std::vector<float>> inputs = {d.x};
      if (with_state) inputs.push_back(d.h), inputs.push_back(d.c);
      for (const auto isa : octet::kernels::available_isas()) {
        const auto y = run_floats(model, inputs, octet::kernels::name_of(isa), 2);
        check_near(y[0], expected.y, 1e-5);
        check_near(y[1], expected.h, 1e-5);
        check_near(y[2], expected.c, 1e-5);
      }
    }
  }
}

TEST_CASE("s8 weights: close to f32, the same bytes at every ISA, and a sample's do not depend on its neighbours") {
  for (const std::int64_t size : {1, 16, 33}) {
    const RecurrentData d(5, 3, 9, size, 4);
    const Model model = build(d, false, false, true);
    const auto reference = run_floats(model, {d.x}, "reference", 3);
    check_near(reference[0], by_definition(d, false, false).y, 0.03);
    for (const auto isa : octet::kernels::available_isas()) {
      INFO(octet::kernels::name_of(isa));
      CHECK(run_floats(model, {d.x}, octet::kernels::name_of(isa), 3) == reference);
      const std::size_t sample = d.x.size() / 3;
      const auto alone = run_floats(model, {std::vector<float>(d.x.begin() + static_cast<std::ptrdiff_t>(sample), d.x.begin() + static_cast<std::ptrdiff_t>(2 * sample))},
                                    octet::kernels::name_of(isa));
      const auto n = alone[0].size();
      CHECK(std::equal(alone[0].begin(), alone[0].end(), reference[0].begin() + static_cast<std::ptrdiff_t>(n)));
    }
  }
}

TEST_CASE("sigmoid and tanh are right to the last bit of f32 or next to it, at every magnitude") {
  using octet::kernels::exact_sigmoid;
  using octet::kernels::exact_tanh;
  CHECK(exact_sigmoid(0.0F) == 0.5F);
  CHECK(exact_tanh(0.0F) == 0.0F);
  CHECK(std::signbit(exact_tanh(-0.0F)));
  CHECK(exact_sigmoid(kInf) == 1.0F);
  CHECK(exact_tanh(kInf) == 1.0F);
  CHECK(exact_tanh(-kInf) == -1.0F);
  CHECK(exact_sigmoid(-kInf) >= 0.0F);
  CHECK(exact_sigmoid(-kInf) < 1e-30F);
  for (float x = 1e-8F; x < 400; x *= 1.01F) {
    for (const float v : {x, -x}) {
      const double s = sigmoid_of(static_cast<double>(v));
      if (s > 1e-37) CHECK(std::abs(static_cast<double>(exact_sigmoid(v)) - s) <= s * 0x1.01p-24);
      const double t = std::tanh(static_cast<double>(v));
      // Near 0 the subtraction of nearly equal numbers costs bits of f64, not of f32.
      CHECK(std::abs(static_cast<double>(exact_tanh(v)) - t) <= std::abs(t) * 0x1.01p-24 + 3e-16);
    }
  }
}

TEST_CASE("refused") {
  const auto build_with = [](const Shape& x, const Shape& w, const std::vector<Shape>& states, Type weights = Type::f32) {
    GraphBuilder b;
    std::vector<int> inputs = {b.input("x", Type::f32, x, {}, false)};
    const auto n = static_cast<std::size_t>(octet::element_count(w));
    inputs.push_back(weights == Type::f32 ? b.constant("w", w, std::vector<float>(n)) : b.constant("w", w, std::vector<std::int64_t>(n)));
    for (std::size_t i = 0; i < states.size(); ++i) inputs.push_back(b.input("s" + std::to_string(i), Type::f32, states[i], {}, false));
    b.node("y", LSTMT{}, inputs);
    return b.model();
  };
  must(build_with({2, 3, 8}, {8, 2}, {}));
  check_invalid(build_with({3, 8}, {8, 2}, {}), {"'y' (LSTM)", "rank 3"});
  check_invalid(build_with({2, 3, 8}, {6, 2}, {}), {"'y' (LSTM)", "4H"});
  check_invalid(build_with({2, 3, 7}, {8, 2}, {}), {"'y' (LSTM)", "7"});
  check_invalid(build_with({2, 3, 8}, {8, 2}, {{2, 3}}), {"'y' (LSTM)", "initial state"});
  check_invalid(build_with({2, 3, 8}, {8, 2}, {}, Type::s64), {"'y' (LSTM)"});
  GraphBuilder b;
  b.node("y", LSTMT{}, {b.input("x", Type::f32, {1, 3, 8}), b.input("w", Type::f32, {8, 2}, {}, false)});
  check_invalid(b.model(), {"'y' (LSTM)", "constant"});
}

}  // namespace
}  // namespace octet_test
