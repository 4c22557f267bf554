// Softmax and LogSoftmax: one table each with an `axis`.
#pragma once

#include <algorithm>

#include "converter/onnx/importer.h"

namespace octet {

/// Over all axes from `axis` on, as one: between two Reshapes. The leading size is left open: it may follow the batch.
template <class T>
Result<void> import_of_many_axes(NodeImport& node, int x, int axis) {
  const Shape shape = node.shape(x);
  schema::ReshapeT rows, back;
  if (axis == 0) {
    rows.shape = {1, -1};
    back.shape.assign(shape.begin(), shape.end());
  } else {
    OCTET_TRY(const int row, to_int(element_count(Shape(shape.begin() + axis, shape.end())), "row"));
    rows.shape = {-1, row};
    back.shape.assign(shape.begin(), shape.end());
    back.shape[0] = -1;
  }
  T op;
  op.axis = 1;
  OCTET_TRY(const int flat, node.emit_inner(std::move(rows), {x}, "@rows"));
  OCTET_TRY(const int shares, node.emit_inner(std::move(op), {flat}, "@shares"));
  return node.emit(std::move(back), {shares});
}

/// Since opset 13 along one axis, before over all axes from `axis` on.
template <class T>
Result<void> import_along_axis(NodeImport& node) {
  OCTET_TRY(const std::int64_t wanted, node.attributes.integer("axis", node.opset() < 13 ? 1 : -1));
  OCTET_TRY(const int x, node.input(0));
  T op;
  OCTET_TRY(op.axis, normalize_axis(wanted, node.rank(x)));
  const Shape& shape = node.shape(x);
  const bool one_axis = std::all_of(shape.begin() + op.axis + 1, shape.end(), [](std::int64_t size) { return size == 1; });
  if (node.opset() < 13 && !one_axis) return import_of_many_axes<T>(node, x, op.axis);
  return node.emit(std::move(op), {x});
}

}  // namespace octet
