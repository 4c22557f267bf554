// How many boxes NonMaxSuppression selects decides the shape of its output, which the engine knows before it runs: so all of its inputs
// must be constant, and it is computed here.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "converter/onnx/importer.h"

namespace octet {
namespace {

/// Corners, the first one with the smaller coordinates.
struct Box {
  float y1, x1, y2, x2;
  [[nodiscard]] float area() const noexcept { return (y2 - y1) * (x2 - x1); }
};

/// From two corners in any order, or from center, width and height.
Box box_of(std::span<const float> v, bool center) noexcept {
  if (center) return {v[1] - v[3] / 2, v[0] - v[2] / 2, v[1] + v[3] / 2, v[0] + v[2] / 2};
  return {std::min(v[0], v[2]), std::min(v[1], v[3]), std::max(v[0], v[2]), std::max(v[1], v[3])};
}

/// Whether a and b overlap by more than `threshold` of what they cover together. Boxes without area overlap with none.
bool overlap(const Box& a, const Box& b, float threshold) noexcept {
  const float height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  const float width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  if (!(height > 0 && width > 0)) return false;
  const float both = height * width;
  const float together = a.area() + b.area() - both;
  return together > 0 && both / together > threshold;
}

struct Suppression {
  std::vector<Box> boxes;        // of all samples, one after the other
  std::span<const float> scores; // [samples, classes, boxes]
  std::int64_t samples = 0, classes = 0, count = 0;
  std::int64_t most = 0;         // selected of each class
  float overlap_threshold = 0;
  std::optional<float> score_threshold;
};

/// The best box, then the best of those that do not overlap with it, ...; the first one of equals.
std::vector<std::int64_t> select(const Suppression& s, std::int64_t sample, std::int64_t of_class) {
  const auto count = static_cast<std::size_t>(s.count);
  const auto scores = s.scores.subspan(static_cast<std::size_t>(sample * s.classes + of_class) * count, count);
  const auto boxes = std::span(s.boxes).subspan(static_cast<std::size_t>(sample) * count, count);
  std::vector<std::int64_t> order(count);
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::erase_if(order, [&](std::int64_t i) { return s.score_threshold && !(scores[static_cast<std::size_t>(i)] > *s.score_threshold); });
  std::ranges::stable_sort(order, [&](std::int64_t a, std::int64_t b) { return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)]; });
  std::vector<std::int64_t> selected;
  for (const std::int64_t i : order) {
    if (static_cast<std::int64_t>(selected.size()) >= s.most) break;
    const auto hidden = [&](std::int64_t j) { return overlap(boxes[static_cast<std::size_t>(i)], boxes[static_cast<std::size_t>(j)], s.overlap_threshold); };
    if (std::ranges::none_of(selected, hidden)) selected.push_back(i);
  }
  return selected;
}

Result<Tensor> read_reals(const NodeImport& node, std::size_t input, const char* what) {
  auto value = node.constant(input);
  if (!value) return unsupported(std::string("its ") + what + " must be constant: how many boxes they select decides the shape of its output");
  if (value->type != Type::f32) return unsupported(std::string("its ") + what + " are " + name_of(value->type) + ", not f32");
  return *std::move(value);
}

/// One number, or `fallback` where it is not given.
template <class T>
Result<T> read_number(const NodeImport& node, std::size_t input, const char* what, T fallback) {
  if (!node.has_input(input)) return fallback;
  OCTET_TRY(const Tensor value, node.constant(input, what));
  if (value.type != type_of<T>() || element_count(value.shape) != 1)
    return invalid(std::string("its ") + what + " is " + name_of(value.type) + " of shape " + to_string(value.shape) + ", not one " + name_of(type_of<T>()));
  return value.data.as<T>()[0];
}

Result<void> read_thresholds(const NodeImport& node, Suppression& s) {
  OCTET_TRY(s.most, read_number<std::int64_t>(node, 2, "max_output_boxes_per_class", 0));
  OCTET_TRY(s.overlap_threshold, read_number(node, 3, "iou_threshold", 0.0F));
  if (node.has_input(4)) {
    OCTET_TRY(s.score_threshold, read_number(node, 4, "score_threshold", 0.0F));
  }
  s.most = std::clamp<std::int64_t>(s.most, 0, s.count);
  return {};
}

Result<void> import_non_max_suppression(NodeImport& node) {
  OCTET_TRY(const std::int64_t center, node.attributes.integer("center_point_box", 0));
  OCTET_TRY(const Tensor boxes, read_reals(node, 0, "boxes"));
  OCTET_TRY(const Tensor scores, read_reals(node, 1, "scores"));
  const Shape& b = boxes.shape;
  if (b.size() != 3 || b[2] != 4 || scores.shape.size() != 3 || scores.shape[0] != b[0] || scores.shape[2] != b[1])
    return invalid("its boxes have shape " + to_string(b) + ", its scores " + to_string(scores.shape));
  Suppression s;
  s.scores = scores.data.as<float>();
  s.samples = b[0], s.classes = scores.shape[1], s.count = b[1];
  OCTET_CHECK(read_thresholds(node, s));
  const auto corners = boxes.data.as<float>();
  const auto values = static_cast<std::int64_t>(s.scores.size() + corners.size());
  if (!node.may_make(element_count({values, std::max<std::int64_t>(s.most, 1)}))) return unsupported("it has too many boxes");
  if (std::ranges::any_of(s.scores, [](float v) { return std::isnan(v); })) return invalid("a score is NaN");
  for (std::size_t i = 0; i < corners.size(); i += 4) s.boxes.push_back(box_of(corners.subspan(i, 4), center != 0));
  std::vector<std::int64_t> triples;
  if (!s.scores.empty())
    for (std::int64_t sample = 0; sample < s.samples; ++sample)
      for (std::int64_t of_class = 0; of_class < s.classes; ++of_class)
        for (const std::int64_t i : select(s, sample, of_class)) triples.insert(triples.end(), {sample, of_class, i});
  Tensor made;
  made.type = Type::s64;
  made.shape = {static_cast<std::int64_t>(triples.size() / 3), 3};
  made.data = Constant::of(std::move(triples));
  node.set_constant_output(std::move(made));
  return {};
}

}  // namespace

void register_non_max_suppression(ImporterTable& table) { table.add("NonMaxSuppression", {2, 5, import_non_max_suppression}); }

}  // namespace octet
