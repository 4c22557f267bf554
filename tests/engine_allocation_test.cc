// What run() asks of the allocator: nothing, or what oneDNN's own execute does.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/support/quantized_nets.h"
#include "tests/support/small_model.h"

namespace {

std::atomic<long> g_allocations{0};

void* allocate(std::size_t bytes, std::size_t alignment) {
  ++g_allocations;
  void* p = alignment <= alignof(std::max_align_t) ? std::malloc(bytes) : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

}  // namespace

// Every form that is not replaced here calls one of these.
void* operator new(std::size_t bytes) { return allocate(bytes, 1); }
void* operator new[](std::size_t bytes) { return allocate(bytes, 1); }
void* operator new(std::size_t bytes, std::align_val_t alignment) { return allocate(bytes, static_cast<std::size_t>(alignment)); }
void* operator new[](std::size_t bytes, std::align_val_t alignment) { return allocate(bytes, static_cast<std::size_t>(alignment)); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace octet_test {
namespace {

/// Of one execute of oneDNN 2.6.3.
constexpr long kLibraryAllocations = 6;

long library_steps(const octet::Session& session) {
  return std::ranges::count_if(session.impl().steps, [](const auto& s) { return s.step.kernel.find("onednn") != std::string::npos; });
}

/// Allocations of one run, after a first one.
long allocations_of_a_run(octet::Session& session, const std::vector<std::vector<std::byte>>& inputs) {
  std::vector<octet::InputTensor> in;
  std::vector<octet::OutputTensor> out;
  std::vector<std::vector<std::byte>> results;
  for (const auto& o : session.outputs()) results.emplace_back(o.size_bytes());
  for (std::size_t i = 0; i < inputs.size(); ++i) in.emplace_back(inputs[i].data(), inputs[i].size(), session.inputs()[i].type);
  for (std::size_t i = 0; i < results.size(); ++i) out.emplace_back(results[i].data(), results[i].size(), session.outputs()[i].type);
  must(session.run(in, out));
  const long before = g_allocations;
  const auto done = session.run(in, out);
  const long after = g_allocations;
  must(done);
  return after - before;
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
          INFO(net.name, ", ", options.isa, ", ", threads, " threads, batch ", batch);
          const long library = library_steps(session);
          without += library == 0 ? 1 : 0;
          CHECK(allocations_of_a_run(session, random_inputs(net.model, static_cast<std::size_t>(batch), 7)) <= kLibraryAllocations * library);
        }
  CHECK(without > 0);
}

}  // namespace
}  // namespace octet_test
