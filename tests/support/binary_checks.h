// What the tests of Add and Mul share.
#pragma once

#include <cmath>
#include <functional>

#include "tests/support/graph_builder.h"

namespace octet_test {

struct BroadcastCase {
  Shape a, b, y;
};

inline std::vector<BroadcastCase> broadcast_cases() {
  return {{{2, 3}, {2, 3}, {2, 3}},
          {{2, 3}, {3}, {2, 3}},
          {{1}, {4, 5}, {4, 5}},
          {{2, 1, 3}, {1, 4, 1}, {2, 4, 3}},
          {{2, 3, 4, 5}, {5}, {2, 3, 4, 5}},
          {{2, 3, 4, 5}, {2, 1, 1, 5}, {2, 3, 4, 5}},
          {{2, 1, 1, 5}, {2, 3, 4, 1}, {2, 3, 4, 5}},
          {{}, {2, 2}, {2, 2}},
          {{2, 1, 2, 1, 2, 1, 2, 1}, {1, 2, 1, 2, 1, 2, 1, 2}, {2, 2, 2, 2, 2, 2, 2, 2}}};
}

inline std::vector<std::int64_t> index_of(std::int64_t flat, const Shape& shape) {
  std::vector<std::int64_t> index(shape.size());
  for (std::size_t i = shape.size(); i-- > 0; flat /= shape[i]) index[i] = flat % shape[i];
  return index;
}

/// The element of a tensor of shape `from` that element `flat` of the broadcast shape `y` reads.
inline std::size_t source_of(std::int64_t flat, const Shape& y, const Shape& from) {
  const auto index = index_of(flat, y);
  std::int64_t at = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const std::int64_t k = index[i + y.size() - from.size()];
    at = at * from[i] + (from[i] == 1 ? 0 : k);
  }
  return static_cast<std::size_t>(at);
}

template <class T>
void check_broadcasts(const std::function<float(float, float)>& f) {
  Random random(5);
  for (const auto& c : broadcast_cases()) {
    for (const bool clamped : {false, true}) {
      T t;
      if (clamped) t.clamp_min = -0.25F, t.clamp_max = 0.5F;
      GraphBuilder g;
      const int a = g.input("a", Type::f32, c.a, {}, false);
      const int b = g.input("b", Type::f32, c.b, {}, false);
      g.node("y", t, {a, b});
      const auto model = must(g.model());
      CHECK(model.outputs()[0].shape == c.y);
      const auto va = random.reals(static_cast<std::size_t>(octet::element_count(c.a)), -1, 1);
      const auto vb = random.reals(static_cast<std::size_t>(octet::element_count(c.b)), -1, 1);
      auto session = must(model.session());
      std::vector<float> y(static_cast<std::size_t>(octet::element_count(c.y)));
      must(session.run({va, vb}, {y}));
      for (std::size_t i = 0; i < y.size(); ++i) {
        const auto at = static_cast<std::int64_t>(i);
        const float r = f(va[source_of(at, c.y, c.a)], vb[source_of(at, c.y, c.b)]);
        CHECK(y[i] == std::min(std::max(r, t.clamp_min), t.clamp_max));
      }
    }
  }
}

/// f over every pair of bytes: [256, 1] and [256] to [256, 256], on every ISA and on 1 and 2 threads.
template <class T>
std::vector<std::uint8_t> run_all_pairs(const T& t, const Quantization& qa, const Quantization& qb,
                                        const Quantization& qy) {
  GraphBuilder g;
  const int a = g.input("a", Type::u8, {256, 1}, qa, false);
  const int b = g.input("b", Type::u8, {256}, qb, false);
  g.node("y", t, {a, b}, Type::u8, qy);
  const auto model = must(g.model());
  std::vector<std::uint8_t> bytes(256);
  for (std::size_t i = 0; i < 256; ++i) bytes[i] = static_cast<std::uint8_t>(i);
  std::vector<std::uint8_t> first;
  for (const auto isa : octet::kernels::available_isas()) {
    for (const int threads : {1, 2}) {
      octet::SessionOptions options;
      options.isa = octet::kernels::name_of(isa);
      options.threads = threads;
      auto session = must(model.session(options));
      std::vector<std::uint8_t> y(65'536);
      must(session.run({bytes, bytes}, {y}));
      if (first.empty()) first = y;
      CHECK(y == first);
    }
  }
  return first;
}

/// Every broadcast shape on u8 gives what the full table of pairs gives.
template <class T>
void check_u8_broadcasts() {
  const Quantization qa = affine(0.1F, 3);
  const Quantization qb = affine(0.07F, 250);
  const Quantization qy = affine(0.2F, 128);
  const auto table = run_all_pairs(T{}, qa, qb, qy);
  Random random(6);
  for (const auto& c : broadcast_cases()) {
    GraphBuilder g;
    const auto values = random.integers<std::uint8_t>(static_cast<std::size_t>(octet::element_count(c.b)), 0, 255);
    const int a = g.input("a", Type::u8, c.a, qa, false);
    g.node("y", T{}, {a, g.constant("b", c.b, values, qb)}, Type::u8, qy);
    const auto x = random.integers<std::uint8_t>(static_cast<std::size_t>(octet::element_count(c.a)), 0, 255);
    const auto y = run_every_isa<std::uint8_t>(must(g.model()), x);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      CHECK(y[i] == table[x[source_of(at, c.y, c.a)] * std::size_t{256} + values[source_of(at, c.y, c.b)]]);
    }
  }
}

template <class T>
void check_binary_refusals(const std::string& op) {
  const auto build = [](const Shape& a, const Shape& b, Type type, const Quantization& qa, const Quantization& qb,
                        Type out, const Quantization& qy, T t = {}) {
    GraphBuilder g;
    const int x = g.input("a", type, a, qa, false);
    g.node("y", t, {x, g.input("b", type, b, qb, false)}, out, qy);
    return g.model();
  };
  const auto q = affine(0.1F, 2);
  const std::string where = "'y' (" + op + ")";
  must(build({2, 3}, {3}, Type::u8, q, q, Type::u8, q));
  check_invalid(build({2, 3}, {2}, Type::f32, {}, {}, Type::f32, {}), {where, "2x3", "broadcast"});
  check_invalid(build({2, 3}, {3, 3}, Type::f32, {}, {}, Type::f32, {}), {where, "broadcast"});
  check_invalid(build({2}, {2}, Type::u8, q, q, Type::f32, {}), {where, "f32 of u8"});
  check_invalid(build({2}, {2}, Type::f32, {}, {}, Type::u8, q), {where, "u8 of f32"});
  check_invalid(build({2}, {2}, Type::u8, q, {}, Type::u8, q), {where, "without scales"});
  check_invalid(build({2}, {2}, Type::u8, {}, q, Type::u8, q), {where, "without scales"});
  check_invalid(build({2}, {2}, Type::u8, q, q, Type::u8, {}), {where, "without scales"});
  check_invalid(build({2}, {2}, Type::u8, {{1, 1}, {0, 0}, 0}, q, Type::u8, q), {where});
  check_invalid(build({2}, {2}, Type::s32, {}, {}, Type::s32, {}), {where, "s32"});
  check_invalid(build({2}, {2}, Type::s64, {}, {}, Type::s64, {}), {where, "s64"});
  T t;
  t.clamp_min = 1.0F, t.clamp_max = 0.0F;
  check_invalid(build({2}, {2}, Type::f32, {}, {}, Type::f32, {}, t), {where, "clamp"});
  t.clamp_min = std::nanf("");
  check_invalid(build({2}, {2}, Type::f32, {}, {}, Type::f32, {}, t), {where, "clamp"});
}

}  // namespace octet_test
