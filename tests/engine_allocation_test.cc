// What run() asks of the allocator: nothing, or what oneDNN's own execute does.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/support/quantized_nets.h"
#include "tests/support/small_model.h"

namespace {

std::atomic<long> g_allocations{0};

void* allocate_or_null(std::size_t bytes, std::size_t alignment) noexcept {
  ++g_allocations;
  return alignment <= alignof(std::max_align_t) ? std::malloc(bytes) : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

void* allocate(std::size_t bytes, std::size_t alignment) {
  void* p = allocate_or_null(bytes, alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

}  // namespace

// All forms: a sanitizer's own would not go together with these. GCC 12 sees free() in a delete it has inlined, but not malloc() in a new it
// has not, and takes them for a mismatch.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void* operator new(std::size_t bytes) { return allocate(bytes, 1); }
void* operator new[](std::size_t bytes) { return allocate(bytes, 1); }
void* operator new(std::size_t bytes, std::align_val_t alignment) { return allocate(bytes, static_cast<std::size_t>(alignment)); }
void* operator new[](std::size_t bytes, std::align_val_t alignment) { return allocate(bytes, static_cast<std::size_t>(alignment)); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return allocate_or_null(bytes, 1); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return allocate_or_null(bytes, 1); }
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate_or_null(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate_or_null(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace octet_test {
namespace {

bool library(const octet::Step& step) { return step.kernel.find("onednn") != std::string::npos; }

/// Allocations of each step of a run, after a first one; what comes before the first step counts as its, and what comes after the
/// last is one more entry.
std::vector<long> allocations_of_steps(octet::Session& session, const std::vector<std::vector<std::byte>>& inputs) {
  std::vector<octet::InputTensor> in;
  std::vector<octet::OutputTensor> out;
  std::vector<std::vector<std::byte>> results;
  for (const auto& o : session.outputs()) results.emplace_back(o.size_bytes());
  for (std::size_t i = 0; i < inputs.size(); ++i) in.emplace_back(inputs[i].data(), inputs[i].size(), session.inputs()[i].type);
  for (std::size_t i = 0; i < results.size(); ++i) out.emplace_back(results[i].data(), results[i].size(), session.outputs()[i].type);
  auto& impl = session.impl();
  std::vector<long> after(impl.steps.size() + 1, 0);
  impl.after_step = [&after](std::size_t step) { after[step] = g_allocations; };
  must(session.run(in, out));
  const long before = g_allocations;
  const auto done = session.run(in, out);
  after.back() = g_allocations;
  must(done);
  impl.after_step = nullptr;
  for (std::size_t i = after.size(); i-- > 0;) after[i] -= i == 0 ? before : after[i - 1];
  return after;
}

TEST_CASE("the counter counts") {
  const long before = g_allocations;
  { const std::vector<int> values(100); }
  CHECK(g_allocations == before + 1);
}

TEST_CASE("run() allocates nothing but what oneDNN does") {
  long without = 0;
  for (const Net& net : quantized_nets(2))
    for (const auto isa : octet::kernels::available_isas())
      for (const int threads : {1, 2})
        for (const int batch : {1, 5}) {
          octet::SessionOptions options;
          options.isa = octet::kernels::name_of(isa);
          options.threads = threads;
          options.batch = batch;
          auto session = must(net.model.session(options));
          const auto allocations = allocations_of_steps(session, random_inputs(net.model, static_cast<std::size_t>(batch), 7));
          const auto& steps = session.impl().steps;
          without += std::ranges::none_of(steps, [](const auto& s) { return library(s.step); }) ? 1 : 0;
          for (std::size_t i = 0; i < allocations.size(); ++i) {
            if (i < steps.size() && library(steps[i].step)) continue;
            INFO(net.name, ", ", options.isa, ", ", threads, " threads, batch ", batch, ", step ", i);
            CHECK(allocations[i] == 0);
          }
        }
  CHECK(without > 0);
}

TEST_CASE("a step of oneDNN allocates what its execute does: six times for a product in 2.6.3") {
  constexpr long kLibraryAllocations = 6;
  Random random(1);
  GraphBuilder b;
  const int x = b.input("x", Type::f32, {1, 64});
  const int w = b.constant("w", {32, 64}, random.reals(32 * 64, -1, 1));
  b.node("dense", octet::schema::FullyConnectedT{}, {x, w});
  auto session = must(must(b.model()).session());
  for (const long count : allocations_of_steps(session, {bytes_of(random.reals(64, -1, 1))})) CHECK(count <= kLibraryAllocations);
}

}  // namespace
}  // namespace octet_test
