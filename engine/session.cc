#include "engine/session.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "engine/plan.h"
#include "kernels/parallel.h"

namespace octet {
namespace {

constexpr int kMaxThreads = 1024;
constexpr int kMaxBatch = 1 << 20;

Error bad_argument(std::string message) { return Error{ErrorCode::invalid_argument, std::move(message), {}}; }

/// The position of a tensor among `infos`: by its name if it has one, else `position`.
template <class T>
Result<std::size_t> find(const T& tensor, std::size_t position, const std::vector<TensorInfo>& infos, const char* what) {
  if (tensor.name.empty()) return position;
  for (std::size_t i = 0; i < infos.size(); ++i)
    if (infos[i].name == tensor.name) return i;
  return bad_argument(std::string("the model has no ") + what + " '" + std::string(tensor.name) + "'");
}

/// Puts the caller's addresses where they belong, in the order of `infos`.
template <class T>
Result<void> bind_all(std::span<const T> tensors, const std::vector<TensorInfo>& infos, const char* what, std::byte** bound) {
  if (tensors.size() != infos.size())
    return bad_argument("the model has " + std::to_string(infos.size()) + " " + what + "s, " + std::to_string(tensors.size()) + " were given");
  static std::byte nothing{};  // where tensors without elements are that have no address
  std::fill_n(bound, infos.size(), nullptr);
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    OCTET_TRY(const std::size_t position, find(tensors[k], k, infos, what));
    const TensorInfo& info = infos[position];
    const auto complain = [&](const std::string& message) { return bad_argument(std::string(what) + " '" + info.name + "' " + message); };
    if (tensors[k].type != info.type) return complain(std::string("is ") + name_of(info.type) + ", not " + name_of(tensors[k].type));
    if (tensors[k].size_bytes != info.size_bytes())
      return complain("has " + std::to_string(info.size_bytes()) + " bytes, not " + std::to_string(tensors[k].size_bytes));
    if (tensors[k].data == nullptr && tensors[k].size_bytes != 0) return complain("has no data");
    if (bound[position] != nullptr) return complain("was given twice");
    // Inputs are only read: the table of addresses is shared with what is written.
    bound[position] = tensors[k].data == nullptr ? &nothing : static_cast<std::byte*>(const_cast<void*>(static_cast<const void*>(tensors[k].data)));
  }
  return {};
}

std::vector<TensorInfo> infos_at(const Graph& graph, const std::vector<int>& indices, const std::vector<Shape>& shapes) {
  std::vector<TensorInfo> infos;
  for (const int i : indices) {
    const auto k = static_cast<std::size_t>(i);
    infos.push_back({graph.tensors[k].name, graph.tensors[k].type, shapes[k], graph.tensors[k].batched});
  }
  return infos;
}

Result<void> check_options(const Graph& graph, const SessionOptions& options) {
  if (options.threads < 1 || options.threads > kMaxThreads) return bad_argument("threads must be 1.." + std::to_string(kMaxThreads));
  if (options.batch < 1 || options.batch > kMaxBatch) return bad_argument("batch must be 1.." + std::to_string(kMaxBatch));
  for (const int i : graph.inputs)
    if (options.batch != 1 && !graph.tensors[static_cast<std::size_t>(i)].batched)
      return bad_argument("the model's batch is fixed at 1");
  return {};
}

Result<Session> make(const Model& model, const SessionOptions& options, const SessionTools& tools) {
  const Graph& graph = model.impl().graph;
  OCTET_CHECK(check_options(graph, options));
  auto impl = std::make_unique<Session::Impl>();
  OCTET_TRY(impl->isa, isa_cap(options.isa));
  impl->model = model.shared_impl();
  impl->made_after_fork = kernels::forked();
  impl->threads = impl->made_after_fork ? 1 : options.threads;
  OCTET_TRY(const std::vector<Shape> shapes, infer_shapes(graph, options.batch));
  impl->inputs = infos_at(graph, graph.inputs, shapes);
  impl->outputs = infos_at(graph, graph.outputs, shapes);
  OCTET_CHECK(plan_session(*impl, options, tools));
  return Session(std::move(impl));
}

}  // namespace

Result<kernels::Isa> isa_cap(const std::string& name) {
  const char* environment = std::getenv("OCTET_ISA");
  const std::string wanted = !name.empty() ? name : environment != nullptr ? environment : "";
  if (wanted.empty()) return kernels::best_isa();
  kernels::Isa isa{};
  if (!kernels::parse_isa(wanted, isa))
    return bad_argument("OCTET_ISA '" + wanted + "' is none of reference, avx2, avxvnni, avx512, avx512vnni, amx");
  if (!kernels::cpu_has(isa)) return bad_argument("OCTET_ISA '" + wanted + "': this CPU does not have it");
  return isa;
}

Result<void> Session::Impl::bind(std::span<const InputTensor> given_inputs, std::span<const OutputTensor> given_outputs) {
  OCTET_CHECK(bind_all(given_inputs, inputs, "input", bound.data()));
  return bind_all(given_outputs, outputs, "output", bound.data() + inputs.size());
}

void Session::Impl::run_passes(std::size_t index, std::int64_t begin, std::int64_t end) {
  Lane& lane = lanes[index];
  for (std::int64_t pass = begin; pass < end; ++pass) {
    for (const CallerTensor& t : caller_tensors)
      lane.buffers[static_cast<std::size_t>(t.tensor)] = bound[t.position] + static_cast<std::size_t>(pass) * t.bytes;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const PlannedStep& s = steps[i];
      lane.failure = s.step.function(s.step.parameters.get(), {lane.buffers.data(), lane.arena + s.scratch, static_cast<int>(index)});
      if (lane.failure != nullptr) {
        lane.failed_step = i;
        return;
      }
      if (after_step) after_step(i);
    }
  }
}

Result<void> Session::Impl::run(std::span<const InputTensor> given_inputs, std::span<const OutputTensor> given_outputs) {
  if (kernels::forked() && !made_after_fork && threads > 1)
    return Error{ErrorCode::run_failed, "this session's threads did not survive fork(): make a new session in the child", {}};
  OCTET_CHECK(bind(given_inputs, given_outputs));
  const kernels::RoundingScope rounding;
  const kernels::TeamScope scope(team.get());
  for (Lane& lane : lanes) lane.failure = nullptr;
  if (after_step) {
    run_passes(0, 0, passes);
  } else {
    kernels::parallel_pieces(static_cast<int>(lanes.size()), passes, [this](std::int64_t lane, std::int64_t begin, std::int64_t end) noexcept {
      run_passes(static_cast<std::size_t>(lane), begin, end);
    });
  }
  for (const Lane& lane : lanes)
    if (lane.failure != nullptr) return Error{ErrorCode::run_failed, lane.failure, describe(graph(), steps[lane.failed_step].node)};
  return {};
}

Result<Session> make_session(const Model& model, const SessionOptions& options, const SessionTools& tools) {
  try {
    const kernels::RoundingScope rounding;  // multipliers are part of the contract, too
    return make(model, options, tools);
  } catch (const std::exception&) {  // bad_alloc, or a container's length_error
    return Error{ErrorCode::run_failed, "out of memory", {}};
  }
}

Result<Session> Model::session(const SessionOptions& options) const { return make_session(*this, options, {}); }

Session::Session(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<void> Session::run(std::span<const InputTensor> inputs, std::span<const OutputTensor> outputs) {
  try {
    return impl_->run(inputs, outputs);
  } catch (const std::exception&) {  // only error messages and copies of outputs allocate
    return Error{ErrorCode::run_failed, "out of memory", {}};
  }
}

const std::vector<TensorInfo>& Session::inputs() const noexcept { return impl_->inputs; }
const std::vector<TensorInfo>& Session::outputs() const noexcept { return impl_->outputs; }
std::size_t Session::arena_bytes() const noexcept { return impl_->arena_bytes; }
std::size_t Session::weight_bytes() const noexcept { return impl_->weight_bytes; }
std::string Session::isa() const { return kernels::name_of(impl_->isa); }

}  // namespace octet
