#include "benchmarks/onednn_peers.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <oneapi/dnnl/dnnl.hpp>

#include "benchmarks/best_seconds.h"

namespace octet_benchmarks {
namespace {

using dnnl::memory;
using Type = memory::data_type;
using Tag = memory::format_tag;

/// `make` gives a primitive and its arguments; oneDNN says by an exception that it has none.
template <class Make>
double seconds_of(const Make& make) {
  try {
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    dnnl::stream stream(engine);
    const auto [primitive, arguments] = make(engine);
    return best_seconds([&] { primitive.execute(stream, arguments); }, std::chrono::milliseconds(50));
  } catch (const dnnl::error&) {
    return 0;
  }
}

using Arguments = std::unordered_map<int, memory>;

}  // namespace

double onednn_pool(const octet::kernels::PoolShape& s, bool max) {
  return seconds_of([&](const dnnl::engine& engine) {
    const memory::desc x({s.batch, s.channels, s.in_h, s.in_w}, Type::u8, Tag::nhwc);
    const memory::desc y({s.batch, s.channels, s.out_h, s.out_w}, Type::u8, Tag::nhwc);
    const auto algorithm = max ? dnnl::algorithm::pooling_max : dnnl::algorithm::pooling_avg_exclude_padding;
    const memory::dims strides = {s.stride_h, s.stride_w};
    const memory::dims kernel = {s.kernel_h, s.kernel_w};
    const memory::dims before = {s.pad_top, s.pad_left};
    const memory::dims after = {s.pad_bottom, s.pad_right};
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::pooling_forward::primitive_desc d(engine, dnnl::prop_kind::forward_inference, algorithm, x, y, strides, kernel, {0, 0}, before, after);
#else
    const dnnl::pooling_forward::desc operation(dnnl::prop_kind::forward_inference, algorithm, x, y, strides, kernel, before, after);
    const dnnl::pooling_forward::primitive_desc d(operation, engine);
#endif
    return std::pair(dnnl::primitive(dnnl::pooling_forward(d)), Arguments{{DNNL_ARG_SRC, memory(x, engine)}, {DNNL_ARG_DST, memory(y, engine)}});
  });
}

double onednn_binary(std::int64_t n, bool add) {
  return seconds_of([&](const dnnl::engine& engine) {
    const memory::desc m({1, n}, Type::u8, Tag::ab);
    const auto algorithm = add ? dnnl::algorithm::binary_add : dnnl::algorithm::binary_mul;
    dnnl::primitive_attr attr;
#if DNNL_VERSION_MAJOR >= 3
    attr.set_scales_mask(DNNL_ARG_SRC_0, 0);
    attr.set_scales_mask(DNNL_ARG_SRC_1, 0);
    const dnnl::binary::primitive_desc d(engine, algorithm, m, m, m, attr);
#else
    attr.set_scales(DNNL_ARG_SRC_0, 0, {0.5F});
    attr.set_scales(DNNL_ARG_SRC_1, 0, {0.25F});
    const dnnl::binary::desc operation(algorithm, m, m, m);
    const dnnl::binary::primitive_desc d(operation, attr, engine);
#endif
    Arguments arguments{{DNNL_ARG_SRC_0, memory(m, engine)}, {DNNL_ARG_SRC_1, memory(m, engine)}, {DNNL_ARG_DST, memory(m, engine)}};
#if DNNL_VERSION_MAJOR >= 3
    for (const int which : {DNNL_ARG_SRC_0, DNNL_ARG_SRC_1}) {
      memory scale(memory::desc({1}, Type::f32, Tag::x), engine);
      *static_cast<float*>(scale.get_data_handle()) = 0.5F;
      arguments.emplace(DNNL_ARG_ATTR_SCALES | which, scale);
    }
#endif
    return std::pair(dnnl::primitive(dnnl::binary(d)), arguments);
  });
}

double onednn_transpose(std::int64_t channels, std::int64_t height, std::int64_t width) {
  return seconds_of([&](const dnnl::engine& engine) {
    const memory::desc x({1, channels, height, width}, Type::u8, Tag::nchw);
    const memory::desc y({1, channels, height, width}, Type::u8, Tag::nhwc);
    const dnnl::reorder::primitive_desc d(engine, x, engine, y);
    return std::pair(dnnl::primitive(dnnl::reorder(d)), Arguments{{DNNL_ARG_FROM, memory(x, engine)}, {DNNL_ARG_TO, memory(y, engine)}});
  });
}

}  // namespace octet_benchmarks
