// NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss, which some exporters leave in their models.
#include "converter/onnx/importers/compose.h"

namespace octet {
namespace {

enum class Over { mean, none, sum };

/// What is known of the classes' targets.
struct Targets {
  int classes;               ///< [N, d...], ignored ones replaced by 0
  std::optional<int> ignored;  ///< where they were
};

Result<Targets> read_targets(NodeImport& node, Compose& make, int targets) {
  if (!node.attributes.has("ignore_index")) return Targets{targets, {}};
  OCTET_TRY(const std::int64_t index, node.attributes.integer("ignore_index", 0));
  const Type type = node.type(targets);
  if (type == Type::s32) {
    OCTET_TRY(targets, make.cast(targets, Type::s64));
  }
  OCTET_TRY(const int ignored, make.compare(schema::Comparison::Equal, targets, make.constant<std::int64_t>({}, {index})));
  OCTET_TRY(const int classes, make.where(ignored, make.number(Type::s64, 0), targets));
  return Targets{classes, ignored};
}

/// The weight of each element, [N, d...]; nothing where all are 1.
Result<std::optional<int>> weights_of(NodeImport& node, Compose& make, const Targets& targets) {
  std::optional<int> weights;
  if (node.has_input(2)) {
    OCTET_TRY(const int table, node.input(2));
    OCTET_TRY(weights, make.op(schema::GatherT{}, {table, targets.classes}));
  }
  if (!targets.ignored) return weights;
  OCTET_TRY(const int counted, make.negation(*targets.ignored));
  OCTET_TRY(const int one, make.cast(counted, Type::f32));
  if (!weights) return std::optional(one);
  OCTET_TRY(weights, make.binary(schema::BinaryFunction::Mul, *weights, one));
  return weights;
}

/// -log p of each target times its weight, over all of them. log_p [N, C, d...].
Result<int> loss_of(NodeImport& node, Compose& make, int log_p, int targets, Over over) {
  if (node.rank(log_p) < 2 || node.rank(targets) + 1 != node.rank(log_p))
    return invalid("its targets of shape " + to_string(node.shape(targets)) + " do not fit " + to_string(node.shape(log_p)));
  OCTET_TRY(const Targets known, read_targets(node, make, targets));
  Shape columns = make.open(known.classes);
  columns.insert(columns.begin() + 1, 1);
  OCTET_TRY(const int indices, make.reshape(known.classes, columns));
  OCTET_TRY(const int chosen, gather_elements(node, make, log_p, indices, 1));
  OCTET_TRY(int loss, make.reshape(chosen, make.open(known.classes)));
  OCTET_TRY(loss, make.pointwise(schema::Function::Neg, loss));
  OCTET_TRY(const auto weights, weights_of(node, make, known));
  if (weights) {
    OCTET_TRY(loss, make.binary(schema::BinaryFunction::Mul, loss, *weights));
  }
  const auto all = all_axes(node.rank(loss));
  if (over == Over::none) return loss;
  if (over == Over::mean && !weights) return make.reduce(schema::Reduction::Mean, loss, all, false);
  OCTET_TRY(const int sum, make.reduce(schema::Reduction::Sum, loss, all, false));
  if (over == Over::sum) return sum;
  OCTET_TRY(const int share, make.reduce(schema::Reduction::Sum, *weights, all, false));
  return make.binary(schema::BinaryFunction::Div, sum, share);
}

Result<void> import_loss(NodeImport& node) {
  OCTET_TRY(int x, node.input(0));
  OCTET_TRY(const int targets, node.input(1));
  OCTET_TRY(const std::size_t over, node.attributes.choice("reduction", {"mean", "none", "sum"}));
  Compose make(node);
  if (node.op_type() == "SoftmaxCrossEntropyLoss") {
    schema::LogSoftmaxT op;
    op.axis = 1;
    OCTET_TRY(x, make.op(std::move(op), {x}));
    if (node.has_output(1)) OCTET_CHECK(make.finish(x, 1));
  }
  OCTET_TRY(const int loss, loss_of(node, make, x, targets, static_cast<Over>(over)));
  return make.finish(loss);
}

}  // namespace

void register_loss(ImporterTable& table) {
  table.add("NegativeLogLikelihoodLoss", {2, 3, import_loss});
  table.add("SoftmaxCrossEntropyLoss", {2, 3, import_loss});
}

}  // namespace octet
