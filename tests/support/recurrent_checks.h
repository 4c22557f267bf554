// LSTM and GRU by their definitions, in f64.
#pragma once

#include <cmath>

#include "tests/support/graph_builder.h"

namespace octet_test {

struct RecurrentData {
  std::int64_t rows, steps, size, gates;
  std::vector<float> x, weights, h, c, bias;

  RecurrentData(unsigned seed, std::int64_t n, std::int64_t t, std::int64_t h_size, std::int64_t gate_count) : rows(n), steps(t), size(h_size), gates(gate_count) {
    Random random(seed);
    const auto count = [](std::int64_t k) { return static_cast<std::size_t>(k); };
    x = random.reals(count(rows * steps * gates * size), -2, 2);
    weights = random.reals(count(gates * size * size), -0.8F, 0.8F);
    h = random.reals(count(rows * size), -1, 1);
    c = random.reals(count(rows * size), -1, 1);
    bias = random.reals(count(size), -1, 1);
  }

  [[nodiscard]] double gate(std::int64_t row, std::int64_t t, std::int64_t g, std::int64_t i) const {
    return static_cast<double>(x[static_cast<std::size_t>(((row * steps + t) * gates + g) * size + i)]);
  }
  /// The state's share of a gate.
  [[nodiscard]] double share(const std::vector<double>& state, std::int64_t row, std::int64_t g, std::int64_t i) const {
    double sum = 0;
    for (std::int64_t k = 0; k < size; ++k)
      sum += static_cast<double>(weights[static_cast<std::size_t>((g * size + i) * size + k)]) * state[static_cast<std::size_t>(row * size + k)];
    return sum;
  }
};

inline double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }

inline std::vector<double> widened(const std::vector<float>& v) { return {v.begin(), v.end()}; }

/// All h [N, T, H], then the last h and, of an LSTM, c.
struct RecurrentResult {
  std::vector<double> y, h, c;
};

inline void check_near(const std::vector<float>& got, const std::vector<double>& expected, double tolerance) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(std::abs(static_cast<double>(got[i]) - expected[i]) <= tolerance);
}

/// s8 weights with a scale a row.
struct QuantizedRows {
  std::vector<std::int8_t> q;
  std::vector<float> scales;

  QuantizedRows(const std::vector<float>& weights, std::size_t rows) {
    const std::size_t depth = weights.size() / rows;
    for (std::size_t r = 0; r < rows; ++r) {
      float most = 0;
      for (std::size_t k = 0; k < depth; ++k) most = std::max(most, std::abs(weights[r * depth + k]));
      scales.push_back(most / 127);
      for (std::size_t k = 0; k < depth; ++k) q.push_back(static_cast<std::int8_t>(std::nearbyint(weights[r * depth + k] / scales.back())));
    }
  }
};

/// Every output of the session on float inputs.
inline std::vector<std::vector<float>> run_floats(const Model& model, const std::vector<std::vector<float>>& inputs, const std::string& isa, int batch = 1) {
  octet::SessionOptions options;
  options.isa = isa;
  options.batch = batch;
  auto session = must(model.session(options));
  std::vector<octet::InputTensor> in(inputs.begin(), inputs.end());
  std::vector<std::vector<float>> results;
  for (const auto& info : session.outputs()) results.emplace_back(info.elements());
  std::vector<octet::OutputTensor> out(results.begin(), results.end());
  must(session.run(in, out));
  return results;
}

}  // namespace octet_test
