#include "converter/diagnose/cause.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "converter/observe/strategy.h"
#include "kernels/quant_math.h"

namespace octet {
namespace {

/// A cause that makes at least this share of a layer's error is its cause.
constexpr double kMostOfIt = 0.5;
/// How many times larger than usual a channel or a range is before it is named.
constexpr double kFarLarger = 8;
constexpr double kFarWider = 4;
/// Share of channels below one step that is worth a word.
constexpr double kManyDead = 0.25;
/// The bulk of the values: between the percentiles 0.1 and 99.9.
constexpr double kBulkPercentile = 99.9;

std::string number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", x);
  return text;
}
std::string percent(double share) { return number(100 * share) + " %"; }

/// The largest entry, and the middle one of those that are not 0.
struct Spread {
  std::size_t largest = 0;
  double most = 0, median = 0, quarter = 0;  ///< quarter: three of four entries that are not 0 are larger
  std::size_t near = 0;                      ///< entries within a factor of kFarLarger of the largest

  explicit Spread(const std::vector<double>& sizes) {
    for (std::size_t i = 0; i < sizes.size(); ++i)
      if (sizes[i] > most) most = sizes[i], largest = i;
    std::vector<double> some;
    for (const double s : sizes) {
      if (s > 0) some.push_back(s);
      near += s > 0 && s * kFarLarger >= most;
    }
    if (some.empty()) return;
    std::ranges::sort(some);
    median = some[some.size() / 2];
    quarter = some[some.size() / 4];
  }
  [[nodiscard]] double ratio() const noexcept { return median > 0 ? most / median : 1; }
  /// One entry, or a few, stand out from all others.
  [[nodiscard]] bool outliers(std::size_t count) const noexcept { return ratio() >= kFarLarger && near <= std::max<std::size_t>(count / 16, 1); }
  [[nodiscard]] bool unbalanced() const noexcept { return ratio() >= kFarLarger || (quarter > 0 && most >= 2 * kFarLarger * quarter); }
};

/// A layer's output as it is in float.
struct Output {
  Range range;
  Range bulk;
  std::vector<double> channels;  ///< largest magnitude of each, the last axis
};

Output output_of(const Recording& recording, const QuantizedLayer& layer) {
  Output out;
  const Shape& shape = recording.graph().tensors[at(layer.tensor)].shape;
  out.channels.assign(shape.empty() ? 1 : static_cast<std::size_t>(shape.back()), 0.0);
  Statistics statistics;
  statistics.histogram.emplace();
  for (std::size_t c = 0; c < recording.chunks(); ++c) {
    const auto values = recording.values(c, layer.tensor);
    const Extremes extremes = extremes_of(values);
    statistics.range = join(statistics.range, extremes.range);
    statistics.histogram->add(values, extremes);
    for (std::size_t i = 0; i < values.size(); ++i) {
      double& most = out.channels[i % out.channels.size()];
      most = std::max(most, std::abs(static_cast<double>(values[i])));
    }
  }
  out.range = statistics.range;
  out.bulk = percentile_range(statistics, {.percentile = kBulkPercentile, .symmetric = false});
  return out;
}

double width(const Range& r) noexcept {
  return std::max(static_cast<double>(r.max), 0.0) - std::min(static_cast<double>(r.min), 0.0);
}

void add_output_error(std::span<const float> values, const Quantization& q, LayerError& error, std::uint64_t& clipped) {
  const kernels::OutputU8 u8{q.zero_point(), 0, 255};
  // A value counts as clipped from half a step beyond the outermost level.
  const double lo = static_cast<double>(q.scale()) * (-0.5 - q.zero_point());
  const double hi = static_cast<double>(q.scale()) * (255.5 - q.zero_point());
  for (const float x : values) {
    const auto v = static_cast<double>(x);
    const double e = v - static_cast<double>(kernels::dequantize(kernels::quantize(x, q.scale(), u8), q.scale(), q.zero_point()));
    const bool outside = v < lo || v > hi;
    clipped += outside;
    (outside ? error.clipping : error.rounding) += e * e;
  }
}

class Finder {
 public:
  Finder(const Recording& recording, const QuantizedLayer& layer, double damage, const Graph& quantized)
      : recording_(recording), layer_(layer), damage_(damage), real_(recording.graph()), quantized_(quantized) {}

  Result<Cause> operator()() {
    OCTET_CHECK(measure());
    if (error_.weights + error_.rounding + error_.clipping == 0) return Cause{"none", "no error", error_};
    OCTET_TRY(const bool weights, blame_weights());
    Cause cause = weights ? of_weights() : error_.clipping >= kMostOfIt * (error_.clipping + error_.rounding) ? of_clipping() : of_output();
    cause.error = error_;
    return cause;
  }

 private:
  Result<void> measure() {
    std::uint64_t clipped = 0;
    std::uint64_t count = 0;
    OCTET_CHECK(compare_layer(recording_, layer_, layer_.form, [&](std::span<const float> exact, std::span<const float> changed) {
      for (std::size_t i = 0; i < exact.size(); ++i) {
        const auto x = static_cast<double>(exact[i]);
        error_.signal += x * x;
        error_.weights += (x - static_cast<double>(changed[i])) * (x - static_cast<double>(changed[i]));
      }
      count += exact.size();
      if (layer_.form.output) add_output_error(exact, *layer_.form.output, error_, clipped);
    }));
    error_.clipped = count == 0 ? 0 : static_cast<double>(clipped) / static_cast<double>(count);
    return {};
  }

  /// By what is left of the damage without their error. The power of both errors at the layer itself would not do: errors of small
  /// channels may matter more than those of large ones.
  Result<bool> blame_weights() const {
    if (!layer_.form.output || error_.rounding + error_.clipping == 0) return true;
    if (error_.weights == 0) return false;
    OCTET_TRY(const double output, damage(recording_, layer_, {.constants = {}, .output = layer_.form.output}));
    return output < kMostOfIt * damage_;
  }

  [[nodiscard]] Cause of_clipping() const {
    const Quantization& q = *layer_.form.output;
    const Output out = output_of(recording_, layer_);
    const double lo = static_cast<double>(q.scale()) * -q.zero_point();
    const double hi = static_cast<double>(q.scale()) * (255 - q.zero_point());
    return {"clipping",
            percent(error_.clipped) + " of the values lie outside [" + number(lo) + ", " + number(hi) + "] and make " +
                percent(error_.clipping / (error_.clipping + error_.rounding)) + " of the error; they reach from " + number(static_cast<double>(out.range.min)) + " to " +
                number(static_cast<double>(out.range.max)),
            {}};
  }

  [[nodiscard]] Cause of_output() const {
    const Output out = output_of(recording_, layer_);
    const Spread channels(out.channels);
    const auto count = out.channels.size();
    const double step = static_cast<double>(layer_.form.output->scale());
    if (count > 1 && channels.outliers(count))
      return {"outlier channel",
              "channel " + std::to_string(channels.largest) + " of " + std::to_string(count) + " reaches " + number(channels.most) +
                  ", the median channel " + number(channels.median),
              {}};
    const auto dead = static_cast<std::size_t>(std::ranges::count_if(out.channels, [&](double most) { return most < step; }));
    if (static_cast<double>(dead) >= kManyDead * static_cast<double>(count) && count > 1)
      return {"dead channels", std::to_string(dead) + " of " + std::to_string(count) + " channels never reach one step of " + number(step), {}};
    if (count > 1 && channels.unbalanced())
      return {"unbalanced pair",
              "channels reach from " + number(channels.quarter) + " (a quarter are smaller) to " + number(channels.most) +
                  " (channel " + std::to_string(channels.largest) + ")" + after(),
              {}};
    const double range = 255 * step;
    if (range >= kFarWider * width(out.bulk))
      return {"wide range",
              "the range is " + number(range) + " wide, " + number(range / width(out.bulk)) + " times the width of 99.8 % of the values", {}};
    return {"rounding", "256 steps of " + number(step) + " for values whose root mean square is " + number(rms()), {}};
  }

  [[nodiscard]] double rms() const {
    std::size_t count = 0;
    for (std::size_t c = 0; c < recording_.chunks(); ++c) count += recording_.values(c, layer_.tensor).size();
    return std::sqrt(error_.signal / static_cast<double>(std::max<std::size_t>(count, 1)));
  }

  [[nodiscard]] Cause of_weights() const {
    const std::string plain = "rounding";
    const Node& node = real_.nodes[at(layer_.node)];
    const Tensor* w = node.inputs.size() > 1 && node.inputs[1] != kAbsent ? &real_.tensors[at(node.inputs[1])] : nullptr;
    if (w == nullptr || !w->constant() || w->type != Type::f32 || w->shape.size() < 2)
      return {plain, "its constants have 8 bits", {}};
    const auto values = w->data.as<float>();
    const auto rows = static_cast<std::size_t>(w->shape[0]);
    const auto depth = static_cast<std::size_t>(w->shape.back());
    std::vector<double> row_most(rows, 0.0);
    std::vector<double> column_most(depth, 0.0);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double magnitude = std::abs(static_cast<double>(values[i]));
      double& row = row_most[i / (values.size() / rows)];
      row = std::max(row, magnitude);
      column_most[i % depth] = std::max(column_most[i % depth], magnitude);
    }
    const Spread row(row_most);
    const Spread column(column_most);
    const Node& quantized = quantized_.nodes[layer_.quantized_node];
    const bool one_scale = quantized.inputs.size() > 1 && quantized_.tensors[at(quantized.inputs[1])].quant.scales.size() == 1;
    if (one_scale && rows > 1 && row.unbalanced())
      return {"unbalanced weights",
              "one scale for " + std::to_string(rows) + " channels: the largest weight is " + number(row.most) + " in channel " +
                  std::to_string(row.largest) + ", " + number(row.median) + " in the median channel",
              {}};
    if (depth > 1 && column.unbalanced())
      return {"unbalanced pair",
              "weights of input channel " + std::to_string(column.largest) + " reach " + number(column.most) + ", those of the median channel " +
                  number(column.median) + before(node),
              {}};
    return {plain, std::string("8 bits for weights") + (dynamic() ? " and input" : "") + "; the largest weight is " + number(row.most), {}};
  }

  /// Its input is quantized at run time, which is part of what its weights are blamed for.
  [[nodiscard]] bool dynamic() const {
    return std::ranges::any_of(layer_.form.constants, [](const auto& c) { return c.second.type == Type::s8; });
  }

  /// The product it could be balanced with.
  [[nodiscard]] std::string after() const {
    for (const Node& n : real_.nodes)
      if (!n.inputs.empty() && n.inputs[0] == layer_.tensor && (n.op() == schema::Operator::Conv || n.op() == schema::Operator::FullyConnected))
        return ", out of balance with '" + n.name + "' after it";
    return {};
  }
  [[nodiscard]] std::string before(const Node& node) const {
    for (const Node& n : real_.nodes)
      if (n.outputs[0] == node.inputs[0]) return ", out of balance with '" + n.name + "' before it";
    return {};
  }

  const Recording& recording_;
  const QuantizedLayer& layer_;
  double damage_;
  const Graph& real_;
  const Graph& quantized_;
  LayerError error_;
};

}  // namespace

Result<Cause> find_cause(const Recording& recording, const QuantizedLayer& layer, double damage, const Graph& quantized) {
  return Finder(recording, layer, damage, quantized)();
}

}  // namespace octet
