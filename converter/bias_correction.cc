#include "converter/bias_correction.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "converter/graph_walk.h"
#include "converter/ordered_work.h"
#include "converter/quantize.h"
#include "converter/sample_bytes.h"
#include "engine/session.h"
#include "kernels/parallel.h"

namespace octet {
namespace {

using schema::Operator;

constexpr std::int64_t kPieces = 16;
/// Multiply-accumulates of all samples together, a second or two of float arithmetic, and samples that are taken whatever they cost.
constexpr std::uint64_t kMacs = std::uint64_t{1} << 36U;
constexpr std::int64_t kFewest = 8;
/// Of the quantized tensors of all pieces at once.
constexpr std::size_t kMemory = std::size_t{256} << 20U;

bool is_product(const Node& node) noexcept { return node.op() == Operator::Conv || node.op() == Operator::FullyConnected; }

/// Pieces of as many samples each.
struct Pieces {
  std::int64_t size = 1;
  std::vector<std::int64_t> firsts;
};

Pieces pieces_of(const Graph& quantized, std::int64_t samples, const std::function<bool(std::int64_t, std::int64_t)>& held_out) {
  const bool batched = std::ranges::all_of(quantized.inputs, [&](int i) { return quantized.tensors[at(i)].batched; });
  const std::size_t fit = kMemory / std::max<std::size_t>(peak_tensor_bytes(quantized), 1);
  const auto quick = static_cast<std::int64_t>(kMacs / std::max<std::uint64_t>(macs_of(quantized), kMacs / kCorrectionSamples));
  const std::int64_t wanted = std::min({samples, std::max(quick, kFewest), static_cast<std::int64_t>(std::max<std::size_t>(fit, 1))});
  Pieces pieces;
  pieces.size = batched ? std::max<std::int64_t>(wanted / kPieces, 1) : 1;
  std::vector<std::int64_t> all, free;
  for (std::int64_t first = 0; first + pieces.size <= samples; first += pieces.size) {
    all.push_back(first);
    if (!held_out || !held_out(first, pieces.size)) free.push_back(first);
  }
  const auto count = std::clamp<std::int64_t>(wanted / pieces.size, 1, kPieces);
  const std::vector<std::int64_t>& from = static_cast<std::int64_t>(free.size()) >= count ? free : all;
  for (std::int64_t i = 0; i < count; ++i) pieces.firsts.push_back(from[at(i * static_cast<std::int64_t>(from.size()) / count)]);
  return pieces;
}

// ---- Mean outputs, from the sums of inputs: a product is linear before its clamp.

/// For each column of a product's weights (each tap and input channel), the mean of what it is multiplied with.
using Means = std::vector<double>;

/// What sums of T are exact in, and how many of them: for u8, a type that vectorizes.
template <class T>
struct SumOf {
  using Type = double;
  static constexpr std::int64_t kMost = INT64_MAX;
};
template <>
struct SumOf<std::uint8_t> {
  using Type = std::int32_t;
  static constexpr std::int64_t kMost = 1 << 20;
};

/// Adds sum over i < count of x[i * step + c] - zero_point to sums[c], for `channels` channels.
template <class T>
void add_rows(const T* x, std::int64_t count, std::int64_t step, double zero_point, std::span<double> sums) {
  std::vector<typename SumOf<T>::Type> block(sums.size());
  for (std::int64_t first = 0; first < count;) {
    const std::int64_t end = count - first > SumOf<T>::kMost ? first + SumOf<T>::kMost : count;
    std::ranges::fill(block, 0);
    for (std::int64_t i = first; i < end; ++i) {
      const T* row = x + i * step;
      for (std::size_t c = 0; c < block.size(); ++c) block[c] += row[c];
    }
    for (std::size_t c = 0; c < block.size(); ++c) sums[c] += static_cast<double>(block[c]) - zero_point * static_cast<double>(end - first);
    first = end;
  }
}

/// The outputs o in [0, outputs) whose tap reads inside of [0, size): those at o * stride + offset.
struct Inside {
  std::int64_t begin, end;

  Inside(std::int64_t outputs, std::int64_t size, std::int64_t stride, std::int64_t offset)
      : begin(offset < 0 ? (-offset + stride - 1) / stride : 0), end(std::min(outputs, size > offset ? (size - 1 - offset) / stride + 1 : 0)) {}
};

/// Padding is 0. What a row of x gives to a tap's column is the same for the taps of all rows.
template <class T>
Means conv_means(const schema::ConvT& conv, const Shape& x, const Shape& w, const Shape& y, const T* data, double zero_point) {
  const std::int64_t channels = x[3];
  Means means(at(w[1] * w[2] * channels), 0.0);
  std::vector<double> row(at(channels));
  for (std::int64_t ih = 0; ih < x[1]; ++ih) {
    std::vector<std::int64_t> taps;  // rows of the kernel that see this one
    for (std::int64_t kh = 0; kh < w[1]; ++kh) {
      const std::int64_t from = ih + conv.pad_top - kh * conv.dilation_h;
      if (from >= 0 && from % conv.stride_h == 0 && from / conv.stride_h < y[1]) taps.push_back(kh);
    }
    if (taps.empty()) continue;
    for (std::int64_t kw = 0; kw < w[2]; ++kw) {
      const std::int64_t offset = kw * conv.dilation_w - conv.pad_left;
      const Inside inside(y[2], x[2], conv.stride_w, offset);
      if (inside.begin >= inside.end) continue;
      std::ranges::fill(row, 0.0);
      for (std::int64_t image = 0; image < x[0]; ++image) {
        const T* first = data + ((image * x[1] + ih) * x[2] + inside.begin * conv.stride_w + offset) * channels;
        add_rows(first, inside.end - inside.begin, conv.stride_w * channels, zero_point, std::span(row));
      }
      for (const std::int64_t kh : taps)
        for (std::int64_t c = 0; c < channels; ++c) means[at((kh * w[2] + kw) * channels + c)] += row[at(c)];
    }
  }
  for (double& m : means) m /= static_cast<double>(y[0] * y[1] * y[2]);
  return means;
}

template <class T>
Means input_means(const Node& node, const Graph& graph, const std::vector<Shape>& shapes, const std::byte* bytes) {
  const int input = node.inputs[0];
  const Shape& x = shapes[at(input)];
  const auto* data = reinterpret_cast<const T*>(bytes);
  const Quantization& q = graph.tensors[at(input)].quant;
  const double zero_point = q.present() ? q.zero_point() : 0;
  if (node.op() == Operator::Conv) return conv_means(node.as<schema::ConvT>(), x, shapes[at(node.inputs[1])], shapes[at(node.outputs[0])], data, zero_point);
  Means means(at(x.back()), 0.0);
  const std::int64_t rows = element_count(x) / x.back();
  add_rows(data, rows, x.back(), zero_point, std::span(means));
  for (double& m : means) m /= static_cast<double>(rows);
  return means;
}

/// sum over k of w[c, k] * means[k] for every output channel c, without the bias; means of a grouped convolution are those of all
/// groups.
template <class T>
std::vector<double> output_means(const Tensor& weights, const Means& means) {
  const auto w = weights.data.as<T>();
  const std::size_t channels = at(weights.shape[0]);
  const std::size_t depth = at(weights.shape.back());
  const std::size_t taps = w.size() / channels / depth;
  const std::size_t groups = means.size() / taps / depth;
  std::vector<double> out(channels, 0.0);
  for (std::size_t c = 0; c < channels; ++c) {
    const std::size_t first = c / (channels / groups) * depth;
    for (std::size_t t = 0; t < taps; ++t) {
      const T* row = &w[(c * taps + t) * depth];
      const double* m = &means[t * groups * depth + first];
      for (std::size_t i = 0; i < depth; ++i) out[c] += static_cast<double>(row[i]) * m[i];
    }
  }
  return out;
}

/// By product, in order; empty where it has no constant f32 weights.
using ProductMeans = std::vector<Means>;

std::vector<std::size_t> products_of(const Graph& graph) {
  std::vector<std::size_t> nodes;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n)
    if (is_product(graph.nodes[n])) nodes.push_back(n);
  return nodes;
}

bool has_weights_of(const Graph& graph, const Node& node, Type type) {
  const Tensor& w = graph.tensors[at(node.inputs[1])];
  return w.constant() && w.type == type;
}

/// Runs pieces through the float model on one thread; the mean outputs of its products.
class FloatWorker {
 public:
  FloatWorker(const Model& model, const Samples& samples, const Pieces& pieces, const std::vector<std::size_t>& products)
      : model_(model), samples_(samples), pieces_(pieces), products_(products) {}

  Result<ProductMeans> operator()(std::size_t piece) {
    if (!session_) {
      OCTET_TRY(Session session, make_session(model_, {.threads = 1, .batch = static_cast<int>(pieces_.size)}, {.stepwise = true}));
      session_.emplace(std::move(session));
    }
    std::vector<std::vector<std::byte>> values, results;
    std::vector<InputTensor> in;
    std::vector<OutputTensor> out;
    for (const TensorInfo& i : session_->inputs()) values.emplace_back(i.size_bytes());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const TensorInfo& info = session_->inputs()[i];
      OCTET_CHECK(read_bytes(samples_, i, pieces_.firsts[piece], pieces_.size, info, values[i]));
      in.emplace_back(values[i].data(), values[i].size(), info.type);
    }
    for (const TensorInfo& o : session_->outputs()) results.emplace_back(o.size_bytes());
    for (std::size_t o = 0; o < results.size(); ++o) out.emplace_back(results[o].data(), results[o].size(), session_->outputs()[o].type);
    ProductMeans means(products_.size());
    Session::Impl& s = session_->impl();
    s.after_step = [&](std::size_t step) {
      const auto found = std::ranges::lower_bound(products_, s.steps[step].node);
      if (found == products_.end() || *found != s.steps[step].node) return;
      const Node& node = s.graph().nodes[*found];
      if (!has_weights_of(s.graph(), node, Type::f32)) return;
      const Means inputs = input_means<float>(node, s.graph(), s.shapes, s.data(node.inputs[0]));
      means[at(found - products_.begin())] = output_means<float>(s.graph().tensors[at(node.inputs[1])], inputs);
    };
    const auto ran = session_->run(in, out);
    s.after_step = nullptr;
    OCTET_CHECK(ran);
    return means;
  }

 private:
  const Model& model_;
  const Samples& samples_;
  const Pieces& pieces_;
  const std::vector<std::size_t>& products_;
  std::optional<Session> session_;
};

void add_share(const Means& from, std::size_t shares, Means& to) {
  to.resize(from.size(), 0.0);
  for (std::size_t i = 0; i < from.size(); ++i) to[i] += from[i] / static_cast<double>(shares);
}

Result<ProductMeans> float_means(const Model& model, const Samples& samples, const Pieces& pieces, const std::vector<std::size_t>& products,
                                 int threads) {
  const std::size_t count = pieces.firsts.size();
  ProductMeans means(products.size());
  OCTET_CHECK(ordered_work<ProductMeans>(
      count, threads, [&](std::size_t) { return FloatWorker(model, samples, pieces, products); },
      [&](std::size_t, const ProductMeans& piece) {
        for (std::size_t p = 0; p < means.size(); ++p) add_share(piece[p], count, means[p]);
      }));
  return means;
}

// ---- Biases.

/// The graph with a bias of its own for every float product.
Graph with_biases(Graph graph) {
  for (const std::size_t n : products_of(graph)) {
    Node& node = graph.nodes[n];
    if (!has_weights_of(graph, node, Type::f32)) continue;
    const Tensor& weights = graph.tensors[at(node.inputs[1])];
    const bool has_bias = node.inputs.size() > 2 && node.inputs[2] != kAbsent;
    Tensor bias{weights.name + "@corrected_bias", Type::f32, {weights.shape[0]}, false, {}, {}};
    std::vector<float> values(at(weights.shape[0]), 0.0F);
    if (has_bias) {
      bias.name = graph.tensors[at(node.inputs[2])].name;
      std::ranges::copy(graph.tensors[at(node.inputs[2])].data.as<float>(), values.begin());
    }
    bias.data = Constant::of(std::move(values));
    node.inputs.resize(3, kAbsent);
    node.inputs[2] = static_cast<int>(graph.tensors.size());
    graph.tensors.push_back(std::move(bias));
  }
  return graph;
}

/// The s32 bias of a quantized product for real values, as the quantizer makes it; channels it would take out of bounds keep theirs.
Constant quantized_bias(const Graph& graph, const Node& node, std::span<const float> bias, const std::vector<double>& scales) {
  const auto w = graph.tensors[at(node.inputs[1])].data.as<std::int8_t>();
  const auto old = graph.tensors[at(node.inputs[2])].data.as<std::int32_t>();
  const std::size_t depth = w.size() / bias.size();
  std::vector<std::int32_t> values(old.begin(), old.end());
  for (std::size_t c = 0; c < bias.size(); ++c) {
    std::int64_t bound = 0;
    for (const std::int8_t v : w.subspan(c * depth, depth)) bound += 255 * std::abs(std::int64_t{v});
    const double q = std::nearbyint(static_cast<double>(bias[c]) / scales[c]);
    if (std::abs(q) + static_cast<double>(bound) < 2147483647.0) values[c] = static_cast<std::int32_t>(q);
  }
  return Constant::of(std::move(values));
}

/// Walks through the quantized graph and corrects one product after the other, there and in the float graph. The quantizer keeps
/// products, and their order.
class Correction {
 public:
  Correction(Graph& real, Graph& quantized, const ProductMeans& wanted, int threads)
      : real_(real), quantized_(quantized), wanted_(wanted), threads_(threads), products_(products_of(quantized)), real_products_(products_of(real)) {}

  Result<void> run(const Samples& samples, const Pieces& pieces) {
    OCTET_TRY(GraphWalk walk, GraphWalk::make(quantized_, pieces.size, threads_));
    for (const std::int64_t first : pieces.firsts) OCTET_CHECK(walk.add(samples, first));
    std::size_t product = 0;
    while (walk.next() < quantized_.nodes.size()) {
      if (product < products_.size() && walk.next() == products_[product]) OCTET_CHECK(correct(product++, walk));
      OCTET_CHECK(walk.step());
    }
    return {};
  }

 private:
  Result<void> correct(std::size_t product, const GraphWalk& walk) {
    const Node& node = quantized_.nodes[products_[product]];
    const Tensor& weights = quantized_.tensors[at(node.inputs[1])];
    const Tensor& input = quantized_.tensors[at(node.inputs[0])];
    if (!has_weights_of(quantized_, node, Type::s8) || input.type != Type::u8) return {};
    std::vector<double> scales;  // of the accumulators
    for (std::size_t c = 0; c < at(weights.shape[0]); ++c)
      scales.push_back(static_cast<double>(input.quant.scale()) * static_cast<double>(weights.quant.scales[weights.quant.axis < 0 ? 0 : c]));
    Means means;
    const auto means_of = [&](std::size_t piece) -> Result<Means> {
      return output_means<std::int8_t>(weights, input_means<std::uint8_t>(node, quantized_, walk.shapes(), walk.data(piece, node.inputs[0])));
    };
    OCTET_CHECK(ordered_work<Means>(
        walk.pieces(), threads_, [&](std::size_t) { return means_of; },
        [&](std::size_t, const Means& piece) { add_share(piece, walk.pieces(), means); }));
    Tensor& bias = real_.tensors[at(real_.nodes[real_products_[product]].inputs[2])];
    const auto old = bias.data.as<float>();
    std::vector<float> corrected(old.begin(), old.end());
    for (std::size_t c = 0; c < wanted_[product].size(); ++c) {
      const auto sum = static_cast<float>(static_cast<double>(old[c]) + wanted_[product][c] - means[c] * scales[c]);
      if (std::isfinite(sum)) corrected[c] = sum;
    }
    quantized_.tensors[at(node.inputs[2])].data = quantized_bias(quantized_, node, corrected, scales);
    bias.data = Constant::of(std::move(corrected));
    return {};
  }

  Graph& real_;
  Graph& quantized_;
  const ProductMeans& wanted_;
  int threads_;
  std::vector<std::size_t> products_, real_products_;  ///< nodes
};

}  // namespace

Result<Graph> correct_biases(const Model& model, const std::vector<Range>& ranges, const Samples& samples, const QuantizeOptions& options,
                             const std::function<bool(std::int64_t, std::int64_t)>& held_out) {
  const Graph& graph = model.impl().graph;
  Graph corrected = with_biases(graph);
  std::vector<Range> all_ranges = ranges;
  all_ranges.resize(corrected.tensors.size());
  QuantizeOptions real = options;
  real.normalization = nullptr;
  OCTET_TRY(Graph quantized, quantize_graph(corrected, all_ranges, real));
  if (products_of(quantized).size() != products_of(corrected).size()) return graph;
  const Pieces pieces = pieces_of(quantized, samples.count(), held_out);
  OCTET_TRY(const auto wanted, float_means(model, samples, pieces, products_of(graph), options.threads));
  OCTET_CHECK(Correction(corrected, quantized, wanted, options.threads).run(samples, pieces));
  return corrected;
}

}  // namespace octet
