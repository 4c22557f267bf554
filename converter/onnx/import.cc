#include "converter/onnx/import.h"

#include <onnx/onnx-ml.pb.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "converter/onnx/check_names.h"
#include "converter/onnx/dynamic_quantization.h"
#include "converter/onnx/expansions.h"
#include "converter/onnx/external_data.h"
#include "converter/onnx/graph_inputs.h"
#include "converter/onnx/importer.h"
#include "converter/onnx/tensor_proto.h"

namespace octet {
namespace {

// Before 7, broadcasting and BatchNormalization meant something else; 22 is the newest whose changes have been read.
constexpr std::int64_t kOldestOpset = 7;
constexpr std::int64_t kNewestOpset = 22;
/// Operators that have meant the same since opset 1: models of these alone may be older.
constexpr std::string_view kUnchanged[] = {"Elu",  "GlobalAveragePool", "GlobalMaxPool", "HardSigmoid", "Identity", "InstanceNormalization",
                                           "Not",  "ReduceLogSum",      "Selu",          "Softplus",    "Softsign"};
// Each level is copied as it is imported.
constexpr std::size_t kMostBranches = 8;
constexpr std::size_t kMostNamed = 20;  // operators in one message
constexpr const char* kSupportTable = "; see docs/operators.md for those that are";

bool is_default_domain(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

/// How a node is expanded, if it is one of those.
const Expansion* expansion_of(const onnx::NodeProto& node) {
  return find_expansion(is_default_domain(node.domain()) ? std::string() : node.domain(), node.op_type());
}

bool is_supported(const onnx::NodeProto& node) {
  return expansion_of(node) != nullptr || (is_default_domain(node.domain()) && importers().find(node.op_type()) != nullptr);
}

std::string name_of(const onnx::NodeProto& node) {
  if (!node.name().empty()) return node.name();
  return node.output_size() > 0 ? node.output(0) : std::string();
}

std::string describe(int index, const onnx::NodeProto& node) {
  return "node " + std::to_string(index) + " '" + name_of(node) + "' (" + node.op_type() + ")";
}

class Import final : public BranchImport {
 public:
  Import(const OnnxModel& model, const ImportOptions& options, Batch batch)
      : model_(model),
        proto_(model.proto()),
        graph_(proto_.graph()),
        options_(options),
        batch_(batch),
        external_(model.folder()),
        builder_(model.provenance().source_bytes) {}

  /// Whether this failed only because the batch is free.
  [[nodiscard]] bool needs_fixed_batch() const noexcept { return builder_.needs_fixed_batch(); }

  Result<Graph> operator()() {
    OCTET_CHECK(read_opset());
    OCTET_CHECK(check_names(graph_));
    OCTET_CHECK(check_operators(graph_));
    OCTET_CHECK(find_producers());
    OCTET_CHECK(read_initializers());
    OCTET_CHECK(read_inputs());
    if (options_.undo_dynamic_quantization) dynamic_ = find_dynamic_quantization(graph_);
    for (int i = 0; i < graph_.node_size(); ++i)
      if (auto ok = import_node(branch_index_ = i, graph_.node(i)); !ok) return std::move(ok).error().in(describe(i, graph_.node(i)));
    OCTET_CHECK(bind_outputs());
    return finish();
  }

 private:
  Result<void> read_opset() {
    for (const auto& opset : proto_.opset_import()) {
      if (!is_default_domain(opset.domain())) continue;
      if (opset_ != 0 && opset_ != opset.version()) return invalid("imports two versions of the operator set");
      opset_ = opset.version();
    }
    if (opset_ == 0 && proto_.opset_import_size() > 0)
      return unsupported("imports only the operator set of domain '" + proto_.opset_import(0).domain() + "'");
    if (opset_ == 0) return invalid("does not import the ONNX operator set");
    const auto unchanged = [](const onnx::NodeProto& node) { return std::ranges::find(kUnchanged, node.op_type()) != std::end(kUnchanged); };
    if (opset_ >= 1 && opset_ < kOldestOpset && std::ranges::all_of(graph_.node(), unchanged)) return {};
    if (opset_ < kOldestOpset || opset_ > kNewestOpset)
      return unsupported("its operator set is version " + std::to_string(opset_) + "; versions " +
                         std::to_string(kOldestOpset) + " to " + std::to_string(kNewestOpset) + " are supported");
    return {};
  }

  /// The first operator without an importer; the others are in the message, so that one look tells what a model needs.
  static Result<void> check_operators(const onnx::GraphProto& graph) {
    int first = -1;
    std::set<std::string> missing;
    for (int i = 0; i < graph.node_size(); ++i) {
      const onnx::NodeProto& node = graph.node(i);
      if (is_supported(node)) continue;
      if (missing.size() < kMostNamed)
        missing.insert(is_default_domain(node.domain()) ? node.op_type() : node.domain() + "." + node.op_type());
      if (first < 0) first = i;
    }
    if (first < 0) return {};
    const onnx::NodeProto& node = graph.node(first);
    std::string message = "operator " + node.op_type();
    if (!is_default_domain(node.domain())) message += " of domain '" + node.domain() + "'";
    message += " is not supported";
    if (missing.size() > 1) {
      message += " (of this model's operators, these are not:";
      for (const std::string& name : missing) message += " " + name;
      message += ")";
    }
    return unsupported(message + kSupportTable).in(describe(first, node));
  }

  /// What a node reads, and its branches, whose own names do not matter here.
  void note_reads(const onnx::NodeProto& node) {
    for (const std::string& name : node.input()) read_.insert(name);
    for (const auto& attribute : node.attribute()) {
      if (!attribute.has_g()) continue;
      for (const auto& inner : attribute.g().node()) note_reads(inner);
      for (const auto& output : attribute.g().output()) read_.insert(output.name());
    }
  }

  /// Every value has one origin. Who makes what is needed to tell a wrong order from a missing value; who reads what,
  /// to tell outputs that matter.
  Result<void> find_producers() {
    const auto claim = [&](const std::string& name, int node) { return producer_.emplace(name, node).second; };
    std::set<std::string_view> initializers;
    for (const auto& t : graph_.initializer())
      if (!claim(t.name(), -1))
        return invalid("initializer '" + t.name() + "' is there twice");
      else
        initializers.insert(t.name());
    std::set<std::string_view> inputs;
    for (const auto& input : graph_.input()) {
      if (!inputs.insert(input.name()).second) return invalid("input '" + input.name() + "' is there twice");
      if (!initializers.contains(input.name())) claim(input.name(), -1);
    }
    for (int i = 0; i < graph_.node_size(); ++i) {
      for (const std::string& name : graph_.node(i).output())
        if (!name.empty() && !claim(name, i))
          return invalid("its output '" + name + "' already exists").in(describe(i, graph_.node(i)));
      note_reads(graph_.node(i));
    }
    for (const auto& output : graph_.output()) {
      read_.insert(output.name());
      if (!outputs_.insert(output.name()).second) return invalid("output '" + output.name() + "' is there twice");
    }
    return {};
  }

  /// ", read by node 3 'fc' (Gemm)": the first one.
  [[nodiscard]] std::string reader_of(const std::string& name) const {
    for (int i = 0; i < graph_.node_size(); ++i)
      if (std::ranges::find(graph_.node(i).input(), name) != graph_.node(i).input().end()) return ", read by " + describe(i, graph_.node(i));
    return {};
  }

  Result<void> read_initializers() { return read_initializers(graph_); }

  Result<void> read_initializers(const onnx::GraphProto& graph) {
    if (graph.sparse_initializer_size() != 0) return unsupported("sparse initializers are not supported");
    const std::uint64_t before = external_.bytes_read();
    for (const auto& proto : graph.initializer()) {
      auto tensor = decode_tensor(proto, &external_);
      if (!tensor) return std::move(tensor).error().in("initializer '" + proto.name() + "'" + reader_of(proto.name()));
      builder_.define_constant(resolved(proto.name()), *std::move(tensor));
    }
    builder_.add_source_bytes(external_.bytes_read() - before);
    return {};
  }

  Result<void> read_inputs() {
    std::string names;
    const DeclaredInputs inputs(graph_, options_);
    for (const auto* proto : inputs.protos()) {
      const onnx::ValueInfoProto& input = *proto;
      OCTET_TRY(Tensor tensor, inputs.tensor(input));
      tensor.batched = tensor.batched && batch_ == Batch::free;
      names += (names.empty() ? "" : ", ") + input.name();
      const int index = builder_.add_tensor(std::move(tensor));
      builder_.define(input.name(), index);
      builder_.graph().inputs.push_back(index);
      builder_.graph().preprocessing.emplace_back();
    }
    for (const auto& entry : options_.shapes) {
      const auto is_input = [&](int i) { return builder_.tensor(i).name == entry.first; };
      if (std::ranges::none_of(builder_.graph().inputs, is_input))
        return Error{ErrorCode::invalid_argument,
                     "a shape is given for '" + entry.first + "', but the inputs are: " + names,
                     {}};
    }
    return {};
  }

  Result<void> check_inputs(const onnx::NodeProto& node, int index, std::size_t min_inputs, std::size_t max_inputs) const {
    const auto count = static_cast<std::size_t>(node.input_size());
    if (count > max_inputs)
      return invalid("has " + std::to_string(count) + " inputs; at most " + std::to_string(max_inputs) +
                     " are allowed");
    for (std::size_t i = 0; i < std::max(count, min_inputs); ++i) {
      if (i >= count || node.input(static_cast<int>(i)).empty()) {
        if (i < min_inputs) return invalid("input " + std::to_string(i) + " is missing");
        continue;
      }
      const std::string& name = node.input(static_cast<int>(i));
      if (builder_.defined(name)) continue;
      const auto producer = producer_.find(name);
      if (producer == producer_.end()) return invalid("input '" + name + "' does not exist");
      if (producer->second >= index)
        return invalid("input '" + name + "' is made by node " + std::to_string(producer->second) +
                       ": there is a cycle, or the nodes are not in topological order");
      return unsupported("input '" + name + "', an optional output of node " + std::to_string(producer->second) +
                         ", is not supported");
    }
    return {};
  }

  Result<void> import_node(int index, const onnx::NodeProto& node) {
    builder_.graph().source_nodes.push_back({name_of(node), node.op_type()});
    if (std::ranges::all_of(node.output(), [](const std::string& name) { return name.empty(); })) return invalid("has no output");
    if (dynamic_.gone.contains(index)) return {};
    if (const auto product = dynamic_.products.find(index); product != dynamic_.products.end())
      return import_parts(index, as_real_product(node, product->second, expansion_scope(node.output(0)).fresh), name_of(node));
    const Expansion* expansion = expansion_of(node);
    if (expansion == nullptr) return import_plain(index, node, name_of(node));
    OCTET_CHECK(check_inputs(node, index, expansion->min_inputs, expansion->max_inputs));
    OCTET_TRY(const auto parts, expansion->expand(node, expansion_scope(node.output(0))));
    return import_parts(index, parts, name_of(node));
  }

  Result<void> import_parts(int index, const std::vector<onnx::NodeProto>& parts, const std::string& source_name) {
    for (const onnx::NodeProto& part : parts) OCTET_CHECK(import_plain(index, part, source_name));
    return {};
  }

  ExpansionScope expansion_scope(const std::string& output) {
    ExpansionScope scope;
    scope.fresh = [this, output](const std::string& suffix) {
      std::string name = output + suffix;
      while (producer_.contains(name) || builder_.defined(name) || !fresh_.insert(name).second) name += "@";
      return name;
    };
    scope.rank = [this](const std::string& value) -> std::optional<std::size_t> {
      if (!builder_.defined(value)) return std::nullopt;
      if (const auto known = builder_.known_value_of(value)) return known->one.shape.size();
      const auto tensor = builder_.tensor_of(value);
      return tensor ? std::optional(builder_.tensor(*tensor).shape.size()) : std::nullopt;
    };
    return scope;
  }

  /// A node of ONNX's own operators, as (part of) source node `index`.
  Result<void> import_plain(int index, const onnx::NodeProto& node, const std::string& source_name) {
    const Importer& importer = *importers().find(node.op_type());
    OCTET_CHECK(check_inputs(node, index, importer.min_inputs, importer.max_inputs));
    OCTET_TRY(Attributes attributes, Attributes::of(node));
    const bool visible = std::ranges::any_of(node.output(), [&](const std::string& name) { return outputs_.contains(name); });
    const int source = static_cast<int>(builder_.graph().source_nodes.size()) - 1;
    NodeImport import(builder_, node, std::move(attributes), static_cast<int>(opset_), source, source_name, visible, this);
    import.takes_nothing = importer.takes_nothing;
    for (const std::string& name : node.output()) import.output_is_read.push_back(!name.empty() && read_.contains(name));
    OCTET_CHECK(importer.import(import));
    OCTET_CHECK(import.attributes.check_all_read());
    for (int i = 0; i < node.output_size(); ++i)
      if (!node.output(i).empty() && read_.contains(node.output(i)) && !builder_.defined(node.output(i)))
        return unsupported("its output " + std::to_string(i) + " '" + node.output(i) + "' is not supported");
    return {};
  }

  // ---- Branches. Their names are their own: each gets a new one, so that the branches of several nodes may use the same.

  /// What a name means where the innermost branch is.
  [[nodiscard]] const std::string& resolved(const std::string& name) const {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope)
      if (const auto found = scope->find(name); found != scope->end()) return found->second;
    return name;
  }

  /// Gives what a branch makes its new names. They count as made by the outermost node, `index`, so that nothing before it reads them.
  Result<void> open_scope(const onnx::GraphProto& branch, const std::string& owner, int index) {
    Scope& scope = scopes_.emplace_back();
    const auto claim = [&](const std::string& name) -> Result<void> {
      std::string own = owner + "/" + name;
      while (producer_.contains(own)) own += "_";
      const auto [entry, added] = scope.emplace(name, std::move(own));
      if (!added) return invalid("a branch makes '" + name + "' twice");
      names_.push_back(entry->second);
      producer_.emplace(names_.back(), index);
      return {};
    };
    for (const auto& t : branch.initializer()) OCTET_CHECK(claim(t.name()));
    for (const auto& node : branch.node())
      for (const std::string& name : node.output()) {
        if (name.empty()) continue;
        OCTET_CHECK(claim(name));
      }
    const auto reads = [&](const std::string& name) { names_.push_back(resolved(name)), read_.insert(names_.back()); };
    for (const auto& node : branch.node())
      for (const std::string& name : node.input()) reads(name);
    for (const auto& output : branch.output()) reads(output.name());
    return {};
  }

  Result<void> import_branch_nodes(const onnx::GraphProto& branch) {
    OCTET_CHECK(read_initializers(branch));
    for (int i = 0; i < branch.node_size(); ++i) {
      onnx::NodeProto node = branch.node(i);
      for (std::string& name : *node.mutable_input()) name = resolved(name);
      for (std::string& name : *node.mutable_output()) name = resolved(name);
      if (node.name().empty()) node.set_name(name_of(branch.node(i)));
      if (auto ok = import_node(branch_index_, node); !ok) return std::move(ok).error().in("branch " + describe(i, branch.node(i)));
    }
    return {};
  }

  Result<void> import_branch(const onnx::GraphProto& branch, const onnx::NodeProto& node) override {
    if (scopes_.size() == kMostBranches) return unsupported("branches within branches go deeper than " + std::to_string(kMostBranches));
    const int source = static_cast<int>(builder_.graph().source_nodes.size()) - 1;  // the node's own
    OCTET_CHECK(check_names(branch));
    OCTET_CHECK(check_operators(branch));
    OCTET_CHECK(open_scope(branch, name_of(node), branch_index_));
    auto imported = import_branch_nodes(branch);
    std::vector<std::string> results;
    for (const auto& output : branch.output()) results.push_back(resolved(output.name()));
    scopes_.pop_back();
    OCTET_CHECK(imported);
    for (int i = 0; i < node.output_size(); ++i) {
      if (node.output(i).empty()) continue;
      if (!builder_.defined(results[static_cast<std::size_t>(i)])) return invalid("a branch's output '" + branch.output(i).name() + "' does not exist");
      onnx::NodeProto same;
      same.set_op_type("Identity");
      same.add_input(results[static_cast<std::size_t>(i)]);
      same.add_output(node.output(i));
      OCTET_TRY(Attributes none, Attributes::of(same));
      NodeImport import(builder_, same, std::move(none), static_cast<int>(opset_), source, name_of(node), outputs_.contains(node.output(i)));
      OCTET_CHECK(import.alias(0));
    }
    return {};
  }

  /// The tensor of an output; where its source is s8 and it has become u8, what gives the source's bytes.
  Result<int> as_declared(int tensor, const std::string& name) {
    if (builder_.tensor(tensor).type != Type::u8 || !builder_.tensor(tensor).source.s8) return tensor;
    Node back;
    back.name = name;
    schema::LookupT lookup;
    for (unsigned i = 0; i < 256; ++i) lookup.tables.push_back(static_cast<std::uint8_t>(i ^ 0x80U));
    back.attributes.Set(std::move(lookup));
    back.inputs = {tensor};
    builder_.graph().tensors[static_cast<std::size_t>(tensor)].name += "@u8";
    OCTET_TRY(const auto made, builder_.append(std::move(back), {{name, Type::s8}}, false));
    return made[0];
  }

  /// The engine wants the graph's outputs to be written by nodes, one each: where an output is an input or a constant,
  /// a Reshape that changes nothing copies it.
  Result<void> bind_outputs() {
    Graph& graph = builder_.graph();
    const std::set<int> inputs(graph.inputs.begin(), graph.inputs.end());
    for (const auto& output : graph_.output()) {
      if (!builder_.defined(output.name())) return invalid("output '" + output.name() + "' is made by no node");
      OCTET_TRY(int tensor, builder_.tensor_of(output.name()));
      OCTET_TRY(tensor, as_declared(tensor, output.name()));
      if (builder_.tensor(tensor).constant() || inputs.contains(tensor)) {
        Node copy;
        copy.name = output.name();
        schema::ReshapeT same;
        same.shape.assign(builder_.tensor(tensor).shape.size(), 0);
        copy.attributes.Set(std::move(same));
        copy.inputs = {tensor};
        OCTET_TRY(tensor, builder_.append(std::move(copy), output.name(), false));
      }
      graph.outputs.push_back(tensor);
    }
    if (graph.outputs.empty()) return invalid("the graph has no output");
    return {};
  }

  Result<Graph> finish() {
    OCTET_CHECK(builder_.finish_shapes());
    Graph graph = std::move(builder_.graph());
    graph.provenance = model_.provenance();
    graph.provenance.source_bytes += external_.bytes_read();
    graph.provenance.source_hash ^= external_.hash();
    return graph;
  }

  const OnnxModel& model_;
  const onnx::ModelProto& proto_;
  const onnx::GraphProto& graph_;
  const ImportOptions& options_;
  Batch batch_;
  using Scope = std::unordered_map<std::string, std::string>;  // a branch's names -> new ones

  std::int64_t opset_ = 0;
  std::vector<Scope> scopes_;       // of the branches being imported, outermost first
  std::deque<std::string> names_;   // new ones, which producer_ and read_ refer to
  int branch_index_ = 0;            // of the graph's node that is being imported
  std::unordered_map<std::string_view, int> producer_;  // of every value; -1 for inputs and initializers
  std::unordered_set<std::string_view> read_;           // by some node, or as an output of the graph
  std::unordered_set<std::string_view> outputs_;
  std::unordered_set<std::string> fresh_;               // names of values inside expanded nodes
  DynamicQuantization dynamic_;                         // that is undone; only in graphs without branches
  ExternalData external_;
  GraphBuilder builder_;
};

}  // namespace

Result<Graph> import_onnx(const OnnxModel& model, const ImportOptions& options, Batch batch) {
  try {
    Import import(model, options, batch);
    auto graph = import();
    // What the model says for a batch of 1 stands even where it leaves no room for others.
    if (!graph && import.needs_fixed_batch()) return Import(model, options, Batch::fixed)();
    return graph;
  } catch (const std::exception&) {  // bad_alloc, or a container's length_error
    return Error{ErrorCode::run_failed, "out of memory", {}};
  }
}

}  // namespace octet
