#include <cstring>

#include "engine/ops/common.h"

namespace octet::reshape {

Result<Shape> infer(const NodeView& node) {
  const auto& wanted = node.as<schema::ReshapeT>().shape;
  const Shape& x = node.input_shape(0);
  const std::int64_t total = element_count(x);
  Shape y;
  std::size_t open = wanted.size();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] < -1) return invalid("size " + std::to_string(wanted[i]) + " in its shape");
    if (wanted[i] == -1 && open != wanted.size()) return invalid("more than one -1 in its shape");
    if (wanted[i] == -1) open = i;
    if (wanted[i] == 0 && i >= x.size()) return invalid("its shape copies axis " + std::to_string(i) + ", which the input does not have");
    y.push_back(wanted[i] == -1 ? 1 : wanted[i] == 0 ? x[i] : wanted[i]);
  }
  const std::int64_t known = element_count(y);
  if (open != wanted.size() && known == 0) return invalid("its shape has a -1 beside a size of 0");
  if (open != wanted.size() && known > 0 && total % known == 0) y[open] = total / known;
  if (element_count(y) != total) return invalid("cannot make shape " + to_string(y) + " of " + to_string(x));
  return y;
}

Result<void> check(const NodeView& node) { return check_moves(node); }

/// Only runs where input and output could not share memory (the output is the graph's own).
Result<Step> prepare(const NodeView& node, const PrepareOptions&) {
  const std::size_t bytes = static_cast<std::size_t>(element_count(node.output_shape())) * size_of(node.output().type);
  return make_step("copy", [bytes, in = node.input_index(0), out = node.output_index()](const Buffers& b) noexcept -> const char* {
    if (bytes != 0) std::memcpy(b.tensor<std::byte>(out), b.tensor<std::byte>(in), bytes);
    return nullptr;
  });
}

std::uint64_t macs(const NodeView& node) { return no_macs(node); }

}  // namespace octet::reshape
