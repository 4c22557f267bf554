// What run() asks of the allocator: nothing, or what oneDNN's own execute does; and what loading a model asks of it at most.
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/support/quantized_nets.h"
#include "tests/support/small_model.h"
#include "tests/support/temp_dir.h"

namespace {

std::atomic<long> g_allocations{0};
std::atomic<std::size_t> g_live_bytes{0}, g_peak_bytes{0};

void* allocate_or_null(std::size_t bytes, std::size_t alignment) noexcept {
  ++g_allocations;
  void* p = alignment <= alignof(std::max_align_t) ? std::malloc(bytes) : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  const std::size_t live = g_live_bytes += p == nullptr ? 0 : malloc_usable_size(p);
  for (std::size_t peak = g_peak_bytes; peak < live && !g_peak_bytes.compare_exchange_weak(peak, live);) {
  }
  return p;
}

void release(void* p) noexcept {
  if (p == nullptr) return;
  g_live_bytes -= malloc_usable_size(p);
  std::free(p);
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
void operator delete(void* p) noexcept { release(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { release(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { release(p); }
void operator delete[](void* p) noexcept { release(p); }
void operator delete(void* p, std::size_t) noexcept { release(p); }
void operator delete[](void* p, std::size_t) noexcept { release(p); }
void operator delete(void* p, std::align_val_t) noexcept { release(p); }
void operator delete[](void* p, std::align_val_t) noexcept { release(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { release(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { release(p); }

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

/// Weights of a megabyte and a half in layers of each kind of kernel.
Model heavy_model() {
  NetBuilder b(11);
  int x = b.input("x", Type::u8, {1, 16, 16, 3}, affine(0.02F, 117));
  x = b.conv("first", x, 3, {.out_c = 128});
  x = b.conv("full", x, 128, {.out_c = 256, .even = true});
  x = b.conv("depthwise", x, 256, {.out_c = 256, .groups = 256, .even = true});
  x = b.conv("pointwise", x, 256, {.out_c = 512, .kernel_h = 1, .kernel_w = 1, .pad = 0});
  x = b.conv("grouped", x, 512, {.out_c = 512, .stride = 4, .groups = 2});
  octet::schema::ReshapeT flat;
  flat.shape = {0, -1};
  x = b.node("flat", flat, {x}, Type::u8, b.quant(x));
  b.dense("scores", x, octet::element_count(must(b.model()).outputs()[0].shape), {.out_c = 10, .real = true});
  return must(b.model());
}

TEST_CASE("loading a model takes no more than the file, the packed weights and the arena") {
  const TempDir dir;
  const std::string path = dir.file("heavy.octet");
  const auto file = static_cast<std::size_t>(must(octet::save(heavy_model(), path)));
  constexpr std::size_t kTables = 128 << 10U;  // names, shapes, steps, tables of offsets
  for (const auto isa : octet::kernels::available_isas()) {
    octet::SessionOptions options;
    options.isa = octet::kernels::name_of(isa);
    options.batch = 4;
    const std::size_t before = g_live_bytes;
    g_peak_bytes = before;
    const auto session = must(must(Model::load(path)).session(options));
    const std::size_t most = g_peak_bytes - before;
    INFO(options.isa, ": file ", file, ", weights ", session.weight_bytes(), ", arena ", session.arena_bytes(), ", peak ", most);
    CHECK(file > 10 * kTables);
    CHECK(most <= file + session.weight_bytes() + session.arena_bytes() + kTables);
  }
}

}  // namespace
}  // namespace octet_test
