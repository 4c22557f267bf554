// Every int8 product kernel this CPU can run (the others: bytes_benchmark.cc), on one thread, over shapes of real networks. Counters of each:
//   GMAC/s  multiply-accumulates a second
//   peak    their share of what the kernel's dot-product instruction can do at most, measured when the program starts
//   onednn  oneDNN's time for the same layer, our requantization behind its s32 sums included, over the kernel's: above 1 the
//           kernel is the faster one. Only where oneDNN may compute int8 (AVX-512 VNNI and above)
//
//   kernels_benchmark --benchmark_filter=avx512vnni/conv
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "benchmarks/best_seconds.h"
#include "benchmarks/peak.h"
#include "kernels/conv/pixel_conv.h"
#include "kernels/conv/quad_conv.h"
#include "kernels/conv/tiled.h"
#include "kernels/depthwise/column_depthwise.h"
#include "kernels/depthwise/depthwise.h"
#include "kernels/depthwise/quad_depthwise.h"
#include "kernels/gemm/packed.h"
#include "kernels/gemm/quad_gemm.h"
#include "kernels/layout/layout.h"
#include "kernels/onednn.h"
#include "kernels/parallel.h"
#include "kernels/requantize/requantize.h"

namespace {

using namespace octet::kernels;

struct Layer {
  const char* name;
  std::int64_t size, in_c, out_c, kernel, stride, groups;  ///< images are square; a kernel of 0 is a matrix product of `size` rows
};

constexpr Layer kLayers[] = {
    {"first_28x28x1_20_k5", 28, 1, 20, 5, 1, 1},        {"first_96x96x3_8_k3s2", 96, 3, 8, 3, 2, 1},
    {"first_224x224x3_32_k3s2", 224, 3, 32, 3, 2, 1},   {"first_224x224x3_64_k7s2", 224, 3, 64, 7, 2, 1},
    {"conv_12x12x20_50_k5", 12, 20, 50, 5, 1, 1},       {"conv_32x32x16_16_k3", 32, 16, 16, 3, 1, 1},
    {"conv_16x16x32_32_k3", 16, 32, 32, 3, 1, 1},       {"conv_8x8x64_64_k3", 8, 64, 64, 3, 1, 1},
    {"conv_56x56x64_64_k3", 56, 64, 64, 3, 1, 1},       {"conv_14x14x256_256_k3", 14, 256, 256, 3, 1, 1},
    {"conv_7x7x512_512_k3", 7, 512, 512, 3, 1, 1},      {"grouped_28x28x256_256_k3_g32", 28, 256, 256, 3, 1, 32},
    {"pointwise_48x48x8_16", 48, 8, 16, 1, 1, 1},       {"pointwise_56x56x24_144", 56, 24, 144, 1, 1, 1},
    {"pointwise_28x28x192_32", 28, 192, 32, 1, 1, 1},   {"pointwise_14x14x384_96", 14, 384, 96, 1, 1, 1},
    {"pointwise_7x7x320_1280", 7, 320, 1280, 1, 1, 1},  {"pointwise_7x7x2048_512", 7, 2048, 512, 1, 1, 1},
    {"depthwise_48x48x8_k3", 48, 8, 8, 3, 1, 8},        {"depthwise_24x24x32_k3", 24, 32, 32, 3, 1, 32},
    {"depthwise_112x112x32_k3", 112, 32, 32, 3, 1, 32}, {"depthwise_56x56x144_k3", 56, 144, 144, 3, 1, 144}, {"depthwise_56x56x144_k3s2", 56, 144, 144, 3, 2, 144},
    {"depthwise_28x28x64_k5", 28, 64, 64, 5, 1, 64},    {"depthwise_14x14x240_k5", 14, 240, 240, 5, 1, 240},
    {"rows_1x784_100", 1, 784, 100, 0, 1, 1},           {"rows_1x800_500", 1, 800, 500, 0, 1, 1},
    {"rows_1x128_128", 1, 128, 128, 0, 1, 1},           {"rows_1x2048_1000", 1, 2048, 1000, 0, 1, 1},
    {"rows_8x800_500", 8, 800, 500, 0, 1, 1},           {"rows_128x384_1536", 128, 384, 1536, 0, 1, 1},
    {"rows_384x768_768", 384, 768, 768, 0, 1, 1},
};

ConvShape shape_of(const Layer& l) {
  ConvShape s;
  s.in_c = l.in_c, s.out_c = l.out_c, s.groups = l.groups;
  if (l.kernel == 0) {  // a row is a pixel
    s.in_w = s.out_w = l.size;
    return s;
  }
  const std::int64_t pad = l.kernel / 2;
  s.in_h = s.in_w = l.size;
  s.kernel_h = s.kernel_w = l.kernel;
  s.stride_h = s.stride_w = l.stride;
  s.pad_top = s.pad_left = s.pad_bottom = s.pad_right = pad;
  s.out_h = s.out_w = (l.size + 2 * pad - l.kernel) / l.stride + 1;
  return s;
}

struct Free {
  void operator()(std::byte* p) const noexcept { ::operator delete (p, std::align_val_t{64}); }
};
using Memory = std::unique_ptr<std::byte, Free>;

Memory memory(std::size_t bytes) {
  Memory m(static_cast<std::byte*>(::operator new (bytes + 64, std::align_val_t{64})));
  std::fill_n(m.get(), bytes + 64, std::byte{7});
  return m;
}

/// A layer's data; z = 3.
struct Data {
  ConvShape shape;
  std::vector<std::int8_t> weights;
  std::vector<std::int32_t> bias;
  std::vector<float> multiplier;
  Memory x, y;
  Epilogue epilogue;

  explicit Data(const Layer& l)
      : shape(shape_of(l)),
        bias(static_cast<std::size_t>(l.out_c), 100),
        multiplier(static_cast<std::size_t>(l.out_c), 0.001F),
        x(memory(static_cast<std::size_t>(shape.batch * shape.in_h * shape.in_w * shape.in_c))),
        y(memory(static_cast<std::size_t>(shape.out_pixels() * shape.out_c))) {
    std::mt19937 random(1);
    for (std::int64_t i = 0; i < shape.out_c * shape.filter_size(); ++i) weights.push_back(static_cast<std::int8_t>(random() % 255 - 127));
    epilogue = {bias.data(), multiplier.data(), {3, 0, 255}, 0, 0, reinterpret_cast<std::uint8_t*>(y.get()), nullptr};
  }

  [[nodiscard]] const std::uint8_t* input() const { return reinterpret_cast<const std::uint8_t*>(x.get()); }
  [[nodiscard]] double macs() const { return static_cast<double>(shape.out_pixels() * shape.out_c * shape.filter_size()); }
  [[nodiscard]] bool product() const { return shape.kernel_h == 1 && shape.kernel_w == 1 && shape.groups == 1; }
  [[nodiscard]] bool depthwise() const { return shape.groups > 1 && shape.groups == shape.in_c && shape.in_c == shape.out_c; }
};

/// A kernel that has packed a layer's weights: run() computes the layer once.
using Run = std::function<void()>;

/// K as tests and the engine use it.
template <class K>
Run packed(const Data& d, std::shared_ptr<const K> kernel) {
  auto scratch = std::make_shared<Memory>(memory(kernel->scratch_bytes()));
  return [&d, kernel, scratch] { kernel->run(d.input(), d.epilogue, scratch->get()); };
}

/// The kernel the engine would take of an instruction set, or none.
Run make_run(const Data& d, Isa isa) {
  const ConvShape& s = d.shape;
  const auto args = [&](auto make) { return make(d.weights.data(), d.bias.data(), d.multiplier.data()); };
  if (const auto* k = find_column_depthwise_kernel(isa); k != nullptr && k->isa == isa && ColumnDepthwise::fits(s) && ColumnDepthwise::pays(s))
    return args([&](auto* w, auto* b, auto* m) { return packed(d, std::make_shared<const ColumnDepthwise>(*k, s, w, b, m, 3, 1)); });
  if (const auto* k = find_quad_depthwise_kernel(isa); k != nullptr && k->isa == isa && QuadDepthwise::fits(*k, s))
    return args([&](auto* w, auto* b, auto* m) { return packed(d, std::make_shared<const QuadDepthwise>(*k, s, w, b, m, 3, 1)); });
  if (const auto* k = find_pixel_conv_kernel(isa); k != nullptr && k->isa == isa && PixelConv::fits(s) && PixelConv::pays(s, 16))
    return args([&](auto* w, auto* b, auto* m) { return packed(d, std::make_shared<const PixelConv>(*k, s, w, b, m, 3, 1)); });
  if (const auto* k = find_quad_kernel(isa); k != nullptr && k->isa == isa) {
    return args([&](auto* w, auto* b, auto* m) {
      if (d.product()) return packed(d, std::make_shared<const QuadGemm>(*k, w, s.out_pixels(), s.out_c, s.in_c, b, m, 1));
      return packed(d, std::make_shared<const QuadConv>(*k, s, w, b, m, 3, 1));
    });
  }
  if (const auto* k = find_depthwise_kernel(isa, s); k != nullptr && k->isa == isa) {
    auto conv = args([&](auto* w, auto* b, auto* m) { return std::make_shared<const Depthwise>(*k, s, w, b, m, 3, 1); });
    return [&d, conv] { depthwise_u8s8(*conv, d.input(), d.epilogue); };
  }
  if (const auto* k = find_tile_kernel(isa); k != nullptr && k->isa == isa) {
    if (d.product()) {
      auto gemm = std::make_shared<const TiledGemm>(
          TiledGemm{k, pack_gemm(d.weights.data(), s.out_c, s.in_c, d.bias.data(), d.multiplier.data()), s.out_pixels(), 1});
      auto scratch = std::make_shared<Memory>(memory(gemm->scratch_bytes()));
      return [&d, gemm, scratch] { gemm_u8s8_tiled(*gemm, d.input(), d.epilogue, scratch->get()); };
    }
    auto conv = args([&](auto* w, auto* b, auto* m) { return std::make_shared<const TiledConv>(*k, s, w, b, m, 3, 1); });
    auto scratch = std::make_shared<Memory>(memory(conv->scratch_bytes()));
    return [&d, conv, scratch] { conv_u8s8_tiled(*conv, d.input(), d.epilogue, scratch->get()); };
  }
  return {};
}

double seconds_of(const Run& run) { return octet_benchmarks::best_seconds(run, std::chrono::milliseconds(100)); }

/// oneDNN as the engine runs it, or 0 seconds where it may not.
double onednn_seconds(const Data& d) {
  ConvShape seen = d.shape;
  const PaddedImage image{seen.batch, seen.in_h, seen.in_w, seen.in_c, seen.pad_top, seen.pad_left, seen.pad_bottom, seen.pad_right, 3};
  seen.in_h = image.padded_h(), seen.in_w = image.padded_w();
  seen.pad_top = seen.pad_left = seen.pad_bottom = seen.pad_right = 0;
  const auto primitive = d.shape.in_h == 1 ? onednn::make_matmul_u8s8s32({d.shape.in_w, d.shape.in_c, d.shape.out_c}, d.weights.data(), best_isa(), {1})
                                           : onednn::make_conv_u8s8s32(seen, d.weights.data(), best_isa(), {1});
  if (primitive == nullptr) return 0;
  const Memory padded = memory(static_cast<std::size_t>(image.elements()));
  const Memory acc = memory(static_cast<std::size_t>(d.shape.out_pixels() * d.shape.out_c) * 4);
  const Memory scratch = memory(primitive->scratch_bytes());
  return seconds_of([&] {
    const std::uint8_t* x = d.input();
    if (d.shape.padded()) {
      pad_image_reference(image, x, reinterpret_cast<std::uint8_t*>(padded.get()));
      x = reinterpret_cast<const std::uint8_t*>(padded.get());
    }
    benchmark::DoNotOptimize(primitive->run(x, acc.get(), scratch.get()));
    requantize(find_requantize_kernel(best_isa()), reinterpret_cast<const std::int32_t*>(acc.get()), d.shape.out_pixels(), d.shape.out_c, d.epilogue, 1);
  });
}

void measure(benchmark::State& state, const Layer& layer, const octet_benchmarks::Dot& dot, double peak) {
  const Data d(layer);
  const Run run = make_run(d, dot.isa);
  if (!run) {
    state.SkipWithError("no kernel of this instruction set");
    return;
  }
  for ([[maybe_unused]] auto _ : state) run();
  const double seconds = seconds_of(run);
  state.counters["GMAC/s"] = d.macs() / seconds / 1e9;
  state.counters["peak"] = d.macs() / seconds / 1e9 / peak;
  state.counters["onednn"] = onednn_seconds(d) / seconds;
}

}  // namespace

int main(int argc, char** argv) {
  for (const auto& dot : octet_benchmarks::dots()) {
    if (!cpu_has(dot.isa)) continue;
    const double peak = octet_benchmarks::gmacs(dot);
    for (const Layer& layer : kLayers)
      benchmark::RegisterBenchmark((std::string(name_of(dot.isa)) + "/" + layer.name).c_str(), measure, layer, dot, peak)->Unit(benchmark::kMicrosecond);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  const RoundingScope rounding;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
