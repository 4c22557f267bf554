// Expand, and ConstantOfShape, which is the Expand of one value.
#include <algorithm>

#include "converter/onnx/importer.h"
#include "engine/ops/common.h"

namespace octet {
namespace {

/// `value` (one element, or less than the shape has) repeated to `shape`.
Result<Tensor> filled(const Tensor& value, const Shape& shape) {
  schema::ExpandT op;
  op.shape.assign(shape.begin(), shape.end());
  return evaluate(value, attributes(std::move(op)), shape);
}

/// To shapes that differ at batch 1 and 2: they must differ in the leading size alone, which some tensor has to tell.
Result<void> expand_with_batch(NodeImport& node, int x, const Shape& one, const Shape& two) {
  Shape doubled = one;
  doubled[0] *= 2;
  if (two != doubled) return node.follows_batch("a size of its shape other than the leading one follows the batch");
  const auto shapes = node.shapes(x);
  const bool tells = shapes[0].size() == one.size() && shapes[0][0] != shapes[1][0];
  int like = x;
  if (!tells) {
    OCTET_TRY(like, node.batched_input());
  }
  Shape wanted = one;
  if (wanted[0] % node.shape(like)[0] != 0) return node.follows_batch("its leading size is no multiple of the batch");
  wanted[0] /= node.shape(like)[0];
  OCTET_TRY(auto op, to_shape<schema::ExpandT>(wanted));
  return node.emit(std::move(op), {x, like});
}

Result<Shape> broadcast_to(const Shape& x, const std::vector<std::int64_t>& shape) {
  for (const std::int64_t size : shape)
    if (size < 1) return unsupported("a size of its shape is " + std::to_string(size));
  return broadcast_shape(x, Shape(shape.begin(), shape.end()));
}

Result<void> import_expand(NodeImport& node) {
  OCTET_TRY(const auto wanted, node.known_integers(1, "shape"));
  const auto value = node.known_value(0);
  if (value && !value->two && wanted[0] != wanted[1]) {  // an unchanging value, a shape that follows the batch
    OCTET_TRY(const Shape one, broadcast_to(value->one.shape, wanted[0]));
    OCTET_TRY(const Shape two, broadcast_to(value->one.shape, wanted[1]));
    if (!node.may_make(element_count(one)) || !node.may_make(element_count(two))) return unsupported("its output is too large");
    OCTET_TRY(Tensor at_one, filled(value->one, one));
    OCTET_TRY(Tensor at_two, filled(value->one, two));
    node.set_constant_output({std::move(at_one), std::move(at_two)});
    return {};
  }
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const Shape one, broadcast_to(node.shapes(x)[0], wanted[0]));
  const auto two = broadcast_to(node.shapes(x)[1], wanted[1]);
  if (!two) return node.follows_batch(two.error().message + " at batch 2");
  if (one != *two) return expand_with_batch(node, x, one, *two);
  OCTET_TRY(auto op, to_shape<schema::ExpandT>(one));
  return node.emit(std::move(op), {x});
}

Result<void> import_constant_of_shape(NodeImport& node) {
  OCTET_TRY(const auto wanted, node.known_integers(0, "shape"));
  Tensor value;
  value.data = Constant::of(std::vector<float>{0.0F});
  OCTET_TRY(auto given, node.attributes.tensor("value"));
  if (given) value = *std::move(given);
  if (element_count(value.shape) != 1) return invalid("its value has shape " + to_string(value.shape) + ", not one element");
  value.shape = {};
  KnownValue result;
  for (const std::size_t b : {0U, 1U}) {
    const Shape shape(wanted[b].begin(), wanted[b].end());
    const bool empty = element_count(shape) == 0;
    if (element_count(shape) < 0 || !node.may_make(element_count(shape))) return unsupported("its output of shape " + to_string(shape) + " is too large");
    Tensor made = value;
    made.shape = shape;
    made.data = Constant::of(std::vector<std::byte>());
    if (!empty) {
      OCTET_TRY(made, filled(value, shape));
    }
    if (b == 0) result.one = std::move(made);
    else result.two = std::move(made);
  }
  node.set_constant_output(std::move(result));
  return {};
}

}  // namespace

void register_expand(ImporterTable& table) {
  table.add("Expand", {2, 2, import_expand});
  table.add("ConstantOfShape", {1, 1, import_constant_of_shape});
}

}  // namespace octet
