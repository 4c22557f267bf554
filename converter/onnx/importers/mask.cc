// Operators that compare positions: OneHot, Hardmax, Trilu, EyeLike.
#include <cmath>

#include "converter/onnx/importers/compose.h"
#include "converter/onnx/tensor_proto.h"

namespace octet {
namespace {

/// The value of a constant of one number.
Result<double> number_of(const Tensor& t, const char* what) {
  if (element_count(t.shape) != 1) return invalid(std::string("its ") + what + " must be one number");
  switch (t.type) {
    case Type::f32: return static_cast<double>(t.data.as<float>()[0]);
    case Type::s32: return static_cast<double>(t.data.as<std::int32_t>()[0]);
    case Type::s64: return static_cast<double>(t.data.as<std::int64_t>()[0]);
    case Type::s8: return static_cast<double>(t.data.as<std::int8_t>()[0]);
    case Type::u8:
    case Type::boolean: break;
  }
  return static_cast<double>(t.data.as<std::uint8_t>()[0]);
}

/// One of the two values (off, on), as a constant without axes.
int value_at(NodeImport& node, const Tensor& values, std::size_t i) {
  const std::size_t bytes = size_of(values.type);
  Tensor one;
  one.name = node.output_name() + (i == 0 ? "@off" : "@on");
  one.type = values.type;
  one.data = values.data.part(i * bytes, bytes);
  return node.add_constant(std::move(one));
}

/// on where the class is the position along the new axis; classes count from the end where negative.
Result<void> import_one_hot(NodeImport& node) {
  OCTET_TRY(int classes, node.input(0));
  OCTET_TRY(const Tensor depth_value, node.constant(1, "depth"));
  OCTET_TRY(const Tensor values, node.constant(2, "values"));
  OCTET_TRY(const double depth, number_of(depth_value, "depth"));
  if (values.shape != Shape{2}) return invalid("its values have shape " + to_string(values.shape) + ", not 2");
  if (!(depth >= 1 && depth < 1e9 && depth == std::floor(depth))) return invalid("its depth is " + std::to_string(depth));
  const std::size_t rank = node.rank(classes);
  OCTET_TRY(const std::int64_t wanted, node.attributes.integer("axis", -1));
  OCTET_TRY(const int axis, normalize_axis(wanted, rank + 1));
  Compose make(node);
  OCTET_TRY(classes, make.cast(classes, Type::s64));
  OCTET_TRY(const int negative, make.compare(schema::Comparison::Less, classes, make.number(Type::s64, 0)));
  OCTET_TRY(const int from_end, make.binary(schema::BinaryFunction::Add, classes, make.number(Type::s64, depth)));
  OCTET_TRY(classes, make.where(negative, from_end, classes));
  Shape shape = make.open(classes);
  shape.insert(shape.begin() + axis, 1);
  OCTET_TRY(classes, make.reshape(classes, shape));
  OCTET_TRY(const int positions, make.count_up(static_cast<std::int64_t>(depth), rank - static_cast<std::size_t>(axis)));
  OCTET_TRY(const int hot, make.compare(schema::Comparison::Equal, classes, positions));
  OCTET_TRY(const int y, make.where(hot, value_at(node, values, 1), value_at(node, values, 0)));
  return make.finish(y);
}

/// 1 at the first largest element of the axis; before opset 13, of all axes from `axis` on, as one.
Result<void> import_hardmax(NodeImport& node) {
  OCTET_TRY(int x, node.input(0));
  OCTET_TRY(const std::int64_t wanted, node.attributes.integer("axis", node.opset() < 13 ? 1 : -1));
  OCTET_TRY(const int axis, normalize_axis(wanted, node.rank(x)));
  Compose make(node);
  const Shape shape = make.open(x);
  const bool many = node.opset() < 13 && static_cast<std::size_t>(axis) + 1 < shape.size();
  if (many) {
    if (axis == 0 && shape[0] == -1) return node.follows_batch("it works along the batch");
    Shape rows(shape.begin(), shape.begin() + axis);
    rows.push_back(element_count(Shape(shape.begin() + axis, shape.end())));
    OCTET_TRY(x, make.reshape(x, rows));
  }
  schema::ArgMaxT first;
  first.axis = axis;
  OCTET_TRY(const int at, make.op(std::move(first), {x}, Type::s64));
  const auto position = static_cast<std::size_t>(axis);
  OCTET_TRY(const int positions, make.count_up(node.shape(x)[position], node.rank(x) - 1 - position));
  OCTET_TRY(const int largest, make.compare(schema::Comparison::Equal, at, positions));
  OCTET_TRY(int y, make.cast(largest, Type::f32));
  if (many) {
    OCTET_TRY(y, make.reshape(y, shape));
  }
  return make.finish(y);
}

/// Bools [rows, columns]: whether column - row, compared with k, belongs.
Result<int> triangle(NodeImport& node, Compose& make, std::int64_t rows, std::int64_t columns, std::int64_t k, bool upper) {
  if (!node.may_make(element_count({rows, columns}))) return unsupported("its triangle of " + to_string({rows, columns}) + " is too large");
  std::vector<std::uint8_t> inside;
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) inside.push_back((upper ? j - i >= k : j - i <= k) ? 1 : 0);
  return make.constant({rows, columns}, std::move(inside), Type::boolean);
}

Result<void> import_trilu(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const std::int64_t upper, node.attributes.integer("upper", 1));
  std::int64_t k = 0;
  if (node.has_input(1)) {
    OCTET_TRY(const auto values, node.constant_integers(1, "k"));
    if (values.size() != 1) return invalid("its k has " + std::to_string(values.size()) + " values, not 1");
    k = values[0];
  }
  const std::size_t rank = node.rank(x);
  if (rank < 2) return invalid("its input has rank " + std::to_string(rank) + ", below 2");
  const Shape open = Compose(node).open(x);
  if (open[rank - 2] == -1) return node.follows_batch("its matrices follow the batch");
  Compose make(node);
  OCTET_TRY(const int inside, triangle(node, make, open[rank - 2], open[rank - 1], k, upper != 0));
  OCTET_TRY(const int y, make.where(inside, x, make.number(node.type(x), 0)));
  return make.finish(y);
}

/// A constant: the shape is all that counts of its input.
Result<void> import_eye_like(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  if (node.rank(x) != 2) return invalid("its input has rank " + std::to_string(node.rank(x)) + ", not 2");
  OCTET_TRY(const std::int64_t k, node.attributes.integer("k", 0));
  Type type = node.type(x);
  if (node.attributes.has("dtype")) {
    OCTET_TRY(const std::int64_t wanted, node.attributes.integer("dtype", 0));
    OCTET_TRY(const int element_type, to_int(wanted, "dtype"));
    OCTET_TRY(type, declared_type(element_type));
  }
  Compose make(node);
  const Shape open = make.open(x);
  if (open[0] == -1) return node.follows_batch("the matrix follows the batch");
  if (!node.may_make(element_count(open))) return unsupported("its matrix of " + to_string(open) + " is too large");
  std::vector<std::uint8_t> ones;
  for (std::int64_t i = 0; i < open[0]; ++i)
    for (std::int64_t j = 0; j < open[1]; ++j) ones.push_back(j - i == k ? 1 : 0);
  OCTET_TRY(const int y, make.cast(make.constant(open, std::move(ones), Type::boolean), type));
  return make.finish(y);
}

}  // namespace

void register_mask(ImporterTable& table) {
  table.add("OneHot", {3, 3, import_one_hot});
  table.add("Hardmax", {1, 1, import_hardmax});
  table.add("Trilu", {1, 2, import_trilu, true});
  table.add("EyeLike", {1, 1, import_eye_like});
}

}  // namespace octet
