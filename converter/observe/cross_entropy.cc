#include <algorithm>
#include <cmath>
#include <vector>

#include "converter/observe/search.h"
#include "converter/observe/strategy.h"
#include "converter/quantize_math.h"

namespace octet {
namespace {

/// log(sum exp(x)).
double log_sum_exp(const std::vector<double>& x) {
  const double most = *std::ranges::max_element(x);
  double sum = 0;
  for (const double v : x) sum += std::exp(v - most);
  return most + std::log(sum);
}

/// A row and its softmax.
struct Row {
  std::vector<double> values, probabilities;

  explicit Row(const std::vector<float>& row) : values(row.begin(), row.end()) {
    const double total = log_sum_exp(values);
    for (const double v : values) probabilities.push_back(std::exp(v - total));
  }
};

}  // namespace

Range cross_entropy_range(const Statistics& s, const StrategyOptions& options) {
  if (!s.rows || s.rows->rows().empty()) return mse_range(s, options);
  std::vector<Row> rows;
  for (const auto& [number, values] : s.rows->rows()) rows.emplace_back(values);
  std::vector<double> quantized;
  return search_range(s.range, options.symmetric, [&](const Range& r) {
    const Quantization q = activation_parameters(r, options.symmetric);
    double sum = 0;
    for (const Row& row : rows) {
      quantized.clear();
      for (const double v : row.values) quantized.push_back(static_cast<double>(q.scale()) * (quantize_value(v, q) - q.zero_point()));
      const double total = log_sum_exp(quantized);
      for (std::size_t i = 0; i < quantized.size(); ++i) sum -= row.probabilities[i] * (quantized[i] - total);
    }
    return sum;
  });
}

}  // namespace octet
