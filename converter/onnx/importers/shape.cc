// Sizes as values: known at conversion, but for the batch.
#include <algorithm>
#include <cmath>

#include "converter/onnx/importer.h"

namespace octet {
namespace {

template <class T>
Tensor list_of(std::vector<T> values) {
  Tensor t;
  t.type = type_of<T>();
  t.shape = {static_cast<std::int64_t>(values.size())};
  t.data = Constant::of(std::move(values));
  return t;
}

template <class T>
Tensor scalar_of(T value) {
  Tensor t = list_of(std::vector<T>{value});
  t.shape = {};
  return t;
}

/// The input's shape at batch 1 and 2; a constant's own, without making a tensor of it.
Result<std::array<Shape, 2>> input_shapes(NodeImport& node) {
  if (const auto value = node.known_value(0)) return std::array{value->one.shape, value->at_two().shape};
  OCTET_TRY(const int x, node.input(0));
  return node.shapes(x);
}

Result<void> import_shape(NodeImport& node) {
  OCTET_TRY(const auto shapes, input_shapes(node));
  const auto rank = static_cast<std::int64_t>(shapes[0].size());
  OCTET_TRY(const std::int64_t start, node.attributes.integer("start", 0));
  OCTET_TRY(const std::int64_t end, node.attributes.integer("end", rank));
  const auto clamped = [&](std::int64_t axis) { return std::clamp<std::int64_t>(axis < 0 ? axis + rank : axis, 0, rank); };
  const auto part = [&](const Shape& shape) {
    const std::int64_t first = clamped(start);
    return list_of(std::vector<std::int64_t>(shape.begin() + first, shape.begin() + std::max(first, clamped(end))));
  };
  node.set_constant_output({part(shapes[0]), part(shapes[1])});
  return {};
}

Result<void> import_size(NodeImport& node) {
  OCTET_TRY(const auto shapes, input_shapes(node));
  node.set_constant_output({scalar_of(element_count(shapes[0])), scalar_of(element_count(shapes[1]))});
  return {};
}

/// start, start + delta, ... below (or above) limit, as ONNX counts them: max(ceil((limit - start) / delta), 0).
template <class T>
Result<Tensor> range_of(NodeImport& node, const Tensor& start, const Tensor& limit, const Tensor& delta) {
  const T first = start.data.as<T>()[0];
  const T step = delta.data.as<T>()[0];
  if (step == 0) return invalid("its delta is 0");
  const double count = std::ceil((static_cast<double>(limit.data.as<T>()[0]) - static_cast<double>(first)) / static_cast<double>(step));
  if (!(count < 1e9) || !node.may_make(static_cast<std::int64_t>(std::max(count, 0.0)))) return unsupported("its output is too large");
  std::vector<T> values;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(count); ++i) values.push_back(static_cast<T>(first + static_cast<T>(i) * step));
  return list_of(std::move(values));
}

Result<Tensor> range_at(NodeImport& node, const std::array<KnownValue, 3>& of, bool two) {
  const auto value = [&](std::size_t i) -> const Tensor& { return two ? of[i].at_two() : of[i].one; };
  for (std::size_t i = 0; i < 3; ++i)
    if (value(i).type != value(0).type || element_count(value(i).shape) != 1) return invalid("start, limit and delta must be one value each, of one type");
  switch (value(0).type) {
    case Type::f32: return range_of<float>(node, value(0), value(1), value(2));
    case Type::s32: return range_of<std::int32_t>(node, value(0), value(1), value(2));
    case Type::s64: return range_of<std::int64_t>(node, value(0), value(1), value(2));
    default: return unsupported(std::string("a range of ") + name_of(value(0).type) + " is not supported");
  }
}

Result<void> import_range(NodeImport& node) {
  std::array<KnownValue, 3> of;
  for (std::size_t i = 0; i < 3; ++i) {
    auto value = node.known_value(i);
    if (!value) return unsupported("its start, limit and delta must be constant");
    of[i] = *std::move(value);
  }
  OCTET_TRY(Tensor one, range_at(node, of, false));
  OCTET_TRY(Tensor two, range_at(node, of, true));
  node.set_constant_output({std::move(one), std::move(two)});
  return {};
}

/// a - b cos(2 pi n / N) + c cos(4 pi n / N), N one less unless periodic.
Result<void> import_window(NodeImport& node) {
  struct Row {
    const char* onnx_operator;
    double a, b, c;
  };
  constexpr Row kRows[] = {{"HannWindow", 0.5, 0.5, 0.0}, {"HammingWindow", 25.0 / 46, 21.0 / 46, 0.0}, {"BlackmanWindow", 0.42, 0.5, 0.08}};
  const Row* row = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) { return node.op_type() == r.onnx_operator; });
  OCTET_TRY(const auto size, node.constant_integers(0, "size"));
  OCTET_TRY(const std::int64_t periodic, node.attributes.integer("periodic", 1));
  OCTET_TRY(const std::int64_t type, node.attributes.integer("output_datatype", 1));
  if (type != 1) return unsupported("an output_datatype other than float is not supported");
  if (size.size() != 1 || size[0] < 1 || !node.may_make(size[0])) return invalid("its size is empty or too large");
  const double n = static_cast<double>(periodic != 0 ? size[0] : std::max<std::int64_t>(size[0] - 1, 1));
  std::vector<float> values;
  for (std::int64_t i = 0; i < size[0]; ++i) {
    const double angle = 2 * std::acos(-1.0) * static_cast<double>(i) / n;
    values.push_back(static_cast<float>(row->a - row->b * std::cos(angle) + row->c * std::cos(2 * angle)));
  }
  node.set_constant_output(list_of(std::move(values)));
  return {};
}

}  // namespace

void register_shape(ImporterTable& table) {
  table.add("Shape", {1, 1, import_shape, true});
  table.add("Size", {1, 1, import_size, true});
  for (const char* name : {"HannWindow", "HammingWindow", "BlackmanWindow"}) table.add(name, {1, 1, import_window});
  table.add("Range", {3, 3, import_range});
}

}  // namespace octet
