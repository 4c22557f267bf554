// Random quantized graphs that reach every int8 operator, for the tests of the bit-exact contract.
#pragma once

#include <cmath>

#include "tests/support/graph_builder.h"

namespace octet_test {

struct Net {
  std::string name;
  Model model;
};

/// Builds layers with random weights and scales, chosen so that results spread over the whole range of u8.
class NetBuilder : public GraphBuilder {
 public:
  explicit NetBuilder(unsigned seed) : random_(seed) {}

  struct Conv {
    std::int64_t out_c = 8, kernel_h = 3, kernel_w = 3;
    int stride = 1, pad = 1, dilation = 1, groups = 1;
    float clamp_min = -kInf, clamp_max = kInf;
    bool per_channel = true, bias = true;
    int zero_point = 100;
    bool real = false;  ///< f32 output
    bool even = false;  ///< the same padding on both sides
  };

  int conv(const std::string& name, int x, std::int64_t in_c, const Conv& c) {
    octet::schema::ConvT t;
    t.stride_h = t.stride_w = c.stride;
    t.pad_top = t.pad_left = t.pad_bottom = c.pad;
    t.pad_right = c.pad > 0 && !c.even ? c.pad - 1 + static_cast<int>(random_.integer(0, 1)) : c.pad;
    t.dilation_h = t.dilation_w = c.dilation;
    t.groups = c.groups;
    t.clamp_min = c.clamp_min;
    t.clamp_max = c.clamp_max;
    const std::int64_t depth = c.kernel_h * c.kernel_w * in_c / c.groups;
    return product(name, t, x, {c.out_c, c.kernel_h, c.kernel_w, in_c / c.groups}, depth, c);
  }

  int dense(const std::string& name, int x, std::int64_t depth, const Conv& c) {
    octet::schema::FullyConnectedT t;
    t.clamp_min = c.clamp_min;
    t.clamp_max = c.clamp_max;
    return product(name, t, x, {c.out_c, depth}, depth, c);
  }

  [[nodiscard]] const Quantization& quant(int tensor) const {
    return graph.tensors[static_cast<std::size_t>(tensor)].quant;
  }
  Random& random() { return random_; }

  std::vector<std::uint8_t> table() { return random_.integers<std::uint8_t>(256, 0, 255); }

 private:
  template <class T>
  int product(const std::string& name, const T& t, int x, const Shape& shape, std::int64_t depth, const Conv& c) {
    const auto out_c = static_cast<std::size_t>(c.out_c);
    const float s_in = quant(x).scale();
    // Inputs and weights have a standard deviation of about 73 steps; at these scales results spread as inputs do.
    const float root = std::sqrt(static_cast<float>(depth));
    std::vector<float> scales;
    for (std::size_t i = 0; i < (c.per_channel ? out_c : 1); ++i)
      scales.push_back(random_.real(0.5F, 2.0F) / (127.0F * root));
    const float s_out = 1.1F * s_in;
    auto weights = random_.integers<std::int8_t>(out_c * static_cast<std::size_t>(depth), -127, 127);
    weights[0] = -128;  // the converter does not write it, but the format allows it
    std::vector<int> inputs = {x, constant(name + ".w", shape, std::move(weights), symmetric(scales))};
    const int spread = static_cast<int>(73.0F * 73.0F * root);
    if (c.bias)
      inputs.push_back(constant(name + ".b", {c.out_c}, random_.integers<std::int32_t>(out_c, -spread, spread)));
    return c.real ? node(name, t, inputs) : node(name, t, inputs, Type::u8, affine(s_out, c.zero_point));
  }

  Random random_;
};

/// A convolution of each kind: padded around different zero-points, strided, dilated, grouped, depthwise, pointwise,
/// with channel counts that fill no vector.
inline Net convolutions(unsigned seed) {
  NetBuilder b(seed);
  int x = b.input("x", Type::u8, {1, 11, 9, 3}, affine(0.02F, seed % 3 == 0 ? 0 : seed % 3 == 1 ? 255 : 117));
  x = b.conv("first", x, 3, {.out_c = 20, .pad = 2, .clamp_min = 0.0F, .zero_point = 0});
  x = b.conv("grouped", x, 20, {.out_c = 36, .groups = 4, .zero_point = 255});
  x = b.conv("depthwise", x, 36, {.out_c = 36, .groups = 36, .zero_point = 31});
  x = b.conv("multiplied", x, 36, {.out_c = 72, .kernel_w = 2, .groups = 36, .per_channel = false, .zero_point = 3});
  x = b.conv("pointwise", x, 72, {.out_c = 17, .kernel_h = 1, .kernel_w = 1, .pad = 0, .bias = false});
  x = b.conv("dilated", x, 17, {.out_c = 33, .pad = 3, .dilation = 2, .clamp_min = -0.5F, .clamp_max = 1.0F});
  x = b.conv("strided", x, 33, {.out_c = 5, .kernel_h = 4, .stride = 2, .pad = 2, .per_channel = false});
  x = b.conv("scores", x, 5, {.out_c = 4, .real = true});
  return {"convolutions " + std::to_string(seed), must(b.model())};
}

/// Two branches that are added, multiplied and joined, pools and look-ups between them, and a softmax.
inline Net branches(unsigned seed) {
  NetBuilder b(seed);
  const int x = b.input("x", Type::u8, {1, 8, 8, 12}, affine(0.015F, 120));
  const int left = b.conv("left", x, 12, {.out_c = 19, .zero_point = 140, .even = true});
  const int right = b.conv("right", x, 12, {.out_c = 19, .kernel_h = 1, .kernel_w = 1, .pad = 0, .zero_point = 77});
  const float s = b.quant(left).scale();
  const int sum = b.node("sum", octet::schema::AddT{{}, 0.0F, kInf}, {left, right}, Type::u8, affine(s * 1.3F, 9));
  const int gates = b.constant("gates", {19}, b.random().integers<std::uint8_t>(19, 0, 255), affine(0.01F, 50));
  const int product = b.node("product", octet::schema::MulT{}, {sum, gates}, Type::u8, affine(s, 128));
  octet::schema::LookupT lookup;
  lookup.tables = b.table();
  const int curved = b.node("curved", lookup, {product}, Type::u8, affine(s, 60));
  octet::schema::ConcatT concat;
  concat.axis = 3;
  const int same = b.node("same", lookup, {right}, Type::u8, affine(s, 60));
  const int joined = b.node("joined", concat, {curved, same, curved}, Type::u8, affine(s, 60));
  octet::schema::MaxPoolT most;
  most.kernel_h = 3, most.kernel_w = 2, most.stride_h = 2, most.pad_top = 2, most.pad_right = 1;
  const int peaks = b.node("peaks", most, {joined}, Type::u8, affine(s, 60));
  octet::schema::AveragePoolT mean;
  mean.kernel_h = 3, mean.kernel_w = 3, mean.pad_top = 1, mean.pad_left = 2, mean.stride_w = 2;
  mean.count_include_pad = seed % 2 == 0;
  const int means = b.node("means", mean, {peaks}, Type::u8, affine(s * 0.4F, 90));
  octet::schema::TransposeT swap;
  swap.perm = {0, 3, 1, 2};
  const int swapped = b.node("swapped", swap, {means}, Type::u8, affine(s * 0.4F, 90));
  octet::schema::ReshapeT flat;
  flat.shape = {0, 19, -1};
  const int rows = b.node("rows", flat, {swapped}, Type::u8, affine(s * 0.4F, 90));
  octet::schema::SoftmaxT softmax;
  for (int d = 0; d < 256; ++d)
    softmax.table.push_back(static_cast<std::uint32_t>(std::nearbyint(8388608.0 * std::exp(-0.03 * d))));
  b.node("shares", softmax, {rows}, Type::u8, affine(0.0007F, 2));
  return {"branches " + std::to_string(seed), must(b.model())};
}

/// Convolutions whose output one other layer reads, pools of even and odd sizes or sums, so that one kernel may do both; and some
/// where it must not.
inline Net tails(unsigned seed) {
  NetBuilder b(seed);
  int x = b.input("x", Type::u8, {1, 23, 18, 3}, affine(0.02F, seed % 2 == 0 ? 0 : 117));
  octet::schema::MaxPoolT halve;
  halve.kernel_h = halve.kernel_w = halve.stride_h = halve.stride_w = 2;
  const auto pool = [&](const std::string& name, int from, const octet::schema::MaxPoolT& t) {
    const auto quant = b.quant(from);
    return b.node(name, t, {from}, Type::u8, quant);
  };
  x = b.conv("first", x, 3, {.out_c = 20, .pad = 2, .clamp_min = 0.0F, .zero_point = 0});
  x = pool("first.pool", x, halve);
  const int grouped = b.conv("grouped", x, 20, {.out_c = 36, .groups = 4, .zero_point = 255, .even = true});
  const int seen = b.conv("seen", grouped, 36, {.out_c = 9});
  const int twice = pool("twice.pool", seen, halve);  // of two readers
  const int flat = b.conv("flat", grouped, 36, {.out_c = 9, .kernel_h = 1, .kernel_w = 1, .pad = 0});
  const int flat_pooled = pool("flat.pool", flat, halve);
  octet::schema::MaxPoolT wide = halve;
  wide.kernel_w = 3, wide.pad_right = 1;
  const int wide_pooled = pool("wide.pool", b.conv("wide", grouped, 36, {.out_c = 9}), wide);  // of other windows
  const int strided = b.conv("strided", seen, 9, {.out_c = 70, .stride = 2, .per_channel = false, .zero_point = 3});
  const int small = pool("small.pool", strided, halve);
  const int shown = b.conv("shown", grouped, 36, {.out_c = 5});  // an output of the graph
  const int shown_pooled = pool("shown.pool", shown, halve);
  const auto add = [&](const std::string& name, int left, int right, int zero_point) {
    const float scale = 1.4F * b.quant(left).scale();
    return b.node(name, octet::schema::AddT{{}, seed % 2 == 0 ? 0.0F : -kInf, kInf}, {left, right}, Type::u8, affine(scale, zero_point));
  };
  const int stem = b.conv("stem", x, 20, {.out_c = 32, .zero_point = 17, .even = true});
  const int again = b.conv("again", stem, 32, {.out_c = 32, .even = true});
  const int branch = b.conv("branch", again, 32, {.out_c = 32, .groups = 2, .clamp_min = 0.0F, .zero_point = 40, .even = true});
  const int sum = add("branch.sum", branch, stem, 99);
  // What it adds is what it reads.
  const int own = b.conv("own", sum, 32, {.out_c = 32, .zero_point = 200, .even = true});
  const int own_sum = add("own.sum", sum, own, 128);
  const int early = b.conv("early", own_sum, 32, {.out_c = 48, .kernel_h = 1, .kernel_w = 1, .stride = 2, .pad = 0});
  const int late = b.conv("late", own_sum, 32, {.out_c = 48, .stride = 2, .even = true});
  const int difference = b.node("late.difference", octet::schema::SubT{}, {early, late}, Type::u8, affine(0.03F, 120));
  const int narrow = b.conv("narrow", difference, 48, {.out_c = 24, .even = true});
  const int narrow_sum = add("narrow.sum", narrow, b.conv("other", difference, 48, {.out_c = 24, .even = true}), 7);
  const int row = b.constant("row", {16}, b.random().integers<std::uint8_t>(16, 0, 255), affine(0.01F, 50));
  const int broadcast = b.conv("broadcast", narrow_sum, 24, {.out_c = 16, .even = true});
  const int broadcast_sum = add("broadcast.sum", broadcast, row, 70);
  const int doubled = b.conv("doubled", broadcast_sum, 16, {.out_c = 16, .kernel_h = 1, .kernel_w = 1, .pad = 0});
  const int doubled_sum = add("doubled.sum", doubled, doubled, 70);
  const int same = b.conv("same", doubled_sum, 16, {.out_c = 16, .kernel_h = 1, .kernel_w = 1, .pad = 0});
  const int last = add("same.sum", same, doubled_sum, 70);
  return {"tails " + std::to_string(seed), must(b.model({twice, flat_pooled, wide_pooled, small, shown, shown_pooled, last}))};
}

/// f32 in, matrix products of odd sizes, and f32 out so small that flushing denormals would show.
inline Net dense(unsigned seed) {
  NetBuilder b(seed);
  const int real = b.input("x", Type::f32, {1, 3, 35});
  int x = b.node("quantized", octet::schema::QuantizeT{}, {real}, Type::u8, affine(1.0F / 128.0F, 128));
  x = b.dense("first", x, 35, {.out_c = 50, .clamp_min = 0.0F, .zero_point = 0});
  x = b.dense("second", x, 50, {.out_c = 31, .clamp_max = 1.0F, .per_channel = false, .bias = false});
  octet::schema::LookupT lookup;
  lookup.tables = b.table();
  x = b.node("shrunk", lookup, {x}, Type::u8, affine(1e-6F, 130));
  const int tiny =
      b.constant("tiny.w", {7, 31}, b.random().integers<std::int8_t>(7 * 31, -127, 127), symmetric({2e-37F}));
  const int small = b.node("small", octet::schema::FullyConnectedT{}, {x, tiny});
  const int out = b.node("real", octet::schema::DequantizeT{}, {x});
  return {"dense " + std::to_string(seed), must(b.model({small, out}))};
}

/// f32 all along, with inputs quantized at run time, and a pool, which moves values only, between them.
inline Net dynamic(unsigned seed) {
  GraphBuilder b;
  Random random(seed);
  const auto weights = [&](const std::string& name, const Shape& shape, bool per_channel) {
    const auto depth = octet::element_count(shape) / shape[0];
    std::vector<float> scales(per_channel ? static_cast<std::size_t>(shape[0]) : 1);
    for (float& s : scales) s = random.real(0.5F, 2.0F) / (127.0F * std::sqrt(static_cast<float>(depth)));
    return b.constant(name, shape, random.integers<std::int8_t>(static_cast<std::size_t>(octet::element_count(shape)), -128, 127),
                      symmetric(std::move(scales)));
  };
  const auto bias = [&](const std::string& name, std::int64_t count) {
    return b.constant(name, {count}, random.reals(static_cast<std::size_t>(count), -0.3F, 0.3F));
  };
  octet::schema::ConvT t;
  t.pad_top = 2, t.pad_left = 1, t.pad_right = 2, t.clamp_min = 0.0F;
  int x = b.input("x", Type::f32, {1, 11, 9, 3});
  x = b.node("first", t, {x, weights("w1", {20, 3, 3, 3}, true), bias("b1", 20)});
  t.groups = 20, t.clamp_min = -kInf, t.stride_h = 2;
  x = b.node("depthwise", t, {x, weights("w2", {20, 3, 2, 1}, seed % 2 == 0), bias("b2", 20)});
  octet::schema::MaxPoolT pool;
  pool.kernel_h = pool.kernel_w = 2;
  x = b.node("peaks", pool, {x});
  octet::schema::ConvT grouped;
  grouped.groups = 4, grouped.dilation_h = 2, grouped.pad_bottom = 3;
  x = b.node("grouped", grouped, {x, weights("w3", {36, 2, 2, 5}, true)});
  octet::schema::FullyConnectedT dense;
  dense.clamp_max = 1.5F;
  const int rows = b.node("rows", dense, {x, weights("w4", {17, 36}, true), bias("b4", 17)});
  octet::schema::ReshapeT flat;
  flat.shape = {0, -1};
  const int flattened = b.node("flat", flat, {rows});
  const auto width = must(GraphBuilder(b).model()).outputs()[0].shape[1];
  const int scores = b.node("scores", octet::schema::FullyConnectedT{}, {flattened, weights("w5", {9, width}, false)});
  return {"dynamic " + std::to_string(seed), must(b.model({scores, rows}))};
}

/// Every net, or fewer for slower tests.
inline std::vector<Net> quantized_nets(unsigned each = 3) {
  std::vector<Net> nets;
  for (unsigned seed = 0; seed < each; ++seed) {
    nets.push_back(convolutions(seed));
    nets.push_back(branches(seed));
    nets.push_back(tails(seed));
    nets.push_back(dense(seed));
    nets.push_back(dynamic(seed));
  }
  return nets;
}

/// Random inputs for `batch` samples: for each input, the samples one after the other.
inline std::vector<std::vector<std::byte>> random_inputs(const Model& model, std::size_t batch, unsigned seed) {
  Random random(seed);
  std::vector<std::vector<std::byte>> inputs;
  for (const auto& info : model.inputs()) {
    const std::size_t count = info.elements() * batch;
    inputs.push_back(info.type == Type::f32 ? bytes_of(random.reals(count, -1.2F, 1.2F))
                                            : bytes_of(random.integers<std::uint8_t>(count, 0, 255)));
  }
  return inputs;
}

}  // namespace octet_test
