#include <algorithm>
#include <numeric>

#include "converter/onnx/importer.h"
#include "converter/onnx/source_quantization.h"

namespace octet {
namespace {

Result<schema::PadMode> read_mode(NodeImport& node) {
  OCTET_TRY(const std::string mode, node.attributes.text("mode", "constant"));
  if (mode == "constant") return schema::PadMode::Constant;
  if (mode == "edge") return schema::PadMode::Edge;
  if (mode == "reflect") return schema::PadMode::Reflect;
  return unsupported("mode '" + mode + "' is not supported");
}

/// The value of constant padding: an attribute up to opset 10, an input since.
Result<double> read_value(NodeImport& node, Type type) {
  if (node.opset() < 11) {
    OCTET_TRY(const float value, node.attributes.real("value", 0.0F));
    return static_cast<double>(value);
  }
  if (!node.has_input(2)) return 0.0;
  OCTET_TRY(const Tensor value, node.constant(2, "value"));
  if (value.type != type || element_count(value.shape) != 1)
    return invalid(std::string("its value must be one ") + name_of(type) + ", not " + name_of(value.type) + " of shape " + to_string(value.shape));
  switch (type) {
    case Type::f32: return static_cast<double>(value.data.as<float>()[0]);
    case Type::s64: return static_cast<double>(value.data.as<std::int64_t>()[0]);
    case Type::s32: return static_cast<double>(value.data.as<std::int32_t>()[0]);
    case Type::s8: return static_cast<double>(value.data.as<std::int8_t>()[0]);
    default: return static_cast<double>(value.data.as<std::uint8_t>()[0]);
  }
}

/// {begins, ends} of every axis.
Result<std::array<std::vector<std::int64_t>, 2>> read_pads(NodeImport& node, std::size_t rank) {
  std::vector<std::int64_t> pads;
  if (node.opset() < 11) {
    OCTET_TRY(pads, node.attributes.integers("pads", {}));
  } else {
    OCTET_TRY(pads, node.constant_integers(1, "pads"));
  }
  std::vector<std::int64_t> axes(rank);
  std::iota(axes.begin(), axes.end(), std::int64_t{0});
  if (node.has_input(3)) {
    OCTET_TRY(axes, node.constant_integers(3, "axes"));
  }
  if (pads.size() != 2 * axes.size()) return invalid("has " + std::to_string(pads.size()) + " pads for " + std::to_string(axes.size()) + " axes");
  std::array<std::vector<std::int64_t>, 2> result{std::vector<std::int64_t>(rank), std::vector<std::int64_t>(rank)};
  for (std::size_t i = 0; i < axes.size(); ++i) {
    OCTET_TRY(const int axis, normalize_axis(axes[i], rank));
    result[0][static_cast<std::size_t>(axis)] = pads[i];
    result[1][static_cast<std::size_t>(axis)] = pads[axes.size() + i];
  }
  return result;
}

/// Negative pads crop: a Slice does that first.
Result<int> crop(NodeImport& node, int x, std::array<std::vector<std::int64_t>, 2>& pads) {
  schema::SliceT op;
  bool crops = false;
  for (std::size_t i = 0; i < node.rank(x); ++i) {
    const std::int64_t front = -std::min<std::int64_t>(pads[0][i], 0);
    const std::int64_t back = -std::min<std::int64_t>(pads[1][i], 0);
    const std::int64_t size = node.shape(x)[i];
    if (front >= size || back >= size - front) return unsupported("crops everything along axis " + std::to_string(i));
    OCTET_TRY(const int start, to_int(front, "pads"));
    OCTET_TRY(const int count, to_int(size - front - back, "pads"));
    op.starts.push_back(start);
    op.steps.push_back(1);
    op.sizes.push_back(front + back == 0 ? 0 : count);
    pads[0][i] += front;
    pads[1][i] += back;
    crops = crops || front + back > 0;
  }
  if (!crops) return x;
  return node.emit_inner(std::move(op), {x}, "@cropped");
}

Result<void> import_pad(NodeImport& node) {
  OCTET_TRY(int x, node.input(0));
  schema::PadT op;
  OCTET_TRY(op.mode, read_mode(node));
  OCTET_TRY(op.value, read_value(node, source_type(node.tensor(x))));
  if (const Quantization& q = node.tensor(x).quant; q.present())  // given as one of its bytes
    op.value = static_cast<double>(q.scale()) * (op.value + (node.tensor(x).source.s8 ? 128 : 0) - q.zero_point());
  OCTET_TRY(auto pads, read_pads(node, node.rank(x)));
  OCTET_TRY(x, crop(node, x, pads));
  for (std::size_t i = 0; i < node.rank(x); ++i) {
    OCTET_TRY(const int begin, to_int(pads[0][i], "pads"));
    OCTET_TRY(const int end, to_int(pads[1][i], "pads"));
    op.begins.push_back(begin);
    op.ends.push_back(end);
  }
  return node.emit(std::move(op), {x});
}

}  // namespace

void register_pad(ImporterTable& table) { table.add("Pad", {1, 4, import_pad}); }

}  // namespace octet
