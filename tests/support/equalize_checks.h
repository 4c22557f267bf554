// Nets whose channels' weights differ in size, and what equalization makes of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "converter/passes/passes.h"
#include "graph_builder.h"
#include "test_samples.h"

namespace octet_test {

inline std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

/// A float net whose channels' weights differ in size.
class NetBuilder : public GraphBuilder {
 public:
  struct Options {
    int kernel = 1, pad = 0, groups = 1;
    float clamp_min = -kInf, clamp_max = kInf;
    bool bias = true;
  };

  explicit NetBuilder(unsigned seed) : random_(seed) {}

  /// Random factors between 2^-e and 2^e: of the rows of what writes a tensor; what reads it undoes them.
  std::vector<float> factors(std::int64_t channels, float e) {
    std::vector<float> all;
    for (std::int64_t i = 0; i < channels; ++i) all.push_back(std::exp2(random_.real(-e, e)));
    return all;
  }

  /// `rows` multiplies each output channel, `columns` divides each input channel.
  int conv(const std::string& name, int x, const std::vector<float>& columns, const std::vector<float>& rows, const Options& o) {
    octet::schema::ConvT t;
    t.pad_top = t.pad_left = t.pad_bottom = t.pad_right = o.pad;
    t.groups = o.groups;
    t.clamp_min = o.clamp_min;
    t.clamp_max = o.clamp_max;
    const auto out = static_cast<std::int64_t>(rows.size());
    const std::int64_t depth = static_cast<std::int64_t>(columns.size()) / o.groups;
    const std::int64_t taps = std::int64_t{o.kernel} * o.kernel;
    std::vector<float> w;
    for (std::int64_t r = 0; r < out; ++r)
      for (std::int64_t i = 0; i < taps * depth; ++i)
        w.push_back(random_.real(-1, 1) * rows[at(r)] / columns[at(r / (out / o.groups) * depth + i % depth)]);
    return node(name, t, with_bias(name, x, {out, o.kernel, o.kernel, depth}, std::move(w), rows, o.bias));
  }
  int conv(const std::string& name, int x, const std::vector<float>& columns, const std::vector<float>& rows) {
    return conv(name, x, columns, rows, {});
  }

  /// Input k belongs to factor k modulo their number.
  int dense(const std::string& name, int x, std::int64_t depth, const std::vector<float>& columns, const std::vector<float>& rows,
            float clamp_min = -kInf) {
    octet::schema::FullyConnectedT t;
    t.clamp_min = clamp_min;
    std::vector<float> w;
    for (const float r : rows)
      for (std::int64_t i = 0; i < depth; ++i) w.push_back(random_.real(-1, 1) * r / columns[at(i) % columns.size()]);
    return node(name, t, with_bias(name, x, {static_cast<std::int64_t>(rows.size()), depth}, std::move(w), rows, true));
  }

  int add(const std::string& name, int a, int b, float clamp_min = -kInf) {
    octet::schema::AddT t;
    t.clamp_min = clamp_min;
    return node(name, t, {a, b});
  }
  int function(const std::string& name, octet::schema::Function f, int x, float a = 0, float b = 0) {
    octet::schema::PointwiseT t;
    t.function = f;
    t.a = a;
    t.b = b;
    return node(name, t, {x});
  }
  int reshape(const std::string& name, int x, std::vector<int> shape) {
    octet::schema::ReshapeT t;
    t.shape = std::move(shape);
    return node(name, t, {x});
  }

  Random& random() { return random_; }

 private:
  std::vector<int> with_bias(const std::string& name, int x, Shape shape, std::vector<float> w, const std::vector<float>& rows, bool bias) {
    std::vector<float> b;
    for (const float r : rows) b.push_back(random_.real(-1, 1) * r);
    std::vector<int> inputs = {x, constant(name + ".w", shape, std::move(w))};
    if (bias) inputs.push_back(constant(name + ".b", {shape[0]}, std::move(b)));
    return inputs;
  }

  Random random_;
};

inline const std::vector<float> kOnes3(3, 1.0F);
inline constexpr NetBuilder::Options kRelu{.clamp_min = 0.0F};
inline constexpr NetBuilder::Options kDepthwise8{.kernel = 3, .pad = 1, .groups = 8, .clamp_min = 0.0F};

inline std::span<const float> values(const Graph& g, const std::string& tensor) {
  for (const Tensor& t : g.tensors)
    if (t.name == tensor) return t.data.as<float>();
  FAIL("no tensor " << tensor);
  return {};
}

/// log2 of the ratio between the largest and the smallest row (or, with `columns`, column) of weights.
inline double spread(const Graph& g, const std::string& tensor, bool columns = false) {
  const auto w = values(g, tensor);
  for (const Tensor& t : g.tensors) {
    if (t.name != tensor) continue;
    const std::size_t row = w.size() / at(t.shape[0]);
    std::map<std::size_t, float> most;
    for (std::size_t i = 0; i < w.size(); ++i) {
      float& m = most[columns ? i % at(t.shape.back()) : i / row];
      m = std::max(m, std::abs(w[i]));
    }
    const auto by_size = [](const auto& a, const auto& b) { return a.second < b.second; };
    const auto [lo, hi] = std::minmax_element(most.begin(), most.end(), by_size);
    return std::log2(static_cast<double>(hi->second) / static_cast<double>(lo->second));
  }
  return 0;
}

inline bool same_constants(const Graph& a, const Graph& b) {
  return std::ranges::equal(a.tensors, b.tensors, [](const Tensor& x, const Tensor& y) { return std::ranges::equal(x.data.bytes(), y.data.bytes()); });
}

/// Outputs of random inputs, at batch 2.
inline std::vector<std::vector<std::byte>> outputs_of(const Graph& graph) {
  const Model model = must(octet::make_model(graph));
  auto session = must(model.session({.batch = 2, .isa = "reference"}));
  std::vector<std::vector<std::byte>> inputs;
  Random random(77);
  for (const auto& info : session.inputs()) inputs.push_back(bytes_of(random.reals(info.elements(), -1, 1)));
  return run_bytes(session, inputs);
}

struct Equalized {
  Graph before, after;
  bool changed;
};

/// Equalizes a net and checks that it still computes the very same.
inline Equalized equalized(NetBuilder& b, std::vector<int> outputs) {
  const Model model = must(b.model(std::move(outputs)));
  Equalized e{model.impl().graph, model.impl().graph, false};
  e.changed = must(octet::equalize(e.after));
  CHECK(outputs_of(e.before) == outputs_of(e.after));
  CHECK(e.changed == !same_constants(e.before, e.after));
  return e;
}
inline Equalized equalized(NetBuilder& b) { return equalized(b, {static_cast<int>(b.graph.tensors.size()) - 1}); }

}  // namespace octet_test
