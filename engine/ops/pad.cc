#include <array>
#include <cstring>

#include "engine/ops/strided.h"

namespace octet::pad {
namespace {

/// Where each element of the padded axis comes from in x; -1 for the constant.
std::vector<std::int64_t> map_of(schema::PadMode mode, std::int64_t size, std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> map;
  for (std::int64_t i = -begin; i < size + end; ++i) {
    const bool inside = i >= 0 && i < size;
    if (inside) {
      map.push_back(i);
    } else if (mode == schema::PadMode::Constant) {
      map.push_back(-1);
    } else if (mode == schema::PadMode::Edge) {
      map.push_back(i < 0 ? 0 : size - 1);
    } else {
      map.push_back(i < 0 ? -i : 2 * (size - 1) - i);
    }
  }
  return map;
}

/// The padding as an element of the output.
std::array<std::byte, 8> element_of(double value, const Tensor& y) {
  std::array<std::byte, 8> bytes{};
  const auto put = [&](auto v) { std::memcpy(bytes.data(), &v, sizeof(v)); };
  switch (y.type) {
    case Type::f32: put(static_cast<float>(value)); break;
    case Type::u8: put(y.quant.present() ? kernels::quantize_f64(value, y.quant.scale(), y.quant.zero_point()) : static_cast<std::uint8_t>(value)); break;
    case Type::s8: put(static_cast<std::int8_t>(value)); break;
    case Type::s32: put(static_cast<std::int32_t>(value)); break;
    case Type::s64: put(static_cast<std::int64_t>(value)); break;
    case Type::boolean: put(static_cast<std::uint8_t>(value != 0 ? 1 : 0)); break;
  }
  return bytes;
}

/// Whether an integer type holds the value.
bool holds(Type type, double value) {
  switch (type) {
    case Type::u8: return value == std::nearbyint(value) && value >= 0 && value <= 255;
    case Type::s8: return value == std::nearbyint(value) && value >= -128 && value <= 127;
    case Type::s32: return value == std::nearbyint(value) && std::abs(value) <= 2147483647.0;
    case Type::s64: return value == std::nearbyint(value) && std::abs(value) <= 9007199254740992.0;
    default: return true;
  }
}

struct Maps {
  kernels::PadShape shape;
  std::vector<std::vector<std::int64_t>> of;
};

std::shared_ptr<const Maps> maps_of(const NodeView& node) {
  const auto& a = node.as<schema::PadT>();
  const Shape& x = node.input_shape(0);
  const auto strides = dense_strides(x);
  auto maps = std::make_shared<Maps>();
  if (x.empty()) maps->of.push_back({0});
  for (std::size_t i = 0; i < x.size(); ++i) maps->of.push_back(map_of(a.mode, x[i], a.begins[i], a.ends[i]));
  maps->shape.axes = static_cast<int>(maps->of.size());
  for (std::size_t i = 0; i < x.size(); ++i) maps->shape.size[i] = node.output_shape()[i], maps->shape.stride[i] = strides[i];
  for (std::size_t i = 0; i < maps->of.size(); ++i) maps->shape.map[i] = maps->of[i].data();
  if (!x.empty()) maps->shape.run_begin = a.begins.back(), maps->shape.run_end = a.begins.back() + x.back();
  return maps;
}

}  // namespace

Result<Shape> infer(const NodeView& node) {
  const auto& a = node.as<schema::PadT>();
  Shape y = node.input_shape(0);
  if (a.mode > schema::PadMode::MAX) return Error{ErrorCode::unsupported, "unknown mode", {}};
  if (a.begins.size() != y.size() || a.ends.size() != y.size())
    return invalid("pads " + std::to_string(a.begins.size()) + " axes of a tensor of rank " + std::to_string(y.size()));
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (a.begins[i] < 0 || a.ends[i] < 0) return invalid("padding must not be negative");
    if (a.mode == schema::PadMode::Reflect && (a.begins[i] >= y[i] || a.ends[i] >= y[i]))
      return invalid("reflects more than there is along axis " + std::to_string(i));
    if (y[i] > kMaxElements) return invalid("its output is too large");
    y[i] += std::int64_t{a.begins[i]} + a.ends[i];
  }
  return y;
}

Result<void> check(const NodeView& node) {
  const auto& a = node.as<schema::PadT>();
  OCTET_CHECK(check_moves(node));
  const Tensor& y = node.output();
  if (std::isnan(a.value)) return invalid("its value is NaN");
  if (!y.quant.present() && !holds(y.type, a.value)) return invalid("its value " + std::to_string(a.value) + " is not one of type " + name_of(y.type));
  return {};
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  return make_step("pad_reference", [maps = maps_of(node), value = element_of(node.as<schema::PadT>().value, node.output()),
                                     bytes = size_of(node.output().type), in = node.input_index(0), out = node.output_index(),
                                     threads = options.threads](const Buffers& b) noexcept -> const char* {
    kernels::pad_reference(maps->shape, bytes, b.tensor<std::byte>(in), value.data(), b.tensor<std::byte>(out), threads);
    return nullptr;
  });
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::pad
