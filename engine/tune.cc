#include "engine/tune.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <limits>

namespace octet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kTurn = std::chrono::microseconds(1500);
constexpr int kTurns = 3;
constexpr auto kWholeSession = std::chrono::seconds(5);
/// What rules prefer stays unless another kernel is clearly faster: clocks are noisy.
constexpr double kClearly = 0.97;

/// The tensors of one node, and a scratch that is large enough for every kernel.
class Tensors {
 public:
  Tensors(const NodeView& node, std::size_t tensor_count, std::size_t scratch_bytes) : addresses_(tensor_count, nullptr) {
    for (std::size_t i = 0; i < node.input_count(); ++i) {
      if (!node.has_input(i)) continue;
      const Tensor& t = node.input(i);
      if (t.constant()) {
        // Constants are only ever read; the table of addresses is shared with what is written.
        addresses_[static_cast<std::size_t>(node.input_index(i))] = const_cast<std::byte*>(t.data.bytes().data());
      } else {
        add(node.input_index(i), node.input_shape(i), t.type);
      }
    }
    add(node.output_index(), node.output_shape(), node.output().type);
    scratch_ = allocate(scratch_bytes);
  }

  [[nodiscard]] static std::size_t bytes(const Shape& shape, Type type) { return static_cast<std::size_t>(element_count(shape)) * size_of(type); }

  [[nodiscard]] Buffers buffers() const noexcept { return {addresses_.data(), scratch_}; }

 private:
  /// Bytes that neither are all the same nor make an f32 that is not a number.
  std::byte* allocate(std::size_t size) {
    constexpr std::size_t kAlignment = 64;
    auto& block = blocks_.emplace_back(size + kAlignment);
    std::uint32_t state = 1;
    for (std::byte& b : block) b = static_cast<std::byte>((state = state * 1664525U + 1013904223U) >> 25U);
    const auto address = reinterpret_cast<std::uintptr_t>(block.data());
    return block.data() + (kAlignment - address % kAlignment) % kAlignment;
  }
  void add(int index, const Shape& shape, Type type) { addresses_[static_cast<std::size_t>(index)] = allocate(bytes(shape, type)); }

  std::vector<std::vector<std::byte>> blocks_;
  std::vector<std::byte*> addresses_;
  std::byte* scratch_ = nullptr;
};

std::size_t bytes_needed(const NodeView& node, std::size_t scratch_bytes) {
  std::size_t sum = scratch_bytes + Tensors::bytes(node.output_shape(), node.output().type);
  for (std::size_t i = 0; i < node.input_count(); ++i)
    if (node.has_input(i)) sum += Tensors::bytes(node.input_shape(i), node.input(i).type);
  return sum;
}

/// The shortest run of one turn, in nanoseconds.
double turn(const Step& step, const Buffers& buffers) noexcept {
  double best = std::numeric_limits<double>::infinity();
  const auto end = Clock::now() + kTurn;
  for (auto start = Clock::now(); start < end;) {
    if (step.function(step.parameters.get(), buffers) != nullptr) return std::numeric_limits<double>::infinity();
    const auto now = Clock::now();
    best = std::min(best, std::chrono::duration<double, std::nano>(now - start).count());
    start = now;
  }
  return best;
}

std::string times(const std::vector<Step*>& steps, const std::vector<double>& best) {
  std::string text = "timed:";
  for (std::size_t k = 0; k < steps.size(); ++k) {
    char us[32];
    std::snprintf(us, sizeof us, " %.2f us", best[k] / 1e3);
    text += (k == 0 ? " " : ", ") + steps[k]->kernel + us;
  }
  return text;
}

}  // namespace

void Tuner::choose(const NodeView& node, Step& step, std::vector<Step>& others) {
  // A kernel on OpenMP's threads would take the session's own ones from every other layer.
  std::erase_if(others, [&](const Step& o) { return o.openmp && !step.openmp; });
  if (others.empty() || used_ > kWholeSession) return;
  std::size_t scratch = step.scratch_bytes;
  for (const Step& o : others) scratch = std::max(scratch, o.scratch_bytes);
  if (bytes_needed(node, scratch) > memory_limit_bytes_) return;

  const auto start = Clock::now();
  const Tensors tensors(node, session_.graph().tensors.size(), scratch);
  std::vector<Step*> steps = {&step};
  for (Step& o : others) steps.push_back(&o);
  std::vector<double> best(steps.size(), std::numeric_limits<double>::infinity());
  for (int t = 0; t < kTurns; ++t)
    for (std::size_t k = 0; k < steps.size(); ++k) {
      const kernels::TeamScope scope(steps[k]->openmp ? nullptr : session_.team.get());
      best[k] = std::min(best[k], turn(*steps[k], tensors.buffers()));
    }
  used_ += Clock::now() - start;
  const std::string why = times(steps, best);
  const auto fastest = static_cast<std::size_t>(std::ranges::min_element(best) - best.begin());
  if (best[fastest] < kClearly * best[0]) step = std::move(*steps[fastest]);
  step.why = why;
}

}  // namespace octet
