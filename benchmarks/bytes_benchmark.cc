// What the engine takes for whatever is no product, under the cap of each instruction set that this CPU has, on one thread, over shapes of
// real networks. Counters of each:
//   GB/s    bytes read and written a second
//   l2      their share of what this machine reads from L2, measured when the program starts: what is larger than L1 cannot go beyond about 1
//   onednn  oneDNN's time for the same over the kernel's: above 1 the kernel is the faster one. Only where oneDNN has such a primitive
//
//   bytes_benchmark --benchmark_filter=max_pool
#include <benchmark/benchmark.h>

#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "benchmarks/onednn_peers.h"
#include "benchmarks/peak.h"
#include "kernels/dynamic/dynamic.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/layout/transpose.h"
#include "kernels/lut/lut.h"
#include "kernels/norm/norm.h"
#include "kernels/parallel.h"
#include "kernels/pool/pool.h"
#include "kernels/requantize/requantize.h"
#include "kernels/softmax/softmax.h"

namespace {

using namespace octet::kernels;

/// What a row of the table computes; it owns its data.
struct Work {
  std::function<void()> run;
  double bytes = 0;    ///< read and written
  double onednn = 0;   ///< seconds
};

/// Data of any of these kernels: `n` elements of each type, more than any shape here has.
struct Data {
  static constexpr std::size_t kMost = 1 << 20;
  std::vector<std::uint8_t> a, b, y;
  std::vector<float> real, out;
  std::vector<std::int32_t> sums;

  Data() : a(kMost), b(kMost), y(kMost), real(kMost), out(kMost), sums(kMost) {
    for (std::size_t i = 0; i < kMost; ++i) {
      a[i] = static_cast<std::uint8_t>(i * 37), b[i] = static_cast<std::uint8_t>(i * 59);
      real[i] = static_cast<float>(i * 7919 % 1009) * 0.01F - 5;
      sums[i] = static_cast<std::int32_t>(i * 7919 % 100'003) - 50'000;
    }
  }
};

Data& data() {
  static Data d;
  return d;
}

PoolShape pool_shape(std::int64_t size, std::int64_t channels, std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
  PoolShape s;
  s.in_h = s.in_w = size;
  s.channels = channels;
  s.kernel_h = s.kernel_w = kernel;
  s.stride_h = s.stride_w = stride;
  s.pad_top = s.pad_left = s.pad_bottom = s.pad_right = pad;
  s.out_h = s.out_w = (size + 2 * pad - kernel) / stride + 1;
  return s;
}

double pool_bytes(const PoolShape& s) { return static_cast<double>((s.in_h * s.in_w + s.out_h * s.out_w) * s.channels); }

Work max_pool(Isa isa, const PoolShape& s) {
  return {[kernel = find_pool_kernel(isa), s] { max_pool_u8(kernel, {s, data().a.data(), data().y.data(), 1}); }, pool_bytes(s), octet_benchmarks::onednn_pool(s, true)};
}

Work average_pool(Isa isa, const PoolShape& s) {
  const std::vector<float> multipliers(static_cast<std::size_t>(s.kernel_h * s.kernel_w + 1), 0.1F);
  return {[kernel = find_pool_kernel(isa), s, multipliers] {
            average_pool_u8(kernel, {s, data().a.data(), 3, multipliers.data(), {3, 0, 255}, data().y.data(), 1});
          },
          pool_bytes(s), octet_benchmarks::onednn_pool(s, false)};
}

Broadcast dense(std::int64_t n) {
  Broadcast s;
  s.size[0] = n;
  s.stride_a[0] = s.stride_b[0] = 1;
  return s;
}

Work add(Isa isa, std::int64_t n) {
  return {[kernel = find_elementwise_kernel(isa), n] {
            add_u8(kernel, {dense(n), data().a.data(), data().b.data(), 3, 5, 0.5F, 0.25F, {3, 0, 255}, data().y.data(), 1});
          },
          3.0 * static_cast<double>(n), octet_benchmarks::onednn_binary(n, true)};
}

Work mul(Isa isa, std::int64_t n) {
  return {[kernel = find_elementwise_kernel(isa), n] {
            mul_u8(kernel, {dense(n), data().a.data(), data().b.data(), 3, 5, 0.01F, {3, 0, 255}, data().y.data(), 1});
          },
          3.0 * static_cast<double>(n), octet_benchmarks::onednn_binary(n, false)};
}

Work lookup(Isa isa, std::int64_t n) {
  return {[&kernel = find_lookup_kernel(isa), n] { lookup_u8(kernel, {1, 1, n, data().a.data(), data().b.data(), data().y.data(), 1}); },
          2.0 * static_cast<double>(n)};
}

Work quantize(Isa isa, std::int64_t n) {
  return {[&kernel = find_quantize_kernel(isa), n] {
            benchmark::DoNotOptimize(quantize_f32(kernel, {n, data().real.data(), 0.0371F, {120, 0, 255}, data().y.data(), 1}));
          },
          5.0 * static_cast<double>(n)};
}

Work dequantize(Isa isa, std::int64_t n) {
  return {[&kernel = find_dequantize_kernel(isa), n] { dequantize_u8(kernel, {n, data().a.data(), 0.0371F, 120, data().out.data(), 1}); },
          5.0 * static_cast<double>(n)};
}

Work requantization(Isa isa, std::int64_t rows, std::int64_t channels) {
  const auto constants = std::make_shared<std::pair<std::vector<std::int32_t>, std::vector<float>>>(
      std::vector<std::int32_t>(static_cast<std::size_t>(channels), 100), std::vector<float>(static_cast<std::size_t>(channels), 0.001F));
  return {[&kernel = find_requantize_kernel(isa), rows, channels, constants] {
            const Epilogue e{constants->first.data(), constants->second.data(), {3, 0, 255}, 0, 0, data().y.data()};
            requantize(kernel, data().sums.data(), rows, channels, e, 1);
          },
          5.0 * static_cast<double>(rows * channels)};
}

Work softmax(Isa isa, std::int64_t rows, std::int64_t columns) {
  std::vector<std::uint32_t> table;
  for (int d = 0; d < 256; ++d) table.push_back(static_cast<std::uint32_t>(std::nearbyint(8388608.0 * std::exp(-0.03 * d))));
  const auto planes = std::make_shared<SoftmaxPlanes>();
  benchmark::DoNotOptimize(split_softmax_table(table, *planes));
  return {[kernel = columns <= kFewSoftmaxColumns ? nullptr : find_softmax_kernel(isa), rows, columns, table, planes] {
            const SoftmaxU8 s{rows, columns, data().a.data(), table.data(), 1.0F / 256, {0, 0, 255}, data().y.data(), 1, {}};
            kernel == nullptr ? softmax_u8_reference(s) : softmax_u8(*kernel, s, *planes);
          },
          2.0 * static_cast<double>(rows * columns)};
}

Work layer_norm(Isa isa, std::int64_t rows, std::int64_t n) {
  return {[kernel = find_layer_norm_kernel(isa), rows, n] {
            layer_norm_u8(kernel, {rows, n, data().a.data(), 1, data().real.data(), data().real.data(), {3, 0, 255}, data().y.data(), 1});
          },
          2.0 * static_cast<double>(rows * n)};
}

/// Planes to channels-last.
Work transposition(Isa isa, std::int64_t channels, std::int64_t size) {
  TransposeShape s;
  s.axes = 2;
  s.size = {size * size, channels};
  s.stride = {1, size * size};
  const auto transposer = std::make_shared<const Transposer>(s, 1, isa, 1);
  return {[transposer] { transposer->run(reinterpret_cast<const std::byte*>(data().a.data()), reinterpret_cast<std::byte*>(data().y.data())); },
          2.0 * static_cast<double>(channels * size * size), octet_benchmarks::onednn_transpose(channels, size, size)};
}

Work dynamic_quantize(Isa isa, std::int64_t rows, std::int64_t n) {
  const auto parameters = std::make_shared<std::vector<RowParameters>>(static_cast<std::size_t>(rows));
  const PaddedImage image{rows, 1, 1, n};
  return {[&kernel = find_row_kernel(isa), image, parameters] {
            benchmark::DoNotOptimize(quantize_rows(kernel, image, data().real.data(), data().y.data(), parameters->data(), 1));
          },
          5.0 * static_cast<double>(rows * n)};
}

Work dynamic_finish(Isa isa, std::int64_t rows, std::int64_t channels) {
  const auto parameters = std::make_shared<std::vector<RowParameters>>(static_cast<std::size_t>(rows), RowParameters{0.01F, 120});
  return {[&kernel = find_row_kernel(isa), rows, channels, parameters] {
            const RowEpilogue e{channels, data().sums.data(), data().real.data(), data().real.data(), -1e9F, 1e9F};
            finish_rows(kernel, e, data().sums.data(), parameters->data(), rows, 1, data().out.data(), 1);
          },
          8.0 * static_cast<double>(rows * channels)};
}

struct Row {
  const char* name;
  std::function<Work(Isa)> make;
};

std::vector<Row> rows() {
  return {{"max_pool_24x24x20_k2s2", [](Isa i) { return max_pool(i, pool_shape(24, 20, 2, 2, 0)); }},
          {"max_pool_112x112x64_k3s2", [](Isa i) { return max_pool(i, pool_shape(112, 64, 3, 2, 1)); }},
          {"average_pool_35x35x192_k3", [](Isa i) { return average_pool(i, pool_shape(35, 192, 3, 1, 1)); }},
          {"average_pool_global_7x7x1280", [](Isa i) { return average_pool(i, pool_shape(7, 1280, 7, 1, 0)); }},
          {"add_56x56x24", [](Isa i) { return add(i, 56 * 56 * 24); }},
          {"add_14x14x64", [](Isa i) { return add(i, 14 * 14 * 64); }},
          {"mul_28x28x120", [](Isa i) { return mul(i, 28 * 28 * 120); }},
          {"lookup_28x28x120", [](Isa i) { return lookup(i, 28 * 28 * 120); }},
          {"quantize_96x96x3", [](Isa i) { return quantize(i, 96 * 96 * 3); }},
          {"quantize_224x224x3", [](Isa i) { return quantize(i, 224 * 224 * 3); }},
          {"dequantize_1000", [](Isa i) { return dequantize(i, 1000); }},
          {"dequantize_56x56x64", [](Isa i) { return dequantize(i, 56 * 56 * 64); }},
          {"requantize_196x256", [](Isa i) { return requantization(i, 196, 256); }},
          {"requantize_3136x24", [](Isa i) { return requantization(i, 3136, 24); }},
          {"softmax_1x2", [](Isa i) { return softmax(i, 1, 2); }},
          {"softmax_1x1000", [](Isa i) { return softmax(i, 1, 1000); }},
          {"softmax_1536x128", [](Isa i) { return softmax(i, 1536, 128); }},
          {"layer_norm_128x384", [](Isa i) { return layer_norm(i, 128, 384); }},
          {"layer_norm_197x768", [](Isa i) { return layer_norm(i, 197, 768); }},
          {"transpose_3_planes_96x96", [](Isa i) { return transposition(i, 3, 96); }},
          {"transpose_64_planes_28x28", [](Isa i) { return transposition(i, 64, 28); }},
          {"dynamic_quantize_128x384", [](Isa i) { return dynamic_quantize(i, 128, 384); }},
          {"dynamic_finish_128x384", [](Isa i) { return dynamic_finish(i, 128, 384); }}};
}

double seconds_of(const std::function<void()>& run) {
  using Clock = std::chrono::steady_clock;
  constexpr int kRuns = 8;  // of the smallest ones, a clock's reading would be most
  double best = 1e300;
  const auto start = Clock::now();
  do {
    const auto begin = Clock::now();
    for (int i = 0; i < kRuns; ++i) run();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - begin).count() / kRuns);
  } while (Clock::now() - start < std::chrono::milliseconds(50));
  return best;
}

void measure(benchmark::State& state, const Row& row, Isa isa, double l2) {
  const Work work = row.make(isa);
  for ([[maybe_unused]] auto _ : state) work.run();
  const double seconds = seconds_of(work.run);
  state.counters["GB/s"] = work.bytes / seconds / 1e9;
  state.counters["l2"] = work.bytes / seconds / 1e9 / l2;
  if (work.onednn > 0) state.counters["onednn"] = work.onednn / seconds;
}

}  // namespace

int main(int argc, char** argv) {
  const double l2 = octet_benchmarks::l2_gigabytes();
  const ThreadScope one(1);
  for (const Isa isa : {Isa::reference, Isa::avx2, Isa::avx512}) {
    if (!cpu_has(isa)) continue;
    for (const Row& row : rows())
      benchmark::RegisterBenchmark((std::string(name_of(isa)) + "/" + row.name).c_str(), measure, row, isa, l2)->Unit(benchmark::kMicrosecond);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  const RoundingScope rounding;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
