#include "engine/plan.h"

#include <algorithm>
#include <array>
#include <map>
#include <new>

#include "engine/memory_plan.h"
#include "engine/tune.h"
#include "engine/work.h"

namespace octet {
namespace {

constexpr std::size_t kAlignment = 64;

class Planner {
 public:
  Planner(Session::Impl& session, const SessionOptions& options, const SessionTools& tools)
      : s_(session), g_(session.graph()), options_(options), tools_(tools), root_(g_.tensors.size()), owner_(g_.tensors.size(), Owner::arena) {
    for (std::size_t i = 0; i < root_.size(); ++i) root_[i] = static_cast<int>(i);
  }

  Result<void> operator()() {
    OCTET_CHECK(share_out_batch());
    find_owners();
    if (threads_ > 1) s_.team = std::make_unique<kernels::Team>(threads_);
    OCTET_CHECK(prepare_steps());
    // A layer that brings OpenMP's threads takes them to all: both kinds would be in each other's way.
    if (std::ranges::any_of(s_.steps, [](const auto& s) { return s.step.openmp; })) s_.team = nullptr;
    if (!tools_.keep_tensors) {
      if (!tools_.stepwise) fuse_tails();
      share_in_place();
    }
    find_caller_tensors();
    return place();
  }

 private:
  enum class Owner { arena, caller, constant, nobody };

  [[nodiscard]] std::size_t bytes_of(std::size_t tensor) const {
    return static_cast<std::size_t>(element_count(s_.shapes[tensor])) * size_of(g_.tensors[tensor].type);
  }

  /// Threads that each take a share of the batch through all layers neither wait for each other nor fetch what another one has
  /// just written, as those do that share a layer. And a share of many samples is taken through the layers in several passes.
  Result<void> share_out_batch() {
    threads_ = std::min(s_.threads, kernels::available_cpus());
    OCTET_TRY(s_.shapes, infer_shapes(g_, options_.batch));
    if (tools_.keep_tensors || tools_.stepwise || !std::ranges::all_of(g_.outputs, [&](int i) { return g_.tensors[at(i)].batched; })) return {};
    if (options_.batch % threads_ == 0 && kernels::worthwhile_threads(threads_, whole_nanoseconds()) == threads_) lanes_ = threads_;
    if (lanes_ < threads_) return {};  // threads that share layers want large ones
    s_.passes = lanes_ * passes_of(options_.batch / lanes_);
    OCTET_TRY(s_.shapes, infer_shapes(g_, options_.batch / s_.passes));
    return {};
  }

  /// In how many passes to take `samples`. What goes from layer to layer is to stay near the core, unless the weights, which every
  /// pass reads again, are more. Measured with AVX-512 VNNI, us a sample in passes of 1, 2, 4, 8, 16: mobilenet_v2 (3.9 MB of
  /// weights, 1.5 MB a sample) 984, 983, 1017, 1075, 1162; resnet50 (26 MB, 1.8 MB) 8671, 8469, 8225, 8142, 8434.
  [[nodiscard]] std::int64_t passes_of(std::int64_t samples) const {
    constexpr double kCoreCache = 1 << 20;
    double weights = 0;
    for (const Tensor& t : g_.tensors) weights += static_cast<double>(t.data.bytes().size());
    const double of_batch = largest_step_bytes() / static_cast<double>(options_.batch);
    std::int64_t passes = 1;
    while (passes < samples && (samples % passes != 0 || static_cast<double>(samples / passes) * of_batch > std::max(weights, kCoreCache))) ++passes;
    return passes;
  }

  /// Of what a node reads and writes, constants left out.
  [[nodiscard]] double largest_step_bytes() const {
    double most = 0;
    for (const Node& node : g_.nodes) {
      double sum = 0;
      const auto add = [&](int t) { sum += t == kAbsent || g_.tensors[at(t)].constant() ? 0 : static_cast<double>(bytes_of(at(t))); };
      std::ranges::for_each(node.inputs, add);
      std::ranges::for_each(node.outputs, add);
      most = std::max(most, sum);
    }
    return most;
  }

  [[nodiscard]] double whole_nanoseconds() const {
    double sum = 0;
    for (const Node& node : g_.nodes) sum += estimated_nanoseconds(*find_operator(node.op()), NodeView(g_, node, s_.shapes), s_.isa);
    return sum;
  }

  void find_owners() {
    for (std::size_t i = 0; i < g_.tensors.size(); ++i)
      if (g_.tensors[i].constant()) owner_[i] = Owner::constant;
    for (const int i : g_.inputs) owner_[at(i)] = Owner::caller;
    for (const int i : g_.outputs) owner_[at(i)] = Owner::caller;
  }

  /// A Reshape moves nothing: its output is its input's memory, unless the output is the caller's.
  bool alias(const Node& node) {
    const std::size_t out = at(node.outputs[0]);
    if (node.op() != schema::Operator::Reshape || owner_[out] != Owner::arena) return false;
    root_[out] = root_[at(node.inputs[0])];
    owner_[out] = owner_[at(root_[out])];
    return true;
  }

  /// Kernels that packed nothing read the model's constants in place.
  [[nodiscard]] std::size_t constant_bytes(const Node& node) const {
    std::size_t bytes = 0;
    for (const int i : node.inputs)
      if (i != kAbsent) bytes += g_.tensors[at(i)].data.bytes().size();
    return bytes;
  }

  Result<void> prepare_steps() {
    Tuner tuner(s_, options_.memory_limit_bytes);
    for (std::size_t n = 0; n < g_.nodes.size(); ++n) {
      const Node& node = g_.nodes[n];
      if (alias(node)) continue;
      const OperatorInfo& info = *find_operator(node.op());
      const NodeView view(g_, node, s_.shapes);
      std::vector<Step> others;
      const int threads = lanes_ > 1 ? 1 : threads_for(info, view, s_.isa, s_.threads);
      auto step = info.prepare(view, {s_.isa, threads, lanes_, options_.tune ? &others : nullptr});
      if (!step) return std::move(step).error().in(describe(g_, n));
      if (!others.empty()) tuner.choose(view, *step, others);
      s_.weight_bytes += step->packed_bytes != 0 ? step->packed_bytes : constant_bytes(node);
      // Now, not when all is packed: a small file may hold many nodes with large tables.
      if (s_.weight_bytes > options_.memory_limit_bytes) return over_limit(s_.weight_bytes);
      s_.steps.push_back({*std::move(step), n, std::nullopt, 0});
    }
    return {};
  }

  /// A step whose output is read by one other only, which has all else it reads by then, does that one's work as well, where its
  /// kernel can.
  void fuse_tails() {
    std::vector<std::size_t> reads(g_.tensors.size(), 0);
    std::vector<std::size_t> reader(g_.tensors.size(), 0);  // the last step that reads it: of what only a Reshape reads, none
    std::vector<std::size_t> made(g_.tensors.size(), 0);    // of each root, the number of steps after which it is there
    for (const Node& node : g_.nodes)
      for (const int t : node.inputs)
        if (t != kAbsent) ++reads[at(t)];
    for (std::size_t i = 0; i < s_.steps.size(); ++i) {
      for (const int t : g_.nodes[s_.steps[i].node].inputs)
        if (t != kAbsent) reader[at(t)] = i;
      for (const int t : g_.nodes[s_.steps[i].node].outputs)
        if (t != kAbsent) made[at(root_[at(t)])] = i + 1;
    }
    for (std::size_t i = 0; i < s_.steps.size(); ++i) {
      const int out = g_.nodes[s_.steps[i].node].outputs[0];
      if (owner_[at(out)] != Owner::arena || reads[at(out)] != 1 || reader[at(out)] <= i) continue;
      auto& next = s_.steps[reader[at(out)]];
      const auto ready = [&](int t) { return t == kAbsent || t == out || made[at(root_[at(t)])] <= i; };
      if (std::ranges::all_of(g_.nodes[next.node].inputs, ready) && fuse(s_.steps[i], next)) owner_[at(out)] = Owner::nobody;
    }
    std::erase_if(s_.steps, [](const auto& s) { return s.step.function == nullptr; });
  }

  /// Whether `step` now does the work of `next`, too, which has no function any more.
  bool fuse(Session::Impl::PlannedStep& step, Session::Impl::PlannedStep& next) {
    const std::vector<int>& inputs = g_.nodes[next.node].inputs;
    const auto input = static_cast<std::size_t>(std::ranges::find(inputs, g_.nodes[step.node].outputs[0]) - inputs.begin());
    if (!step.step.with_tail || input >= next.step.as_tail.size() || !next.step.as_tail[input]) return false;
    auto fused = step.step.with_tail(*next.step.as_tail[input]);
    if (!fused) return false;
    step.step.function = fused->function;
    step.step.parameters = std::move(fused->parameters);
    step.step.scratch_bytes = fused->scratch_bytes;
    step.step.kernel += " + " + next.step.kernel;
    step.tail = next.node;
    next.step.function = nullptr;
    return true;
  }

  /// f(t) for every tensor a step reads or writes; kAbsent and tensors that are nowhere among them.
  template <class F>
  void for_each_tensor(const Session::Impl::PlannedStep& step, const F& f) const {
    for (const std::optional<std::size_t> n : {std::optional(step.node), step.tail}) {
      if (!n) continue;
      for (const int t : g_.nodes[*n].inputs) f(t);
      for (const int t : g_.nodes[*n].outputs) f(t);
    }
  }

  /// Elementwise steps write over an input of the output's own size that nobody reads afterwards: element i needs no other one.
  void share_in_place() {
    constexpr std::array kElementwise = {schema::Operator::Lookup, schema::Operator::Pointwise, schema::Operator::Add,
                                         schema::Operator::Sub,    schema::Operator::Mul,       schema::Operator::Binary};
    std::vector<std::size_t> last(g_.tensors.size(), 0);  // of each root, the last step that touches it
    for (std::size_t i = 0; i < s_.steps.size(); ++i)
      for_each_tensor(s_.steps[i], [&](int t) {
        if (t != kAbsent) last[at(root_[at(t)])] = i;
      });
    for (std::size_t i = 0; i < s_.steps.size(); ++i) {
      const Node& node = g_.nodes[s_.steps[i].tail.value_or(s_.steps[i].node)];
      if (std::ranges::find(kElementwise, node.op()) == kElementwise.end()) continue;
      for (const int input : node.inputs)
        if (may_overwrite(node, input, i, last)) {
          merge(node.outputs[0], root_[at(input)], last);
          break;
        }
    }
  }

  [[nodiscard]] bool may_overwrite(const Node& node, int input, std::size_t step, const std::vector<std::size_t>& last) const {
    const int out = node.outputs[0];
    if (input == kAbsent || owner_[at(out)] != Owner::arena || owner_[at(input)] != Owner::arena) return false;
    const int root = root_[at(input)];
    if (last[at(root)] != step || bytes_of(at(root)) != bytes_of(at(out))) return false;
    // A product with a tail reads its own input wherever it likes.
    if (const auto& s = s_.steps[step]; s.tail && std::ranges::any_of(g_.nodes[s.node].inputs, [&](int t) { return t != kAbsent && root_[at(t)] == root; }))
      return false;
    // Every operand in that memory must have its elements where the output has them.
    return std::ranges::all_of(node.inputs, [&](int other) {
      return other == kAbsent || root_[at(other)] != root ||
             (s_.shapes[at(other)] == s_.shapes[at(out)] && g_.tensors[at(other)].type == g_.tensors[at(out)].type);
    });
  }

  /// The output, and what already shares its memory, moves into the root's.
  void merge(int out, int root, std::vector<std::size_t>& last) {
    last[at(root)] = last[at(out)];
    for (int& r : root_)
      if (r == out) r = root;
  }

  /// One block for each tensor of the arena, from the step that writes it to the last that reads it, and one for each
  /// step's scratch.
  Result<void> place() {
    std::vector<Lifetime> blocks;
    std::map<int, std::size_t> block_of;  // by root tensor
    const auto touch = [&](int tensor, std::size_t step) {
      if (tensor == kAbsent || owner_[at(tensor)] != Owner::arena) return;
      const int root = root_[at(tensor)];
      const auto [where, fresh] = block_of.try_emplace(root, blocks.size());
      if (fresh) blocks.push_back({bytes_of(at(root)), step, step});
      blocks[where->second].last = step;
    };
    for (std::size_t i = 0; i < s_.steps.size(); ++i) for_each_tensor(s_.steps[i], [&](int t) { touch(t, i); });
    const std::size_t tensors = blocks.size();
    if (tools_.keep_tensors)
      for (Lifetime& b : blocks) b = {b.bytes, 0, s_.steps.size()};
    for (std::size_t i = 0; i < s_.steps.size(); ++i) blocks.push_back({s_.steps[i].step.scratch_bytes, i, i});
    for (const Lifetime& b : blocks)
      if (b.bytes > options_.memory_limit_bytes) return over_limit(b.bytes);
    const MemoryPlan plan = plan_memory(blocks);
    const auto lanes = static_cast<std::size_t>(lanes_);
    if (plan.arena_bytes > (options_.memory_limit_bytes - s_.weight_bytes) / lanes) return over_limit(lanes * plan.arena_bytes + s_.weight_bytes);
    s_.arena_bytes = lanes * plan.arena_bytes;
    s_.arena = {static_cast<std::byte*>(::operator new[](std::max(s_.arena_bytes, kAlignment), std::align_val_t{kAlignment})),
                [](std::byte* p) { ::operator delete[](p, std::align_val_t{kAlignment}); }};
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      std::byte* const arena = s_.arena.get() + lane * plan.arena_bytes;
      std::vector<std::byte*> buffers(g_.tensors.size(), nullptr);
      for (std::size_t i = 0; i < buffers.size(); ++i) {
        const std::size_t root = at(root_[i]);
        // Constants are only ever read; the table of addresses is shared with what is written.
        if (owner_[i] == Owner::constant) buffers[i] = const_cast<std::byte*>(g_.tensors[root].data.bytes().data());
        const auto block = block_of.find(root_[i]);
        if (owner_[i] == Owner::arena && block != block_of.end()) buffers[i] = arena + plan.offsets[block->second];
      }
      s_.lanes.push_back({std::move(buffers), arena});
    }
    for (std::size_t i = 0; i < s_.steps.size(); ++i) s_.steps[i].scratch = plan.offsets[tensors + i];
    return {};
  }

  void find_caller_tensors() {
    std::vector<int> positions = g_.inputs;
    positions.insert(positions.end(), g_.outputs.begin(), g_.outputs.end());
    s_.bound.assign(positions.size(), nullptr);
    for (std::size_t i = 0; i < g_.tensors.size(); ++i)
      if (const auto owner = std::ranges::find(positions, root_[i]); owner != positions.end() && owner_[i] == Owner::caller)
        s_.caller_tensors.push_back({static_cast<int>(i), static_cast<std::size_t>(owner - positions.begin()), bytes_of(at(root_[i]))});
  }

  [[nodiscard]] Error over_limit(std::size_t bytes) const {
    return Error{ErrorCode::run_failed, "needs " + std::to_string(bytes) + " bytes, more than the limit of " +
                                            std::to_string(options_.memory_limit_bytes), {}};
  }

  Session::Impl& s_;
  const Graph& g_;
  const SessionOptions& options_;
  const SessionTools& tools_;
  std::vector<int> root_;  // of each tensor, the one whose memory it shares
  std::vector<Owner> owner_;
  int threads_ = 1;  ///< of the session
  int lanes_ = 1;
};

}  // namespace

Result<void> plan_session(Session::Impl& session, const SessionOptions& options, const SessionTools& tools) {
  return Planner(session, options, tools)();
}

}  // namespace octet
