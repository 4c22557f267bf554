#include "kernels/conv/pixel_conv.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "kernels/parallel.h"

namespace octet::kernels {

void pixel_conv_u8s8_avx512vnni(const PixelBand& band) noexcept;

namespace {

constexpr std::array kKernels = {PixelConvKernel{"pixels_u8s8_avx512vnni", Isa::avx512vnni, true, pixel_conv_u8s8_avx512vnni}};

constexpr std::int64_t kPixels = 16;          ///< a vector
constexpr std::int64_t kBlock = 16;           ///< output channels
constexpr std::int64_t kWindowBytes = 128;
constexpr std::int64_t kQuadBytes = 128;      ///< of two groups
constexpr std::int64_t kMostChannels = 4;
constexpr std::int64_t kMostDepth = 256;
constexpr std::int64_t kMostBandRows = 8;
constexpr std::int64_t kMostInputRows = 64;   ///< under a band: pointers to them are kept on the stack
constexpr std::int64_t kMostSize = 1 << 16;   ///< of an image's side, padding or step
constexpr std::int64_t kMostPieces = 1 << 15;

std::int64_t divide_up(std::int64_t a, std::int64_t b) noexcept { return (a + b - 1) / b; }

std::int64_t rows_under(const ConvShape& s, std::int64_t out_rows) noexcept {
  return (out_rows - 1) * s.stride_h + (s.kernel_h - 1) * s.dilation_h + 1;
}

std::int64_t groups_of(const ConvShape& s, std::int64_t out_rows) noexcept { return divide_up(out_rows * s.out_w, kPixels); }

/// What a band costs, in halves of groups: one more for a last one that is not computed as half of a pair, and two for the band itself.
std::int64_t band_cost(const ConvShape& s, std::int64_t out_rows) noexcept {
  const std::int64_t groups = groups_of(s, out_rows);
  return 2 * groups + groups % 2 + 2;
}

/// As many output rows as cost the least, of those that divide all; 0 where there are no sixteen pixels, or too many input rows.
std::int64_t band_rows(const ConvShape& s) noexcept {
  std::int64_t best = 0;
  for (std::int64_t r = 1; r <= std::min(s.out_h, kMostBandRows); ++r) {
    if (s.out_h % r != 0 || r * s.out_w < kPixels || rows_under(s, r) > kMostInputRows) continue;
    if (best == 0 || band_cost(s, r) * best < band_cost(s, best) * r) best = r;
  }
  return best;
}

}  // namespace

std::span<const PixelConvKernel> pixel_conv_kernels() noexcept { return kKernels; }

const PixelConvKernel* find_pixel_conv_kernel(Isa cap) noexcept {
  return allows(cap, kKernels[0].isa) && cpu_has_vbmi() ? kKernels.data() : nullptr;
}

bool PixelConv::fits(const ConvShape& s) {
  if (s.groups != 1 || s.in_c > kMostChannels) return false;
  for (const std::int64_t size : {s.in_h, s.in_w, s.out_h, s.out_w, s.out_c, s.kernel_h, s.kernel_w, s.stride_h, s.stride_w, s.dilation_h, s.dilation_w,
                                  s.pad_top, s.pad_left})
    if (size > kMostSize) return false;
  if (s.filter_size() > kMostDepth) return false;
  const std::int64_t rows = band_rows(s);
  if (rows == 0) return false;
  return groups_of(s, rows) * divide_up(s.filter_size(), 4) * 4 * kPixels <= kMostPieces;  // one for each byte, at worst
}

bool PixelConv::pays(const ConvShape& s, std::int64_t lanes) {
  // Cycles for sixteen pixels, measured on a Zen 5: two products a cycle, what has to be put together and taken apart, and the epilogue.
  const std::int64_t channels = 4 * divide_up(s.out_c, 4);
  const std::int64_t here = divide_up(s.filter_size(), 4) * channels / 2 + 30 + 4 * channels;
  const std::int64_t row_quads = s.dilation_w == 1 ? divide_up(s.kernel_w * s.in_c, 4) : s.kernel_w * divide_up(s.in_c, 4);
  const std::int64_t there = s.kernel_h * row_quads * divide_up(s.out_c, lanes) * kPixels / 2 + 60;
  return 5 * here < 4 * there;
}

PixelConv::PixelConv(const PixelConvKernel& kernel, const ConvShape& shape, const std::int8_t* weights, const std::int32_t* folded_bias,
                     const float* multiplier, std::int32_t zero_point, int threads)
    : kernel_(&kernel),
      shape_(shape),
      quads_(divide_up(shape.filter_size(), 4)),
      out_rows_(band_rows(shape)),
      in_rows_(rows_under(shape, out_rows_)),
      padding_(static_cast<std::size_t>(shape.in_w * shape.in_c), static_cast<std::uint8_t>(zero_point)),
      below_one_(below_one(multiplier, shape.out_c)),
      zero_point_(static_cast<std::uint8_t>(zero_point)) {
  constexpr double kMacsPerNanosecond = 200;
  threads_ = worthwhile_threads(threads, static_cast<double>(shape.out_pixels() * shape.out_c * shape.filter_size()) / kMacsPerNanosecond);
  find_windows();
  pack(weights, folded_bias, multiplier);
}

namespace {

/// A byte of the quads of a group: where it is read, and where it goes.
struct Byte {
  std::int64_t row, offset, quad, place;
};

std::vector<Byte> bytes_of_group(const ConvShape& s, std::int64_t pixel) {
  std::vector<Byte> bytes;
  const std::int64_t row_depth = s.kernel_w * s.in_c;
  for (std::int64_t p = 0; p < kPixels; ++p) {
    const std::int64_t row = (pixel + p) / s.out_w * s.stride_h;
    const std::int64_t column = (pixel + p) % s.out_w * s.stride_w - s.pad_left;
    for (std::int64_t k = 0; k < s.filter_size(); ++k) {
      const std::int64_t offset = (column + k % row_depth / s.in_c * s.dilation_w) * s.in_c + k % s.in_c;
      bytes.push_back({row + k / row_depth * s.dilation_h, offset, k / 4, 4 * p + k % 4});
    }
  }
  std::ranges::sort(bytes, [](const Byte& a, const Byte& b) { return a.row != b.row ? a.row < b.row : a.offset < b.offset; });
  return bytes;
}

}  // namespace

void PixelConv::find_windows() {
  const ConvShape& s = shape_;
  using Table = std::array<std::uint8_t, 64>;
  std::map<Table, std::int32_t> known;  // most groups have their tables in common
  for (std::int64_t g = 0; g < groups_of(s, out_rows_); ++g) {
    const std::int64_t pixel = std::min(g * kPixels, out_rows_ * s.out_w - kPixels);
    PixelGroup group{static_cast<std::int32_t>(pixel), static_cast<std::int32_t>(windows_.size()), 0, static_cast<std::int32_t>(pieces_.size())};
    const std::vector<Byte> bytes = bytes_of_group(s, pixel);
    std::set<std::int64_t> begun;  // quads
    for (std::size_t i = 0; i < bytes.size();) {
      const Byte start = bytes[i];
      PixelWindow window;
      window.row = static_cast<std::int32_t>(start.row);
      window.offset = static_cast<std::int32_t>(start.offset);
      for (std::int64_t b = 0; b < kWindowBytes; ++b) {
        const std::int64_t at = start.offset + b;
        if (at >= 0 && at < s.in_w * s.in_c) window.inside[b / 64] |= std::uint64_t{1} << static_cast<unsigned>(b % 64);
      }
      std::map<std::int64_t, std::pair<Table, std::uint64_t>> quads;  // what the window gives to each
      for (; i < bytes.size() && bytes[i].row == start.row && bytes[i].offset < start.offset + kWindowBytes; ++i) {
        const std::int64_t index = bytes[i].offset - start.offset;
        auto& [table, given] = quads[bytes[i].quad];
        table[static_cast<std::size_t>(bytes[i].place)] = static_cast<std::uint8_t>(index);
        given |= std::uint64_t{1} << static_cast<unsigned>(bytes[i].place);
        window.two = window.two || index >= 64;
      }
      const auto add_pieces = [&](bool first) {
        std::int32_t count = 0;
        for (const auto& [quad, piece] : quads) {
          if (begun.contains(quad) == first) continue;
          const auto [where, fresh] = known.try_emplace(piece.first, static_cast<std::int32_t>(tables_.size()));
          if (fresh) tables_.insert(tables_.end(), piece.first.begin(), piece.first.end());
          pieces_.push_back({where->second, static_cast<std::int32_t>(quad * kQuadBytes), piece.second});
          ++count;
        }
        return count;
      };
      window.firsts = add_pieces(true);
      std::erase_if(quads, [&](const auto& quad) { return begun.insert(quad.first).second; });
      window.others = add_pieces(false);
      windows_.push_back(window);
    }
    group.last = static_cast<std::int32_t>(windows_.size());
    groups_.push_back(group);
  }
}

void PixelConv::pack(const std::int8_t* weights, const std::int32_t* folded_bias, const float* multiplier) {
  const ConvShape& s = shape_;
  const std::int64_t block_count = divide_up(s.out_c, kBlock);
  const std::int64_t fours = divide_up(s.out_c, 4);
  bias_.assign(static_cast<std::size_t>(s.out_c + kBlock), 0);
  multiplier_.assign(static_cast<std::size_t>(s.out_c + kBlock), 0.0F);
  std::copy_n(folded_bias, s.out_c, bias_.begin());
  std::copy_n(multiplier, s.out_c, multiplier_.begin());
  weights_.assign(static_cast<std::size_t>(16 * fours * quads_), 0);
  std::int64_t done = 0;  // fours
  for (std::int64_t b = 0; b < block_count; ++b) {
    // Whole blocks first: of their results sixteen bytes are stored at once.
    const std::int64_t size = std::min(kBlock / 4, fours - done);
    const PixelBlock block{4 * done, std::min(4 * size, s.out_c - 4 * done), size, static_cast<std::size_t>(16 * done * quads_)};
    for (std::int64_t c = 0; c < block.channels; ++c)
      for (std::int64_t k = 0; k < s.filter_size(); ++k)
        weights_[block.weights + static_cast<std::size_t>((k / 4 * 4 * size + c) * 4 + k % 4)] = weights[(block.first + c) * s.filter_size() + k];
    blocks_.push_back(block);
    done += size;
  }
}

std::size_t PixelConv::packed_bytes() const noexcept {
  return weights_.size() + 4 * (bias_.size() + multiplier_.size()) + tables_.size() + padding_.size() + pieces_.size() * sizeof(PixelPiece) + windows_.size() * sizeof(PixelWindow) +
         groups_.size() * sizeof(PixelGroup);
}

std::size_t PixelConv::scratch_bytes() const noexcept { return static_cast<std::size_t>(threads_ * quads_ * kQuadBytes); }

void PixelConv::run(const std::uint8_t* x, const Epilogue& output, void* scratch) const noexcept {
  const ConvShape& s = shape_;
  const std::int64_t bands = s.out_h / out_rows_;
  parallel_pieces(threads_, s.batch * bands, [&](std::int64_t piece, std::int64_t begin, std::int64_t end) noexcept {
    std::array<const std::uint8_t*, kMostInputRows> rows;
    PixelBand band;
    band.rows = rows.data();
    band.zero_point = zero_point_;
    band.groups = groups_.data();
    band.group_count = static_cast<std::int64_t>(groups_.size());
    band.windows = windows_.data();
    band.pieces = pieces_.data();
    band.tables = tables_.data();
    band.quads = quads_;
    band.blocks = blocks_.data();
    band.block_count = static_cast<std::int64_t>(blocks_.size());
    band.weights = weights_.data();
    band.scratch = static_cast<std::uint8_t*>(scratch) + piece * quads_ * kQuadBytes;
    band.out_stride = s.out_c;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t n = i / bands;
      const std::int64_t first = i % bands * out_rows_;
      for (std::int64_t r = 0; r < in_rows_; ++r) {
        const std::int64_t ih = first * s.stride_h - s.pad_top + r;
        rows[static_cast<std::size_t>(r)] = ih < 0 || ih >= s.in_h ? padding_.data() : x + (n * s.in_h + ih) * s.in_w * s.in_c;
      }
      band.epilogue = advanced(output, (n * s.out_h + first) * s.out_w * s.out_c);
      band.epilogue.bias = bias_.data();
      band.epilogue.multiplier = multiplier_.data();
      band.epilogue.below_one = below_one_;
      kernel_->run(band);
    }
  });
}

}  // namespace octet::kernels
