// GroupNormalization and InstanceNormalization, in which every channel is a group of its own.
#include "converter/onnx/importer.h"

namespace octet {
namespace {

/// One value for each channel, of a constant that has one for each group.
Result<Tensor> spread(const Tensor& t, std::int64_t channels) {
  const auto from = t.data.as<float>();
  std::vector<float> to(static_cast<std::size_t>(channels));
  for (std::size_t c = 0; c < to.size(); ++c) to[c] = from[c * from.size() / to.size()];
  Tensor made = t;
  made.shape = {channels};
  made.data = Constant::of(std::move(to));
  return made;
}

Result<int> read_parameter(NodeImport& node, std::size_t input, std::int64_t groups, std::int64_t channels) {
  OCTET_TRY(const int given, node.input(input));
  if (node.shape(given) == Shape{channels}) return given;
  if (node.shape(given) != Shape{groups} || channels % groups != 0)
    return invalid("its scale and bias must have one value a channel or a group, not shape " + to_string(node.shape(given)));
  OCTET_TRY(const Tensor t, node.constant(input, "scale and bias"));
  if (t.type != Type::f32) return invalid("its scale and bias must be f32");
  return node.derived(input, "spread over " + std::to_string(channels), [&](const Tensor& c) { return spread(c, channels); });
}

Result<void> import_normalization(NodeImport& node, std::int64_t groups) {
  OCTET_TRY(const int x, node.input(0));
  if (node.rank(x) < 3) return invalid("its input has rank " + std::to_string(node.rank(x)) + ", not 3 or more");
  const std::int64_t channels = node.shape(x)[1];
  if (groups == 0) groups = channels;
  schema::GroupNormalizationT op;
  OCTET_TRY(op.groups, to_int(groups, "num_groups"));
  OCTET_TRY(op.epsilon, node.attributes.real("epsilon", 1e-5F));
  if (groups < 1) return invalid("its num_groups is " + std::to_string(groups));
  OCTET_TRY(const int gamma, read_parameter(node, 1, groups, channels));
  OCTET_TRY(const int beta, read_parameter(node, 2, groups, channels));
  OCTET_TRY(const int last, node.to_channels_last(x));
  OCTET_TRY(const int y, node.emit_inner(std::move(op), {last, gamma, beta}, NodeImport::kChannelsLast));
  return node.emit_channels_first(y);
}

Result<void> import_group_normalization(NodeImport& node) {
  node.attributes.ignore("stash_type");  // of the intermediate values, which are at least as precise here
  if (!node.attributes.has("num_groups")) return invalid("has no num_groups");
  OCTET_TRY(const std::int64_t groups, node.attributes.integer("num_groups", 1));
  if (groups < 1) return invalid("its num_groups is " + std::to_string(groups));
  return import_normalization(node, groups);
}

Result<void> import_instance_normalization(NodeImport& node) { return import_normalization(node, 0); }

}  // namespace

void register_group_normalization(ImporterTable& table) {
  table.add("GroupNormalization", {3, 3, import_group_normalization});
  table.add("InstanceNormalization", {3, 3, import_instance_normalization});
}

}  // namespace octet
