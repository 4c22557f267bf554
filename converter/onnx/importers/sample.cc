// GridSample and RoiAlign: images read at places that are computed at run time. Pixels are Gathered, their weights are arithmetic.
#include <algorithm>
#include <cmath>

#include "converter/onnx/importers/compose.h"

namespace octet {
namespace {

using schema::BinaryFunction;
using schema::Comparison;
using schema::Function;

enum class Padding { zeros, border, reflection };
enum class Mode { linear, nearest, cubic };

/// Along one axis: the pixels (s64) that a place reads, and their weights (f32).
struct Pixels {
  std::vector<int> index, weight;
};

class Sampler {
 public:
  Sampler(NodeImport& node, Compose& make) : node_(node), make_(make) {}

  Result<int> scaled(int x, double a, double b) {
    OCTET_TRY(const int product, make_.binary(BinaryFunction::Mul, x, make_.number(Type::f32, a)));
    return make_.binary(BinaryFunction::Add, product, make_.number(Type::f32, b));
  }

  /// The place mirrored into [low, high], back and forth.
  Result<int> reflected(int x, double low, double high) {
    const double span = high - low;
    if (span <= 0) return scaled(x, 0.0, low);
    OCTET_TRY(int at, make_.binary(BinaryFunction::Add, x, make_.number(Type::f32, -low)));
    OCTET_TRY(at, make_.pointwise(Function::Abs, at));
    OCTET_TRY(at, make_.binary(BinaryFunction::Remainder, at, make_.number(Type::f32, 2 * span)));
    OCTET_TRY(const int back, scaled(at, -1.0, 2 * span));
    OCTET_TRY(at, make_.binary(BinaryFunction::Min, at, back));
    return make_.binary(BinaryFunction::Add, at, make_.number(Type::f32, low));
  }

  /// A whole place of an axis of `size` pixels, with its weight.
  Result<void> add_pixel(Pixels& pixels, int at, int weight, std::int64_t size, Padding padding, bool align_corners) {
    const auto last = static_cast<float>(size - 1);
    if (padding == Padding::reflection) {
      OCTET_TRY(at, align_corners ? reflected(at, 0, static_cast<double>(last)) : reflected(at, -0.5, static_cast<double>(last) + 0.5));
    }
    OCTET_TRY(const int inside, make_.pointwise(Function::Clip, at, 0.0F, last));
    if (padding == Padding::zeros) {
      OCTET_TRY(const int there, make_.compare(Comparison::Equal, inside, at));
      OCTET_TRY(const int counts, make_.cast(there, Type::f32));
      OCTET_TRY(weight, make_.binary(BinaryFunction::Mul, weight, counts));
    }
    OCTET_TRY(const int index, make_.cast(inside, Type::s64));
    pixels.index.push_back(index);
    pixels.weight.push_back(weight);
    return {};
  }

  Result<Pixels> pixels_of(int place, std::int64_t size, Mode mode, Padding padding, bool align_corners) {
    Pixels pixels;
    if (mode == Mode::nearest) {
      OCTET_TRY(const int at, make_.pointwise(Function::Round, place));
      OCTET_CHECK(add_pixel(pixels, at, make_.number(Type::f32, 1), size, padding, align_corners));
      return pixels;
    }
    OCTET_TRY(const int first, make_.pointwise(Function::Floor, place));
    OCTET_TRY(const int way, make_.binary(BinaryFunction::Sub, place, first));
    const int begin = mode == Mode::linear ? 0 : -1;
    const int end = mode == Mode::linear ? 2 : 3;
    for (int k = begin; k < end; ++k) {
      OCTET_TRY(const int at, make_.binary(BinaryFunction::Add, first, make_.number(Type::f32, k)));
      // How far the place is from this pixel.
      OCTET_TRY(const int distance, k <= 0 ? make_.binary(BinaryFunction::Sub, way, make_.number(Type::f32, k)) : scaled(way, -1.0, k));
      OCTET_TRY(const int weight, mode == Mode::linear ? scaled(distance, -1.0, 1.0) : cubic(distance, k == 0 || k == 1));
      OCTET_CHECK(add_pixel(pixels, at, weight, size, padding, align_corners));
    }
    return pixels;
  }

  /// sum over rows and columns of weight * pixel: x [N, H, W, C] at places [N, ...]: [N, ..., C].
  Result<int> sum_of(int x, const Pixels& rows, const Pixels& columns) {
    const Shape shape = make_.open(x);
    OCTET_TRY(const int flat, make_.reshape(x, {shape[0], element_count({shape[1], shape[2]}), shape[3]}));
    int sum = kAbsent;
    for (std::size_t i = 0; i < rows.index.size(); ++i) {
      OCTET_TRY(const int row, make_.binary(BinaryFunction::Mul, rows.index[i], make_.number(Type::s64, static_cast<double>(shape[2]))));
      for (std::size_t j = 0; j < columns.index.size(); ++j) {
        OCTET_TRY(int at, make_.binary(BinaryFunction::Add, row, columns.index[j]));
        OCTET_TRY(at, with_last_axis(at));
        schema::GatherNDT gather;
        gather.batch_axes = 1;
        OCTET_TRY(const int pixel, make_.op(std::move(gather), {flat, at}));
        OCTET_TRY(int weight, make_.binary(BinaryFunction::Mul, rows.weight[i], columns.weight[j]));
        if (node_.rank(weight) > 0) {
          OCTET_TRY(weight, with_last_axis(weight));
        }
        OCTET_TRY(const int part, make_.binary(BinaryFunction::Mul, pixel, weight));
        if (sum == kAbsent) sum = part;
        else {
          OCTET_TRY(sum, make_.binary(BinaryFunction::Add, sum, part));
        }
      }
    }
    return sum;
  }

  Result<int> with_last_axis(int x) {
    Shape shape = make_.open(x);
    shape.push_back(1);
    return make_.reshape(x, shape);
  }

 private:
  /// Keys' kernel with a = -3/4 at a distance in [0, 1] (near) or [1, 2].
  Result<int> cubic(int d, bool near) {
    constexpr double kA = -0.75;
    const double c[4] = {near ? 1.0 : -4 * kA, near ? 0.0 : 8 * kA, near ? -(kA + 3) : -5 * kA, near ? kA + 2 : kA};
    OCTET_TRY(int y, scaled(d, c[3], c[2]));
    for (int i = 1; i >= 0; --i) {
      OCTET_TRY(y, make_.binary(BinaryFunction::Mul, y, d));
      OCTET_TRY(y, make_.binary(BinaryFunction::Add, y, make_.number(Type::f32, c[i])));
    }
    return y;
  }

  NodeImport& node_;
  Compose& make_;
};

/// Element k of the last axis: [..., K] to [...].
Result<int> component(Compose& make, NodeImport& node, int x, std::int64_t k) {
  OCTET_TRY(const int one, make.slice(x, node.rank(x) - 1, k, 1));
  Shape shape = make.open(one);
  shape.pop_back();
  return make.reshape(one, shape);
}

Result<void> import_grid_sample(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const int grid, node.input(1));
  // Since opset 20 without "bi".
  OCTET_TRY(const std::string mode_name, node.attributes.text("mode", "bilinear"));
  OCTET_TRY(const std::size_t padding, node.attributes.choice("padding_mode", {"zeros", "border", "reflection"}));
  OCTET_TRY(const std::int64_t align_corners, node.attributes.integer("align_corners", 0));
  const std::string plain = mode_name.starts_with("bi") ? mode_name.substr(2) : mode_name;
  if (plain != "linear" && plain != "nearest" && plain != "cubic") return invalid("its mode is '" + mode_name.substr(0, 100) + "'");
  if (node.rank(x) != 4) return unsupported("its input has rank " + std::to_string(node.rank(x)) + ", not 4");
  if (node.rank(grid) != 4 || node.shape(grid)[3] != 2) return invalid("its grid has shape " + to_string(node.shape(grid)));
  if (node.type(x) != Type::f32 || node.type(grid) != Type::f32) return unsupported("only f32 is supported");
  const Mode mode = plain == "linear" ? Mode::linear : plain == "nearest" ? Mode::nearest : Mode::cubic;
  Compose make(node);
  Sampler sampler(node, make);
  Pixels of[2];  // columns, rows
  for (const std::size_t k : {0U, 1U}) {
    const std::int64_t size = node.shape(x)[3 - k];
    const auto pixels = static_cast<double>(size);
    OCTET_TRY(const int at, component(make, node, grid, static_cast<std::int64_t>(k)));
    // [-1, 1] is from the first to the last pixel's center, or from edge to edge.
    OCTET_TRY(const int place, align_corners != 0 ? sampler.scaled(at, (pixels - 1) / 2, (pixels - 1) / 2) : sampler.scaled(at, pixels / 2, (pixels - 1) / 2));
    OCTET_TRY(of[k], sampler.pixels_of(place, size, mode, static_cast<Padding>(padding), align_corners != 0));
  }
  OCTET_TRY(const int image, make.axis_last(x, 1));
  OCTET_TRY(const int y, sampler.sum_of(image, of[1], of[0]));
  OCTET_TRY(const int first, make.transpose(y, {0, 3, 1, 2}));
  return make.finish(first);
}

/// What does not depend on the axis.
struct Regions {
  std::int64_t samples;  ///< in a bin, along an axis
  double scale, offset;
  bool at_least_one;  ///< pixel is the size of a region
};

/// The places [R, bins * samples] along an axis of regions that go from `from` to `to` [R, 1].
Result<int> region_places(Sampler& sampler, Compose& make, int from, int to, std::int64_t bins, const Regions& r) {
  OCTET_TRY(const int start, sampler.scaled(from, r.scale, -r.offset));
  OCTET_TRY(const int end, sampler.scaled(to, r.scale, -r.offset));
  OCTET_TRY(int size, make.binary(BinaryFunction::Sub, end, start));
  if (r.at_least_one) {
    OCTET_TRY(size, make.pointwise(Function::Clip, size, 1.0F, HUGE_VALF));
  }
  std::vector<float> shares;
  for (std::int64_t i = 0; i < bins * r.samples; ++i)
    shares.push_back(static_cast<float>((static_cast<double>(i) + 0.5) / static_cast<double>(bins * r.samples)));
  OCTET_TRY(const int along, make.binary(BinaryFunction::Mul, size, make.constant<float>({1, bins * r.samples}, shares)));
  return make.binary(BinaryFunction::Add, start, along);
}

/// The two pixels beside each place, which counts for nothing where it is more than a pixel outside.
Result<Pixels> region_pixels(Sampler& sampler, Compose& make, int place, std::int64_t size) {
  const auto last = static_cast<float>(size - 1);
  OCTET_TRY(const int near, make.pointwise(Function::Clip, place, -1.0F, last + 1));
  OCTET_TRY(const int same, make.compare(Comparison::Equal, near, place));
  OCTET_TRY(const int counts, make.cast(same, Type::f32));
  OCTET_TRY(const int inside, make.pointwise(Function::Clip, place, 0.0F, last));
  OCTET_TRY(Pixels pixels, sampler.pixels_of(inside, size, Mode::linear, Padding::border, true));
  for (int& weight : pixels.weight) {
    OCTET_TRY(weight, make.binary(BinaryFunction::Mul, weight, counts));
  }
  return pixels;
}

Result<void> import_roi_align(NodeImport& node) {
  OCTET_TRY(const int x, node.input(0));
  OCTET_TRY(const int rois, node.input(1));
  OCTET_TRY(const int images, node.input(2));
  OCTET_TRY(const std::size_t mode, node.attributes.choice("mode", {"avg", "max"}));
  OCTET_TRY(const std::int64_t height, node.attributes.integer("output_height", 1));
  OCTET_TRY(const std::int64_t width, node.attributes.integer("output_width", 1));
  OCTET_TRY(const std::int64_t samples, node.attributes.integer("sampling_ratio", 0));
  OCTET_TRY(const float scale, node.attributes.real("spatial_scale", 1.0F));
  OCTET_TRY(const std::string coordinates, node.attributes.text("coordinate_transformation_mode", node.opset() < 16 ? "output_half_pixel" : "half_pixel"));
  if (mode != 0) return unsupported("mode 'max' is not supported");
  if (samples < 1) return unsupported("with sampling_ratio 0 the number of samples depends on the data");
  if (coordinates != "half_pixel" && coordinates != "output_half_pixel") return invalid("its coordinate_transformation_mode is '" + coordinates.substr(0, 100) + "'");
  if (node.rank(x) != 4 || node.rank(rois) != 2 || node.shape(rois)[1] != 4 || node.rank(images) != 1 || node.shape(images)[0] != node.shape(rois)[0])
    return invalid("its inputs have shapes " + to_string(node.shape(x)) + ", " + to_string(node.shape(rois)) + " and " + to_string(node.shape(images)));
  constexpr std::int64_t kMost = 4096;
  if (height < 1 || width < 1 || height > kMost || width > kMost || samples > kMost) return invalid("its output or sampling_ratio is empty or too large");
  const Regions r{samples, static_cast<double>(scale), coordinates == "half_pixel" ? 0.5 : 0.0, coordinates != "half_pixel"};
  Compose make(node);
  Sampler sampler(node, make);
  // Each region reads its own image: [R, H, W, C].
  OCTET_TRY(const int all, make.axis_last(x, 1));
  OCTET_TRY(const int image, make.op(schema::GatherT{}, {all, images}));
  Pixels of[2];  // columns, rows
  for (const std::size_t k : {0U, 1U}) {
    const std::int64_t bins = k == 0 ? width : height;
    OCTET_TRY(const int from, make.slice(rois, 1, static_cast<std::int64_t>(k), 1));
    OCTET_TRY(const int to, make.slice(rois, 1, static_cast<std::int64_t>(k) + 2, 1));
    OCTET_TRY(const int place, region_places(sampler, make, from, to, bins, r));
    // Rows and columns cross: [R, bins, 1] and [R, 1, bins].
    OCTET_TRY(const int crossing, make.reshape(place, k == 0 ? Shape{-1, 1, bins * samples} : Shape{-1, bins * samples, 1}));
    OCTET_TRY(of[k], region_pixels(sampler, make, crossing, node.shape(x)[3 - k]));
  }
  OCTET_TRY(int y, sampler.sum_of(image, of[1], of[0]));
  OCTET_TRY(y, make.reshape(y, {-1, height, samples, width, samples, node.shape(x)[1]}));
  OCTET_TRY(y, make.reduce(schema::Reduction::Mean, y, {2, 4}, false));
  OCTET_TRY(y, make.transpose(y, {0, 3, 1, 2}));
  return make.finish(y);
}

}  // namespace

void register_sample(ImporterTable& table) {
  table.add("GridSample", {2, 2, import_grid_sample});
  table.add("RoiAlign", {3, 3, import_roi_align});
}

}  // namespace octet
