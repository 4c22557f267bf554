#include "kernels/resize/resize.h"

#include "engine/ops/common.h"

namespace octet::resize {
namespace {

kernels::ResizeShape shape_of(const NodeView& node) {
  const auto& a = node.as<schema::ResizeT>();
  const Shape& x = node.input_shape(0);
  const Shape& y = node.output_shape();
  return {x[0], x[1], x[2], x[3], y[1], y[2], a.rows.data(), a.columns.data()};
}

/// m = f32(s_in / (s_out 2^22)).
float multiplier(const NodeView& node) {
  constexpr double kOne = static_cast<double>(std::int64_t{1} << (2 * kernels::kResizeBits));
  return static_cast<float>(static_cast<double>(node.input(0).quant.scale()) / (static_cast<double>(node.output().quant.scale()) * kOne));
}

std::vector<std::int32_t> whole(const std::vector<float>& weights) {
  std::vector<std::int32_t> w;
  for (const float v : weights) w.push_back(static_cast<std::int32_t>(std::nearbyint(static_cast<double>(v) * (1 << kernels::kResizeBits))));
  return w;
}

Result<void> check_axis(const std::vector<int>& from, const std::vector<float>& weights, std::int64_t size) {
  if (from.empty()) return invalid("makes an empty image");
  for (const int i : from)
    if (i < 0 || i >= size) return invalid("reads row or column " + std::to_string(i) + " of " + std::to_string(size));
  for (const float w : weights)
    if (!(w >= 0.0F && w <= 1.0F)) return invalid("has a weight of " + std::to_string(w));
  return {};
}

bool is_nearest(const NodeView& node) { return node.as<schema::ResizeT>().row_weights.empty(); }

/// The tables are the model's own, which outlives its sessions.
Step prepare_linear_u8(const NodeView& node, const PrepareOptions& options) {
  const auto& a = node.as<schema::ResizeT>();
  const kernels::ResizeLinearU8 resize{shape_of(node), nullptr, nullptr, nullptr, node.input(0).quant.zero_point(), multiplier(node), output_u8(node.output()),
                                       nullptr, options.threads};
  return make_step("resize_linear_u8_reference", [resize, rows = whole(a.row_weights), columns = whole(a.column_weights), in = node.input_index(0),
                                                  out = node.output_index()](const Buffers& b) noexcept -> const char* {
    kernels::ResizeLinearU8 r = resize;
    r.row_weights = rows.data();
    r.column_weights = columns.data();
    r.x = b.tensor<std::uint8_t>(in);
    r.y = b.tensor<std::uint8_t>(out);
    kernels::resize_linear_u8_reference(r);
    return nullptr;
  });
}

}  // namespace

Result<Shape> infer(const NodeView& node) {
  const auto& a = node.as<schema::ResizeT>();
  const Shape& x = node.input_shape(0);
  if (x.size() != 4) return invalid("its input must have rank 4, not " + std::to_string(x.size()));
  if (a.row_weights.size() != (a.row_weights.empty() && a.column_weights.empty() ? 0 : a.rows.size()) ||
      a.column_weights.size() != (a.row_weights.empty() ? 0 : a.columns.size()))
    return invalid("must have a weight for every row and column, or none");
  OCTET_CHECK(check_axis(a.rows, a.row_weights, x[1]));
  OCTET_CHECK(check_axis(a.columns, a.column_weights, x[2]));
  return Shape{x[0], static_cast<std::int64_t>(a.rows.size()), static_cast<std::int64_t>(a.columns.size()), x[3]};
}

Result<void> check(const NodeView& node) {
  if (is_nearest(node)) return check_moves(node);
  OCTET_CHECK(check_arithmetic(node, 0));
  return node.output().type == Type::u8 ? check_multiplier(multiplier(node)) : Result<void>();
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  const auto& a = node.as<schema::ResizeT>();
  const int in = node.input_index(0);
  const int out = node.output_index();
  if (is_nearest(node)) {
    return make_step("resize_nearest_reference", [shape = shape_of(node), bytes = size_of(node.output().type), in, out,
                                                  threads = options.threads](const Buffers& b) noexcept -> const char* {
      kernels::resize_nearest_reference(shape, bytes, b.tensor<std::byte>(in), b.tensor<std::byte>(out), threads);
      return nullptr;
    });
  }
  if (node.output().type == Type::u8) return prepare_linear_u8(node, options);
  const kernels::ResizeLinearF32 resize{shape_of(node), a.row_weights.data(), a.column_weights.data(), nullptr, nullptr, options.threads};
  return make_step("resize_linear_f32_reference", [resize, in, out](const Buffers& b) noexcept -> const char* {
    kernels::ResizeLinearF32 r = resize;
    r.x = b.tensor<float>(in);
    r.y = b.tensor<float>(out);
    kernels::resize_linear_f32_reference(r);
    return nullptr;
  });
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::resize
