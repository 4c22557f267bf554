// Cross-layer equalization. Where one channel's weights are much larger than another's, one scale cannot serve both: not in
// the weights of a tensor, nor in activations, which have one scale a tensor. Scaling a channel up where it is written and
// down where it is read moves its range from one tensor of weights to the next, and with it the range of the activations in
// between (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019). Here the factors
// are powers of two, so that the graph computes the very same values as before.
//
// Through a product's clamp between 0 and a bound (ReLU6) a channel takes its factor only with a bound of its own. Where asked for,
// the product keeps one clamp, at the greatest of the bounds, and a Min with each channel's follows it.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <string>

#include "converter/passes/channel_scales.h"
#include "converter/passes/passes.h"

namespace octet {
namespace {

using schema::Operator;

/// log2 of 0.
constexpr double kNothing = -std::numeric_limits<double>::infinity();
/// Sweeps at most, and the longest step after which there are no more.
constexpr int kMaxSweeps = 60;
constexpr double kSettled = 0.01;
/// Of the step that would balance a channel if it were the only one to move.
constexpr double kDamping = 0.7;
/// Channels that would move apart by a smaller factor (its log2) are balanced as they are.
constexpr double kLeastSpread = 2;
/// No channel moves further.
constexpr double kMostExponent = 32;
/// What a channel has to say is its share where it is written times that where it is read, which scaling does not change. This
/// much (log2) below the loudest it meets, it is as good as dead.
constexpr double kDead = -20;
/// A bias this many times (log2) what is usual beside weights of that size sets the range of its channel.
constexpr double kHighBias = 3;

double log2_of(double magnitude) noexcept { return magnitude > 0 ? std::log2(magnitude) : kNothing; }

/// max(a[i] - b[i]): four at a time, since a compiler may not reorder one maximum.
double greatest_difference(const double* a, const double* b, std::size_t count) noexcept {
  std::array<double, 4> most{kNothing, kNothing, kNothing, kNothing};
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4)
    for (std::size_t j = 0; j < 4; ++j) most[j] = std::max(most[j], a[i + j] - b[i + j]);
  for (; i < count; ++i) most[0] = std::max(most[0], a[i] - b[i]);
  return std::ranges::max(most);
}

/// y[i] = max(y[i], x[i] + add).
void raise(double* y, const double* x, double add, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) y[i] = std::max(y[i], x[i] + add);
}

/// A product with channels that may be scaled. Weights of a row whose inputs are one variable count as one column.
struct Product {
  std::size_t node = 0;
  std::vector<int> rows;              ///< variable of each output channel
  std::vector<int> inputs;            ///< variable of each input channel, group after group
  std::size_t depth = 0;              ///< input channels of a group
  std::vector<int> columns;           ///< variable of each column
  std::vector<std::size_t> column_of; ///< of each input channel
  std::vector<std::size_t> first;     ///< column of each group, and the end
  std::vector<double> weights;        ///< log2 max|w|, row after row, of the columns of its group
  std::vector<double> bias;           ///< log2 |b| of each row

  [[nodiscard]] std::size_t groups() const noexcept { return first.size() - 1; }
  [[nodiscard]] std::size_t group_of(std::size_t row) const noexcept { return row / (rows.size() / groups()); }
};

/// What one variable's channels take, at most, of the range of a tensor of weights that writes them, and of one that reads
/// them: log2 of a share, kNothing where all such weights are 0.
struct Shares {
  std::vector<double> written, read;
};

class Equalizer {
 public:
  Equalizer(Graph& graph, bool through_bounds) : graph_(graph), through_bounds_(through_bounds), scales_(graph, through_bounds), exponent_(scales_.count(), 0.0), live_(scales_.count(), false) {}

  bool operator()() {
    if (scales_.count() == 0) return false;
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) collect(n);
    for (int i = 0; i < kMaxSweeps && sweep(i == 0) > kSettled;) ++i;
    settle();
    return std::ranges::any_of(exponent_, [](double e) { return e != 0; }) && rewrite();
  }

 private:
  // ---- What the graph says.

  void collect(std::size_t n) {
    const Node& node = graph_.nodes[n];
    if (node.op() != Operator::Conv && node.op() != Operator::FullyConnected) return;
    Product p;
    p.node = n;
    p.rows = scales_.variables(node.outputs[0]);
    p.inputs = scales_.variables(node.inputs[0]);
    const auto free = [](int v) { return v >= 0; };
    if (!weights_of(p).constant() || weights_of(p).data.bytes().empty()) return;
    if (std::ranges::none_of(p.rows, free) && std::ranges::none_of(p.inputs, free)) return;
    p.depth = at(weights_of(p).shape.back());
    for (std::size_t begin = 0; begin < p.inputs.size(); begin += p.depth) {
      p.first.push_back(p.columns.size());
      std::map<int, std::size_t> known;
      for (std::size_t i = begin; i < begin + p.depth; ++i) {
        const auto [found, fresh] = known.try_emplace(p.inputs[i], p.columns.size());
        if (fresh) p.columns.push_back(p.inputs[i]);
        p.column_of.push_back(found->second);
      }
    }
    p.first.push_back(p.columns.size());
    measure(p);
    products_.push_back(std::move(p));
  }

  void measure(Product& p) const {
    const auto w = weights_of(p).data.as<float>();
    const std::size_t filter = w.size() / p.rows.size();
    for (std::size_t o = 0; o < p.rows.size(); ++o) {
      const std::size_t group = p.group_of(o);
      const std::size_t begin = p.weights.size();
      p.weights.resize(begin + p.first[group + 1] - p.first[group], 0.0);
      for (std::size_t i = 0; i < filter; ++i) {
        double& most = p.weights[begin + p.column_of[group * p.depth + i % p.depth] - p.first[group]];
        most = std::max(most, std::abs(static_cast<double>(w[o * filter + i])));
      }
    }
    for (double& m : p.weights) m = log2_of(m);
    p.bias.assign(p.rows.size(), kNothing);
    if (const Tensor* b = bias_of(p); b != nullptr)
      for (std::size_t o = 0; o < p.rows.size(); ++o) p.bias[o] = log2_of(std::abs(static_cast<double>(b->data.as<float>()[o])));
  }

  [[nodiscard]] Tensor& weights_of(const Product& p) const { return graph_.tensors[at(graph_.nodes[p.node].inputs[1])]; }
  [[nodiscard]] Tensor* bias_of(const Product& p) const {
    const auto& inputs = graph_.nodes[p.node].inputs;
    return inputs.size() > 2 && inputs[2] != kAbsent ? &graph_.tensors[at(inputs[2])] : nullptr;
  }

  // ---- The exponents.

  [[nodiscard]] double exponent(int variable) const { return variable < 0 ? 0.0 : exponent_[at(variable)]; }

  void add_shares_of(const Product& p, Shares& shares) const {
    std::vector<double> rows(p.rows.size(), kNothing);
    std::vector<double> columns(p.columns.size(), kNothing);
    std::vector<double> readers(p.columns.size());
    for (std::size_t c = 0; c < readers.size(); ++c) readers[c] = exponent(p.columns[c]);
    const double* w = p.weights.data();
    for (std::size_t o = 0; o < p.rows.size(); ++o) {
      const double writer = exponent(p.rows[o]);
      const std::size_t begin = p.first[p.group_of(o)];
      const std::size_t count = p.first[p.group_of(o) + 1] - begin;
      rows[o] = writer + greatest_difference(w, &readers[begin], count);
      raise(&columns[begin], w, writer, count);
      w += count;
    }
    for (std::size_t c = 0; c < columns.size(); ++c) columns[c] -= readers[c];
    add_shares(columns, p.columns, shares.read);
    raise_to_bias(p, rows);
    add_shares(rows, p.rows, shares.written);
  }

  /// What a nearly constant channel (tiny weights, an ordinary bias) holds is its bias.
  void raise_to_bias(const Product& p, std::vector<double>& rows) const {
    std::vector<double> ratios;
    for (std::size_t o = 0; o < rows.size(); ++o)
      if (rows[o] != kNothing && p.bias[o] != kNothing) ratios.push_back(p.bias[o] + exponent(p.rows[o]) - rows[o]);
    if (ratios.empty()) return;
    const auto middle = ratios.begin() + static_cast<std::ptrdiff_t>(ratios.size() / 2);
    std::ranges::nth_element(ratios, middle);
    const double high = *middle + kHighBias;
    for (std::size_t o = 0; o < rows.size(); ++o) rows[o] = std::max(rows[o], p.bias[o] + exponent(p.rows[o]) - high);
  }

  static void add_shares(const std::vector<double>& ranges, const std::vector<int>& variables, std::vector<double>& shares) {
    const double whole = *std::ranges::max_element(ranges);
    if (!std::isfinite(whole)) return;
    for (std::size_t i = 0; i < ranges.size(); ++i)
      if (variables[i] >= 0) shares[at(variables[i])] = std::max(shares[at(variables[i])], ranges[i] - whole);
  }

  void find_live(const Shares& shares) {
    const std::vector<int> set_of = sets();
    const auto loudness = [&](std::size_t v) { return shares.written[v] + shares.read[v]; };
    std::map<int, double> loudest;
    for (std::size_t v = 0; v < live_.size(); ++v) {
      const auto entry = loudest.try_emplace(set_of[v], kNothing).first;
      entry->second = std::max(entry->second, loudness(v));
    }
    for (std::size_t v = 0; v < live_.size(); ++v) live_[v] = loudness(v) > loudest[set_of[v]] + kDead;
  }

  /// Moves every variable towards equal shares; the longest step.
  double sweep(bool first) {
    Shares shares{std::vector<double>(exponent_.size(), kNothing), std::vector<double>(exponent_.size(), kNothing)};
    for (const Product& p : products_) add_shares_of(p, shares);
    if (first) find_live(shares);
    double longest = 0;
    for (std::size_t v = 0; v < exponent_.size(); ++v) {
      if (!live_[v]) continue;
      const double before = exponent_[v];
      exponent_[v] = std::clamp(before + kDamping * (shares.read[v] - shares.written[v]) / 2, -kMostExponent, kMostExponent);
      longest = std::max(longest, std::abs(exponent_[v] - before));
    }
    return longest;
  }

  /// For each variable, a number it shares with those it meets in a tensor.
  [[nodiscard]] std::vector<int> sets() const {
    std::vector<int> parent(exponent_.size());
    std::iota(parent.begin(), parent.end(), 0);
    const auto find = [&](int v) {
      while (parent[at(v)] != v) v = parent[at(v)] = parent[at(parent[at(v)])];
      return v;
    };
    for (const Product& p : products_) {
      for (const auto* variables : {&p.rows, &p.inputs}) {
        int root = -1;
        for (const int v : *variables) {
          if (v < 0) continue;
          root = root < 0 ? find(v) : root;
          parent[at(find(v))] = root;
        }
      }
    }
    for (std::size_t v = 0; v < parent.size(); ++v) parent[v] = find(static_cast<int>(v));
    return parent;
  }

  /// Whole exponents, around 0 in each set of variables; all 0 where the set is balanced as it is.
  void settle() {
    const std::vector<int> set_of = sets();
    std::map<int, std::vector<double>> exponents;
    for (std::size_t v = 0; v < exponent_.size(); ++v)
      if (live_[v]) exponents[set_of[v]].push_back(exponent_[v]);
    for (auto& [set, values] : exponents) std::ranges::sort(values);
    for (std::size_t v = 0; v < exponent_.size(); ++v) {
      if (!live_[v]) continue;
      const std::vector<double>& values = exponents[set_of[v]];
      const bool balanced = values.back() - values.front() < kLeastSpread;
      exponent_[v] = balanced ? 0.0 : std::nearbyint(exponent_[v] - values[values.size() / 2]);
    }
  }

  // ---- The weights.

  /// All of them, or none and false if one would overflow.
  bool rewrite() {
    std::vector<std::pair<Tensor*, std::vector<float>>> scaled;
    for (const Product& p : products_) {
      const auto scale_of = [&](std::size_t o) { return static_cast<int>(exponent(p.rows[o])); };
      const auto w = weights_of(p).data.as<float>();
      const std::size_t filter = w.size() / p.rows.size();
      std::vector<float> weights(w.begin(), w.end());
      for (std::size_t i = 0; i < weights.size(); ++i) {
        const std::size_t input = p.group_of(i / filter) * p.depth + i % p.depth;
        weights[i] = std::ldexp(w[i], scale_of(i / filter) - static_cast<int>(exponent(p.inputs[input])));
        if (std::isfinite(w[i]) && !std::isfinite(weights[i])) return false;
      }
      scaled.emplace_back(&weights_of(p), std::move(weights));
      if (bias_of(p) == nullptr) continue;
      const auto b = bias_of(p)->data.as<float>();
      std::vector<float> bias(b.begin(), b.end());
      for (std::size_t o = 0; o < bias.size(); ++o) {
        bias[o] = std::ldexp(b[o], scale_of(o));
        if (std::isfinite(b[o]) && !std::isfinite(bias[o])) return false;
      }
      scaled.emplace_back(bias_of(p), std::move(bias));
    }
    std::vector<Bounds> bounds;
    if (through_bounds_ && !find_bounds(bounds)) return false;
    for (auto& [tensor, values] : scaled) tensor->data = Constant::of(std::move(values));
    add_bounds(std::move(bounds));
    return true;
  }

  /// Of one product's channels.
  struct Bounds {
    std::size_t node = 0;
    std::vector<float> bounds;
  };

  /// Those of all products that have one and are scaled; false if one would overflow.
  bool find_bounds(std::vector<Bounds>& all) const {
    for (const Product& p : products_) {
      const float bound = ChannelScales::bounded(graph_.nodes[p.node]);
      if (bound == 0 || std::ranges::all_of(p.rows, [&](int v) { return exponent(v) == 0; })) continue;
      Bounds b{p.node, {}};
      for (const int v : p.rows) b.bounds.push_back(std::ldexp(bound, static_cast<int>(exponent(v))));
      if (!std::ranges::all_of(b.bounds, [](float v) { return std::isnormal(v); })) return false;
      all.push_back(std::move(b));
    }
    return true;
  }

  /// The clamps, and Mins where a product's channels are not bounded alike. What reads the product reads the Min's result, which has
  /// its name. Tensors and nodes that were there before keep their numbers and their order.
  void add_bounds(std::vector<Bounds> all) {
    if (all.empty()) return;
    std::set<std::string> names;
    for (const Tensor& t : graph_.tensors) names.insert(t.name);
    const auto unused_name = [&](std::string name) {
      while (!names.insert(name).second) name += "_";
      return name;
    };
    std::vector<Node> nodes;
    auto next = all.begin();
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      nodes.push_back(std::move(graph_.nodes[n]));
      if (next == all.end() || next->node != n) continue;
      Node& product = nodes.back();
      std::vector<float> bounds = std::move((next++)->bounds);
      const auto [least, most] = std::ranges::minmax(bounds);
      if (product.op() == Operator::Conv) {
        product.attributes.AsConv()->clamp_max = most;
      } else {
        product.attributes.AsFullyConnected()->clamp_max = most;
      }
      if (least == most) continue;
      const int out = product.outputs[0];
      Tensor clamped = graph_.tensors[at(out)];
      clamped.name = unused_name(clamped.name + "_clamped");
      Tensor constant{unused_name(graph_.tensors[at(out)].name + "_bounds"), Type::f32, {static_cast<std::int64_t>(bounds.size())}, false, {}, {}};
      constant.data = Constant::of(std::move(bounds));
      const auto first = static_cast<int>(graph_.tensors.size());
      graph_.tensors.push_back(std::move(clamped));
      graph_.tensors.push_back(std::move(constant));
      product.outputs[0] = first;
      schema::BinaryT min;
      min.function = schema::BinaryFunction::Min;
      schema::OperatorUnion op;
      op.Set(std::move(min));
      std::vector<int> sources = product.sources;  // the last of them, the clamp, is done here
      if (!sources.empty()) std::rotate(sources.begin(), sources.end() - 1, sources.end());
      std::string name = product.name + "_bounds";
      nodes.push_back({std::move(name), std::move(op), {first, first + 1}, {out}, std::move(sources), {}});
    }
    graph_.nodes = std::move(nodes);
  }

  Graph& graph_;
  bool through_bounds_;
  ChannelScales scales_;
  std::vector<Product> products_;
  std::vector<double> exponent_;  ///< by variable: log2 of its factor
  std::vector<bool> live_;        ///< by variable: written and read by weights that matter
};

}  // namespace

Result<bool> equalize(Graph& graph, bool through_bounds) { return Equalizer(graph, through_bounds)(); }

}  // namespace octet
