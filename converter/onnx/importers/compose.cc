#include "converter/onnx/importers/compose.h"

#include <algorithm>
#include <numeric>

namespace octet {

std::vector<int> all_axes(std::size_t rank) {
  std::vector<int> axes(rank);
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

Result<int> Compose::reshape(int x, const Shape& shape) {
  OCTET_TRY(auto table, to_shape<schema::ReshapeT>(shape));
  return op(std::move(table), {x});
}

Result<int> Compose::transpose(int x, std::vector<int> perm) {
  if (std::ranges::is_sorted(perm)) return x;
  schema::TransposeT table;
  table.perm = std::move(perm);
  return op(std::move(table), {x});
}

Result<int> Compose::axis_last(int x, std::size_t axis) {
  std::vector<int> perm = all_axes(node_.rank(x));
  std::rotate(perm.begin() + static_cast<std::ptrdiff_t>(axis), perm.begin() + static_cast<std::ptrdiff_t>(axis) + 1, perm.end());
  return transpose(x, std::move(perm));
}

Result<int> Compose::axis_back(int x, std::size_t axis) {
  std::vector<int> perm = all_axes(node_.rank(x));
  std::rotate(perm.begin() + static_cast<std::ptrdiff_t>(axis), perm.end() - 1, perm.end());
  return transpose(x, std::move(perm));
}

Result<int> Compose::slice(int x, std::size_t axis, std::int64_t start, std::int64_t size, std::int64_t step) {
  schema::SliceT table;
  table.starts.assign(node_.rank(x), 0);
  table.steps.assign(node_.rank(x), 1);
  table.sizes.assign(node_.rank(x), 0);
  OCTET_TRY(table.starts[axis], to_int(start, "start"));
  OCTET_TRY(table.sizes[axis], to_int(size, "size"));
  OCTET_TRY(table.steps[axis], to_int(size == 1 ? 1 : step, "step"));
  return op(std::move(table), {x});
}

Result<int> Compose::pad(int x, const Shape& begins, const Shape& ends, double value) {
  schema::PadT table;
  table.value = value;
  for (std::size_t i = 0; i < begins.size(); ++i) {
    OCTET_TRY(const int begin, to_int(begins[i], "padding"));
    OCTET_TRY(const int end, to_int(ends[i], "padding"));
    table.begins.push_back(begin);
    table.ends.push_back(end);
  }
  return op(std::move(table), {x});
}

Result<int> Compose::concat(std::vector<int> parts, std::size_t axis) {
  if (parts.size() == 1) return parts[0];
  schema::ConcatT table;
  table.axis = static_cast<int>(axis);
  return op(std::move(table), std::move(parts));
}

Result<int> Compose::pointwise(schema::Function function, int x, float a, float b) {
  schema::PointwiseT table;
  table.function = function;
  table.a = a;
  table.b = b;
  return op(std::move(table), {x});
}

Result<int> Compose::binary(schema::BinaryFunction function, int a, int b) {
  if (node_.type(a) == Type::f32) {
    if (function == schema::BinaryFunction::Add) return op(schema::AddT{}, {a, b});
    if (function == schema::BinaryFunction::Sub) return op(schema::SubT{}, {a, b});
    if (function == schema::BinaryFunction::Mul) return op(schema::MulT{}, {a, b});
  }
  schema::BinaryT table;
  table.function = function;
  return op(std::move(table), {a, b});
}

Result<int> Compose::compare(schema::Comparison function, int a, int b) {
  schema::CompareT table;
  table.function = function;
  return op(std::move(table), {a, b}, Type::boolean);
}

Result<int> Compose::where(int condition, int a, int b) { return op(schema::WhereT{}, {condition, a, b}, node_.type(a)); }

Result<int> Compose::negation(int condition) { return compare(schema::Comparison::Xor, condition, number(Type::boolean, 1)); }

Result<int> Compose::cast(int x, Type type) {
  if (node_.type(x) == type) return x;
  return op(schema::CastT{}, {x}, type);
}

Result<int> Compose::reduce(schema::Reduction reduction, int x, std::vector<int> axes, bool keep_dims) {
  schema::ReduceT table;
  table.reduction = reduction;
  table.axes = std::move(axes);
  table.keep_dims = keep_dims;
  return op(std::move(table), {x});
}

Result<int> Compose::mat_mul(int a, int b) { return op(schema::MatMulT{}, {a, b}); }

int Compose::number(Type type, double value) {
  switch (type) {
    case Type::f32: return constant<float>({}, {static_cast<float>(value)});
    case Type::s32: return constant<std::int32_t>({}, {static_cast<std::int32_t>(value)});
    case Type::s64: return constant<std::int64_t>({}, {static_cast<std::int64_t>(value)});
    case Type::s8: return constant<std::int8_t>({}, {static_cast<std::int8_t>(value)});
    case Type::u8:
    case Type::boolean: break;
  }
  return constant<std::uint8_t>({}, {static_cast<std::uint8_t>(value)}, type);
}

Result<int> Compose::count_up(std::int64_t size, std::size_t ones) {
  if (!node_.may_make(size)) return unsupported("an axis of " + std::to_string(size) + " is too large");
  std::vector<std::int64_t> values(static_cast<std::size_t>(size));
  std::iota(values.begin(), values.end(), std::int64_t{0});
  Shape shape(ones + 1, 1);
  shape[0] = size;
  return constant(std::move(shape), std::move(values));
}

Shape Compose::open(int x) const {
  auto shapes = node_.shapes(x);
  for (std::size_t i = 0; i < shapes[0].size(); ++i)
    if (shapes[0][i] != shapes[1][i]) shapes[0][i] = -1;
  return shapes[0];
}

Result<void> Compose::finish(int y, std::size_t i) {
  if (y < before_) {  // another value's: this one needs a tensor of its own
    schema::ReshapeT same;
    same.shape.assign(node_.rank(y), 0);
    return node_.emit_output(i, std::move(same), {y});
  }
  node_.name_output(i, y);
  return {};
}

Result<int> gather_elements(NodeImport& node, Compose& make, int x, int indices, std::size_t axis) {
  const std::size_t rank = node.rank(x);
  if (node.rank(indices) != rank) return invalid("its indices have rank " + std::to_string(node.rank(indices)) + ", not " + std::to_string(rank));
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t size = node.shape(indices)[i];
    if (i == axis || size == node.shape(x)[i]) continue;
    if (size > node.shape(x)[i]) return invalid("its indices of shape " + to_string(node.shape(indices)) + " do not fit " + to_string(node.shape(x)));
    OCTET_TRY(x, make.slice(x, i, 0, size));
  }
  OCTET_TRY(const int lines, make.axis_last(x, axis));
  OCTET_TRY(int places, make.axis_last(indices, axis));
  Shape tuples = make.open(places);
  tuples.push_back(1);
  OCTET_TRY(places, make.reshape(places, tuples));
  schema::GatherNDT gather;
  gather.batch_axes = static_cast<int>(rank) - 1;
  OCTET_TRY(const int y, make.op(std::move(gather), {lines, places}));
  return make.axis_back(y, axis);
}

}  // namespace octet
