#include "kernels/onednn.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <oneapi/dnnl/dnnl.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/openmp.h"
#include "kernels/parallel.h"

namespace octet::kernels::onednn {
namespace {

using Dims = dnnl::memory::dims;
using Type = dnnl::memory::data_type;
using Tag = dnnl::memory::format_tag;

// ---- what differs between oneDNN 2.x and 3.x

#if DNNL_VERSION_MAJOR >= 3

/// What is to be computed, and the implementations that can.
template <class Operation>
struct Description {
  template <class... Args>
  Description(const dnnl::engine& engine, const dnnl::primitive_attr& attr, const Args&... args)
      : implementation(engine, args..., attr) {}

  typename Operation::primitive_desc implementation;
};

void append_eltwise(dnnl::post_ops& ops, dnnl::algorithm algorithm, float alpha, float beta) {
  ops.append_eltwise(algorithm, alpha, beta);
}

#else

/// What is to be computed, and the implementations that can. primitive_desc::next_impl() reads the operation's
/// descriptor again, at the address where it was: the two must live, and stay, together.
template <class Operation>
struct Description {
  template <class... Args>
  Description(const dnnl::engine& engine, const dnnl::primitive_attr& attr, const Args&... args)
      : operation(args...), implementation(operation, attr, engine) {}
  Description(const Description&) = delete;
  Description& operator=(const Description&) = delete;

  typename Operation::desc operation;
  typename Operation::primitive_desc implementation;
};

void append_eltwise(dnnl::post_ops& ops, dnnl::algorithm algorithm, float alpha, float beta) {
  ops.append_eltwise(1.0F, algorithm, alpha, beta);
}

#endif

// ---- instruction sets

/// oneDNN reads its own cap once, when the first primitive is made, so the process's first factory call decides. A
/// later call with another cap may then get faster or slower f32 code than it asked for; s8 is checked by is_allowed().
void cap_isa_once(Isa cap) noexcept {
  static const dnnl_status_t done = [cap] {
    switch (cap) {
      case Isa::reference:
      case Isa::avx2:
        return dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
      case Isa::avxvnni:
        return dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2_vnni);
      case Isa::avx512:
        return dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx512_core);
      case Isa::avx512vnni:
        return dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx512_core_vnni);
      case Isa::amx:
        break;
    }
    return dnnl_success;
  }();
  static_cast<void>(done);  // a refusal means that the application has used oneDNN before us
}

bool contains(std::string_view text, std::string_view part) noexcept {
  return text.find(part) != std::string_view::npos;
}

/// What an int8 implementation runs on, from its name ("brgconv:avx512_core_vnni"). False below avx512vnni: there,
/// avx512_core too, oneDNN adds pairs of products in 16 bits, which saturates.
bool int8_isa_of(std::string_view name, Isa& isa) noexcept {
  isa = contains(name, "amx") ? Isa::amx : Isa::avx512vnni;
  if (isa == Isa::amx || contains(name, "avx10")) return true;
  if (contains(name, "avx512_core_")) return true;  // _vnni, _bf16, _fp16, which come in this order
  if (contains(name, "avx") || contains(name, "sse")) return false;
  // "gemm:jit" and the like look for themselves what they may use. The enumerators are sets of bits.
  const auto effective = static_cast<unsigned>(dnnl_get_effective_cpu_isa());
  const auto has = [effective](dnnl_cpu_isa_t bits) { return (effective & bits) == static_cast<unsigned>(bits); };
  if (has(dnnl_cpu_isa_avx512_core_amx)) isa = Isa::amx;
  return has(dnnl_cpu_isa_avx512_core_vnni);
}

// ---- which int8 implementations are exact

/// Every integer up to here is an f32.
constexpr std::int64_t kF32Exact = std::int64_t{1} << 24;

/// Some implementations pass the accumulators through f32 even where no attribute asks for it. These do not; the limit
/// is the magnitude they were tried to.
struct Tested {
  std::string_view name;
  std::int64_t limit;
};

/// 2.6.3, without bias or other attributes. Not here, because wrong above 2^24: jit_int8, jit_int8_1x1, the convolution
/// called x64:gemm_s8u8s32:jit, and (by their source) the AMX ones called jit and jit_1x1.
constexpr std::array kTested26 = {
    Tested{"brgconv:avx512_core_vnni", 2'100'000'000},  Tested{"brgconv_1x1:avx512_core_vnni", 2'100'000'000},
    Tested{"brgemm:avx512_core_vnni", 2'100'000'000},   Tested{"brdgmm_dw:avx512_core_vnni", 74'000'000},
    Tested{"brgconv:avx512_core_amx_int8", 75'000'000}, Tested{"brgconv_1x1:avx512_core_amx_int8", 75'000'000},
    Tested{"brgemm:avx512_core_amx_int8", 75'000'000},
};

/// The largest accumulator an implementation is trusted with.
std::int64_t exact_limit(std::string_view name) noexcept {
  const dnnl_version_t* library = dnnl_version();  // the one loaded, not the headers
  if (library->major == 2 && library->minor == 6) {
    for (const Tested& tested : kTested26)
      if (tested.name == name) return tested.limit;
  }
  return kF32Exact;
}

/// Bound of the accumulators: 255 * sum|w| of the worst of `out` channels with `size` weights each.
std::int64_t accumulator_bound(const std::int8_t* weights, std::int64_t out, std::int64_t size) noexcept {
  std::int64_t worst = 0;
  for (std::int64_t o = 0; o < out; ++o) {
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < size; ++i) sum += std::abs(int{weights[o * size + i]});
    worst = std::max(worst, sum);
  }
  return 255 * worst;
}

bool is_allowed_int8(std::string_view name, Isa cap, std::int64_t bound) noexcept {
  Isa isa{};
  if (contains(name, "ref") || contains(name, "simple")) return false;  // exact, but far slower than our own kernels
  return int8_isa_of(name, isa) && allows(cap, isa) && bound <= exact_limit(name);
}

// ---- running after a fork

/// A primitive asks for the threads it was made for, whatever the caller's ThreadScope says. In a forked child they do
/// not exist and it would wait for ever; with no active level allowed OpenMP starts none, and oneDNN splits over what
/// it gets.
class ForkScope {
 public:
  ForkScope() noexcept : limited_(forked() && openmp().present()), saved_(limited_ ? openmp().get_max_active_levels() : 0) {
    if (limited_) openmp().set_max_active_levels(0);
  }
  ~ForkScope() {
    if (limited_) openmp().set_max_active_levels(saved_);
  }
  ForkScope(const ForkScope&) = delete;
  ForkScope& operator=(const ForkScope&) = delete;

 private:
  bool limited_;
  int saved_;
};

// ---- building

const dnnl::engine& cpu_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::primitive_attr attributes(float clamp_min, float clamp_max) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  dnnl::primitive_attr attr;
  // The library's own scratchpad belongs to the primitive or the thread; ours is in the session's arena.
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (clamp_min == -kInfinity && clamp_max == kInfinity) return attr;
  dnnl::post_ops ops;
  if (clamp_min == 0.0F && clamp_max == kInfinity) {
    append_eltwise(ops, dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
  } else {
    append_eltwise(ops, dnnl::algorithm::eltwise_clip, clamp_min, clamp_max);
  }
  attr.set_post_ops(ops);
  return attr;
}

/// An operation's memory descriptors, but for the weights, whose layout is oneDNN's choice.
struct Layout {
  dnnl::memory::desc x, y;
  dnnl::memory::desc user_weights;  ///< as the caller has them
  dnnl::memory::desc any_weights;
  dnnl::memory::desc bias;  ///< empty: none
};

dnnl::memory::desc bias_layout(std::int64_t out, bool present) {
  return present ? dnnl::memory::desc(Dims{out}, Type::f32, Tag::a) : dnnl::memory::desc();
}

/// OHWI, said as oneDNN's dimensions (O, I, H, W or G, O/G, I, H, W) with our strides.
Layout conv_layout(const ConvShape& s, Type x, Type w, Type y, bool with_bias) {
  const std::int64_t depth = s.group_in_c();
  const std::int64_t group_out = s.out_c / s.groups;
  Dims dims = {group_out, depth, s.kernel_h, s.kernel_w};
  Dims strides = {s.filter_size(), 1, s.kernel_w * depth, depth};
  if (s.groups > 1) {
    dims.insert(dims.begin(), s.groups);
    strides.insert(strides.begin(), group_out * s.filter_size());
  }
  Layout l;
  l.x = {{s.batch, s.in_c, s.in_h, s.in_w}, x, Tag::nhwc};
  l.y = {{s.batch, s.out_c, s.out_h, s.out_w}, y, Tag::nhwc};
  l.user_weights = {dims, w, strides};
  l.any_weights = {dims, w, Tag::any};
  l.bias = bias_layout(s.out_c, with_bias);
  return l;
}

Layout matmul_layout(const MatmulShape& s, Type x, Type w, Type y, bool with_bias) {
  Layout l;
  l.x = {{s.rows, s.depth}, x, Tag::ab};
  l.y = {{s.rows, s.out}, y, Tag::ab};
  l.user_weights = {{s.out, s.depth}, w, Tag::ab};
  l.any_weights = {{s.out, s.depth}, w, Tag::any};
  l.bias = bias_layout(s.out, with_bias);
  return l;
}

Description<dnnl::convolution_forward> describe_conv(const ConvShape& s, const Layout& l,
                                                     const dnnl::primitive_attr& attr) {
  // oneDNN counts the elements skipped between taps.
  return {cpu_engine(), attr, dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, l.x, l.any_weights,
          l.bias, l.y, Dims{s.stride_h, s.stride_w}, Dims{s.dilation_h - 1, s.dilation_w - 1}, Dims{s.pad_top, s.pad_left},
          Dims{s.pad_bottom, s.pad_right}};
}

/// An inner product, not a matmul: the two are within a few percent in 2.6, and in 3.2 only the inner product has the
/// packed-weights kernel at AVX2 (rows 1, 32 of 800x500: 26, 262 us against 25, 293).
Description<dnnl::inner_product_forward> describe_matmul(const Layout& l, const dnnl::primitive_attr& attr) {
  return {cpu_engine(), attr, dnnl::prop_kind::forward_inference, l.x, l.any_weights, l.bias, l.y};
}

}  // namespace

// ---- Primitive

struct Primitive::Impl {
  template <class Descriptor>
  Impl(const Descriptor& pd, const Layout& l, const void* user_weights, const float* user_bias, Parallelism parallelism)
      : threads(parallelism.threads),
        engine(cpu_engine()),
        primitive(pd),
        weights(pd.weights_desc(), engine),
        scratch_bytes(pd.scratchpad_desc().get_size()),
        packed_bytes(pd.weights_desc().get_size()),
        name(pd.impl_info_str()) {
    // The user's arrays are only read: oneDNN has no const memory.
    dnnl::memory source(l.user_weights, engine, const_cast<void*>(user_weights));
    dnnl::stream stream(engine);
    dnnl::reorder(source, weights).execute(stream, source, weights);
    stream.wait();
    if (user_bias != nullptr) {
      bias = dnnl::memory(l.bias, engine);
      std::copy_n(user_bias, l.bias.get_size() / sizeof(float), static_cast<float*>(bias.get_data_handle()));
      packed_bytes += l.bias.get_size();
    }
    lanes.reserve(static_cast<std::size_t>(parallelism.lanes));
    for (int i = 0; i < parallelism.lanes; ++i) lanes.emplace_back(*this, l, pd.scratchpad_desc());
  }

  /// What one run at a time needs of its own.
  struct Lane {
    Lane(const Impl& impl, const Layout& l, const dnnl::memory::desc& scratchpad)
        : stream(impl.engine),
          x(l.x, impl.engine, DNNL_MEMORY_NONE),
          y(l.y, impl.engine, DNNL_MEMORY_NONE),
          scratch(scratchpad, impl.engine, DNNL_MEMORY_NONE) {
      add(DNNL_ARG_SRC, x);
      add(DNNL_ARG_DST, y);
      add(DNNL_ARG_WEIGHTS, impl.weights);
      if (impl.scratch_bytes != 0) add(DNNL_ARG_SCRATCHPAD, scratch);
      if (impl.bias) add(DNNL_ARG_BIAS, impl.bias);
    }

    /// The C call takes the array as it is; the C++ one wants a map, which it copies into a new array at every run.
    bool run(const dnnl::primitive& compiled, const void* in, void* out, void* scratchpad) {
      return point(x, last_x, const_cast<void*>(in)) && point(y, last_y, out) && point(scratch, last_scratch, scratchpad) &&
             dnnl_primitive_execute(compiled.get(), stream.get(), arg_count, args.data()) == dnnl_success &&
             dnnl_stream_wait(stream.get()) == dnnl_success;
    }

   private:
    void add(int index, const dnnl::memory& memory) noexcept { args[static_cast<std::size_t>(arg_count++)] = {index, memory.get()}; }

    /// A lane's arena stays where it is, so this hardly ever has anything to do.
    static bool point(const dnnl::memory& memory, void*& last, void* data) {
      if (data == last) return true;
      last = dnnl_memory_set_data_handle(memory.get(), data) == dnnl_success ? data : nullptr;
      return last == data;
    }

    dnnl::stream stream;
    dnnl::memory x, y, scratch;
    std::array<dnnl_exec_arg_t, 5> args{};
    int arg_count = 0;
    void* last_x = nullptr;
    void* last_y = nullptr;
    void* last_scratch = nullptr;
  };

  int threads;
  dnnl::engine engine;
  dnnl::primitive primitive;
  dnnl::memory weights, bias;
  std::size_t scratch_bytes, packed_bytes;
  std::string name;
  std::vector<Lane> lanes;
};

Primitive::Primitive(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Primitive::~Primitive() = default;

bool Primitive::run(const void* x, void* y, void* scratch, int lane) const noexcept {
  try {
    const ForkScope fork_scope;
    const ThreadScope thread_scope(impl_->threads);
    return impl_->lanes[static_cast<std::size_t>(lane)].run(impl_->primitive, x, y, scratch);
  } catch (...) {
    return false;
  }
}

std::size_t Primitive::scratch_bytes() const noexcept { return impl_->scratch_bytes; }
std::size_t Primitive::packed_bytes() const noexcept { return impl_->packed_bytes; }
const std::string& Primitive::name() const noexcept { return impl_->name; }

// ---- factories

namespace {

/// make() in the factories' surroundings; whatever oneDNN or the allocator throws becomes null.
template <class Make>
PrimitivePtr guarded(Isa cap, int threads, const Make& make) noexcept {
  try {
    cap_isa_once(cap);
    const ForkScope fork_scope;
    const ThreadScope thread_scope(threads);  // implementations plan their split when they are made
    return make();
  } catch (...) {
    return nullptr;
  }
}

template <class Operation>
PrimitivePtr build(const Description<Operation>& description, const Layout& layout, const void* weights, const float* bias,
                   Parallelism parallelism) {
  return std::make_shared<const Primitive>(
      std::make_unique<Primitive::Impl>(description.implementation, layout, weights, bias, parallelism));
}

/// The first implementation in oneDNN's order, fastest first, that the contract allows.
template <class Operation>
PrimitivePtr build_int8(Description<Operation> description, const Layout& layout, const std::int8_t* weights, Isa cap,
                        Parallelism parallelism, std::int64_t bound) {
  while (!is_allowed_int8(description.implementation.impl_info_str(), cap, bound))
    if (!description.implementation.next_impl()) return nullptr;
  return build(description, layout, weights, nullptr, parallelism);
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();

}  // namespace

PrimitivePtr make_conv_u8s8s32(const ConvShape& shape, const std::int8_t* weights, Isa cap, Parallelism parallelism) noexcept {
  if (!allows(cap, Isa::avx512vnni)) return nullptr;
  return guarded(cap, parallelism.threads, [&] {
    const Layout layout = conv_layout(shape, Type::u8, Type::s8, Type::s32, false);
    return build_int8(describe_conv(shape, layout, attributes(-kInfinity, kInfinity)), layout, weights, cap, parallelism,
                      accumulator_bound(weights, shape.out_c, shape.filter_size()));
  });
}

PrimitivePtr make_matmul_u8s8s32(const MatmulShape& shape, const std::int8_t* weights, Isa cap, Parallelism parallelism) noexcept {
  if (!allows(cap, Isa::avx512vnni)) return nullptr;
  return guarded(cap, parallelism.threads, [&] {
    const Layout layout = matmul_layout(shape, Type::u8, Type::s8, Type::s32, false);
    return build_int8(describe_matmul(layout, attributes(-kInfinity, kInfinity)), layout, weights, cap, parallelism,
                      accumulator_bound(weights, shape.out, shape.depth));
  });
}

PrimitivePtr make_conv_f32(const ConvShape& shape, const float* weights, const float* bias, float clamp_min,
                           float clamp_max, Isa cap, Parallelism parallelism) noexcept {
  return guarded(cap, parallelism.threads, [&] {
    const Layout layout = conv_layout(shape, Type::f32, Type::f32, Type::f32, bias != nullptr);
    return build(describe_conv(shape, layout, attributes(clamp_min, clamp_max)), layout, weights, bias, parallelism);
  });
}

PrimitivePtr make_matmul_f32(const MatmulShape& shape, const float* weights, const float* bias, float clamp_min,
                             float clamp_max, Isa cap, Parallelism parallelism) noexcept {
  return guarded(cap, parallelism.threads, [&] {
    const Layout layout = matmul_layout(shape, Type::f32, Type::f32, Type::f32, bias != nullptr);
    return build(describe_matmul(layout, attributes(clamp_min, clamp_max)), layout, weights, bias, parallelism);
  });
}

std::string version() {
  const dnnl_version_t* v = dnnl_version();
  return std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
}

}  // namespace octet::kernels::onednn
