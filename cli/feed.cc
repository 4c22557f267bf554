#include "cli/feed.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "cli/data/source.h"
#include "converter/channel_axis.h"
#include "engine/file_header.h"
#include "engine/try.h"

namespace octet::cli {
namespace {

using Shape = std::vector<std::int64_t>;

/// The sizes that matter when a sample's shape is compared with an input's: 28x28 is 1x28x28.
Shape without_ones(Shape shape) {
  std::erase(shape, 1);
  return shape;
}

/// One sample of an array; of an input, whose leading 1 is the batch's.
Shape sample_shape(const Shape& array) { return array.empty() ? array : Shape(array.begin() + 1, array.end()); }
Shape sample_shape(const TensorInfo& info) {
  return info.batched && !info.shape.empty() && info.shape[0] == 1 ? sample_shape(info.shape) : info.shape;
}

/// What images are to be for this input: [N,C,H,W] or [N,H,W,C], told apart by where the 1 or 3 channels stand.
void read_as_images(const TensorInfo& info, const DataOptions& options, ReadOptions& read) {
  read.image.resize = options.resize;
  read.image.crop = options.crop;
  read.image.bgr = options.channels == "bgr";
  const auto is_channels = [&](std::size_t axis) { return info.shape[axis] == 1 || info.shape[axis] == 3; };
  if (info.shape.size() != 4 || (!is_channels(1) && !is_channels(3))) return;
  read.image.channels_last = !is_channels(1);
  const std::size_t first = read.image.channels_last ? 1 : 2;
  read.channels = static_cast<int>(info.shape[read.image.channels_last ? 3 : 1]);
  constexpr std::int64_t kMost = 65500;
  if (info.shape[first] <= kMost && info.shape[first + 1] <= kMost)
    read.image.size = {static_cast<int>(info.shape[first]), static_cast<int>(info.shape[first + 1])};
}

struct Spec {
  std::string input, path;
};

/// INPUT=FILE, unless the whole is a file's name.
Result<Spec> parse_spec(const std::string& text, const std::vector<std::string>& inputs) {
  std::error_code ignored;
  if (text.find('=') == std::string::npos || std::filesystem::exists(text, ignored)) return Spec{"", text};
  auto [input, path] = split_name(text, inputs);
  if (std::ranges::find(inputs, input) != inputs.end()) return Spec{std::move(input), std::move(path)};
  std::string all;
  for (const std::string& name : inputs) all += (all.empty() ? "" : ", ") + name;
  return usage_error("--data " + text + ": the model has no input '" + input + "', its inputs are: " + all);
}

template <class T>
void convert_values(const std::byte* from, std::size_t n, const auto& put) {
  for (std::size_t i = 0; i < n; ++i) {
    T value;
    std::memcpy(&value, from + i * sizeof(T), sizeof(T));
    put(i, value);
  }
}

/// put(i, value) for n elements of a type.
void for_each_value(Type type, const std::byte* from, std::size_t n, const auto& put) {
  switch (type) {
    case Type::f32:
      convert_values<float>(from, n, put);
      break;
    case Type::u8:
    case Type::boolean:
      convert_values<std::uint8_t>(from, n, put);
      break;
    case Type::s8:
      convert_values<std::int8_t>(from, n, put);
      break;
    case Type::s32:
      convert_values<std::int32_t>(from, n, put);
      break;
    case Type::s64:
      convert_values<std::int64_t>(from, n, put);
      break;
  }
}

bool integral(Type type) noexcept { return type != Type::f32; }

std::string positive_integer(const std::string& text) {
  std::int64_t value = 0;
  return CLI::detail::lexical_cast(text, value) && value > 0 ? "" : "'" + text + "' is not a positive integer";
}

}  // namespace

void DataOptions::add(CLI::App& command, bool required) {
  auto* option =
      command.add_option("--data", data, "Samples: .npy, .npz, IDX (.gz or not), PNG, JPEG or a directory of images")
          ->type_name("[INPUT=]FILE")
          ->allow_extra_args(false);
  if (required) option->required();
  command.add_option("--samples", samples, "Use the first N samples")->type_name("N")->check(positive_integer);
  constexpr const char* kGroup = "Images (by default resized to cover the input, bilinear, and cropped to it)";
  command.add_option("--resize", resize, "Resize the shorter side to N pixels")->type_name("N")->check(CLI::Range(1, 65500))->group(kGroup);
  command.add_option("--crop", crop, "Cut NxN from the middle; without it, the input's size")
      ->type_name("N")
      ->check(CLI::Range(1, 65500))
      ->group(kGroup);
  command.add_option("--channels", channels, "Order of the channels the model takes")
      ->type_name("rgb|bgr")
      ->check(CLI::IsMember({"rgb", "bgr"}))
      ->capture_default_str()
      ->group(kGroup);
}

Result<Feed> Feed::open(const std::vector<TensorInfo>& inputs, const DataOptions& options,
                        std::shared_ptr<const Normalization> normalization) {
  std::vector<Source> sources;
  for (const TensorInfo& i : inputs) sources.push_back({i, nullptr, {}});
  const auto assign = [&](const std::string& input, Array array, const std::string& path) -> Result<void> {
    const auto found = input.empty() && sources.size() == 1
                           ? sources.begin()
                           : std::ranges::find(sources, input, [](const Source& s) { return s.info.name; });
    if (input.empty() && found == sources.end())
      return Error{ErrorCode::invalid_argument, "the model has several inputs: say which, as --data INPUT=FILE", path};
    if (found == sources.end())
      return Error{ErrorCode::invalid_argument, "the model has no input " + quote(input), path};
    if (found->array != nullptr)
      return Error{ErrorCode::invalid_argument, "input '" + found->info.name + "' is given twice", path};
    found->array = std::make_shared<const Array>(std::move(array));
    found->path = path;
    return {};
  };
  for (const std::string& text : options.data) {
    OCTET_TRY(const Spec spec, parse_spec(text, names_of(inputs)));
    ReadOptions read;
    read.samples = options.samples;
    const auto target = spec.input.empty() ? inputs.begin() : std::ranges::find(inputs, spec.input, &TensorInfo::name);
    if (target != inputs.end()) read_as_images(*target, options, read);
    OCTET_TRY(auto arrays, read_data(spec.path, read));
    if (arrays.size() > 1 && !spec.input.empty() && !arrays.contains(spec.input))
      return Error{ErrorCode::invalid_file, "has no array " + quote(spec.input), spec.path};
    for (auto& [name, array] : arrays) {
      // A single array of an .npz goes to the input named on the command line, or to the only one.
      const bool only = arrays.size() == 1 && (!spec.input.empty() || inputs.size() == 1);
      if (!only && !spec.input.empty() && name != spec.input) continue;
      OCTET_CHECK(assign(only ? spec.input : name, std::move(array), spec.path));
    }
  }
  const bool for_images = options.resize || options.crop || options.channels != "rgb";
  if (for_images && std::ranges::none_of(sources, [](const Source& s) { return holds_images(s.path); }))
    return usage_error("--resize, --crop and --channels are for images, and no --data is one");
  return make(std::move(sources), std::move(normalization));
}

Error Feed::does_not_fit(const Source& source, const std::string& message) {
  return Error{ErrorCode::invalid_file, message, source.path + ": input '" + source.info.name + "'"};
}

namespace {

/// What to do with single samples where a model takes `fixed` of them at once, its batch fixed; empty if that is not the matter.
std::string advice_for_fixed_batch(const Shape& fixed, const Shape& data) {
  if (fixed.size() < 2 || fixed[0] == 1 || data.empty()) return {};
  if (without_ones(sample_shape(fixed)) != without_ones(sample_shape(data))) return {};
  return ": the model's leading dimension is fixed at " + std::to_string(fixed[0]) + ", so one of its samples is " + std::to_string(fixed[0]) +
         " of these; reshape the data to [n," + shape_text(fixed).substr(1) + ", or export the model with an open leading dimension";
}

/// Where the data is one sample without the dimension that counts samples.
std::string advice_for_one_sample(Shape sample, const Shape& data) {
  if (without_ones(sample) != without_ones(data)) return {};
  sample.insert(sample.begin(), 1);
  return ": the leading dimension counts the samples; this one alone is " + shape_text(sample);
}

}  // namespace

Result<Feed> Feed::make(std::vector<Source> sources, std::shared_ptr<const Normalization> normalization) {
  Feed feed;
  feed.count_ = sources.empty() ? 1 : -1;
  for (Source& s : sources) {
    const TensorInfo& info = s.info;
    if (info.elements() == 0 && (s.array == nullptr || s.array->bytes.empty())) {  // there is nothing to give
      s.array = std::make_shared<const Array>(Array{info.type, {1, 0}, {}});
      continue;
    }
    if (s.array == nullptr)
      return Error{ErrorCode::invalid_argument, "has no data: give it with --data", "input '" + info.name + "'"};
    const Array& a = *s.array;
    if (normalization != nullptr && info.type == Type::u8)
      return usage_error("input '" + info.name +
                         "' takes raw bytes, the model has its preprocessing: leave --scale, --mean and --std away");
    if (a.shape.empty() || without_ones(sample_shape(a.shape)) != without_ones(sample_shape(info))) {
      const std::string fixed = advice_for_fixed_batch(sample_shape(info), a.shape);
      return does_not_fit(s, "takes samples of shape " + shape_text(sample_shape(info)) + ", the data has " +
                                 std::to_string(a.rows()) + " of " + shape_text(sample_shape(a.shape)) +
                                 (fixed.empty() ? advice_for_one_sample(sample_shape(info), a.shape) : fixed));
    }
    if (integral(info.type) && info.type != a.type && !(info.type == Type::s64 && integral(a.type)) &&
        !(info.type == Type::s32 && integral(a.type)))
      return does_not_fit(s, std::string("takes ") + name_of(info.type) +
                                 (info.type == Type::u8 ? " (raw bytes)" : "") + ", the data is " + name_of(a.type));
    if (feed.count_ != -1 && feed.count_ != a.rows())
      return does_not_fit(
          s, "has " + std::to_string(a.rows()) + " samples, another input has " + std::to_string(feed.count_));
    feed.count_ = a.rows();
    if (normalization != nullptr && info.type == Type::f32 && normalization->mean.size() > 1 &&
        !channel_axis(info.shape, normalization->mean.size()))
      return usage_error("--mean and --std have " + std::to_string(normalization->mean.size()) + " values, input '" +
                         info.name + "' has shape " + shape_text(info.shape));
  }
  feed.count_ = std::max<std::int64_t>(feed.count_, 1);
  feed.sources_ = std::move(sources);
  feed.normalization_ = std::move(normalization);
  return feed;
}

Result<Feed> Feed::with(const std::vector<TensorInfo>& inputs,
                        std::shared_ptr<const Normalization> normalization) const {
  std::vector<Source> sources;
  for (const TensorInfo& i : inputs) {
    const auto found = std::ranges::find(sources_, i.name, [](const Source& s) { return s.info.name; });
    if (found == sources_.end()) return usage_error("only one of the two models has an input '" + i.name + "'");
    sources.push_back({i, found->array, found->path});
  }
  return make(std::move(sources), std::move(normalization));
}

Result<void> Feed::read(std::size_t input, std::int64_t first, std::int64_t n, std::span<float> values) const {
  if (values.empty()) return {};
  const Source& s = sources_[input];
  const std::size_t per_sample = s.info.elements();
  const std::size_t row = s.array->row_bytes();
  if (values.size() != per_sample * static_cast<std::size_t>(n))
    return usage_error("a batch of the wrong size was asked for");
  // Without normalization values are converted as they are; (v * 1 - 0) / 1 is the same.
  static const Normalization kNone;
  const Normalization& norm = normalization_ != nullptr ? *normalization_ : kNone;
  const std::size_t channels = norm.mean.size();
  std::size_t plane = per_sample;  // values of one channel that follow each other
  if (channels > 1) {
    plane = 1;
    for (std::size_t i = channel_axis(s.info.shape, channels).value() + 1; i < s.info.shape.size(); ++i) plane *= static_cast<std::size_t>(s.info.shape[i]);
  }
  for_each_value(s.array->type, s.array->bytes.data() + static_cast<std::size_t>(first) * row, values.size(),
                 [&](std::size_t i, auto v) {
                   const std::size_t c = channels > 1 ? i / plane % channels : 0;
                   values[i] = static_cast<float>(
                       (static_cast<double>(v) * static_cast<double>(norm.scale) - static_cast<double>(norm.mean[c])) /
                       static_cast<double>(norm.std[c]));
                 });
  forget(s.array->bytes);
  return {};
}

Result<void> Feed::read_integers(std::size_t input, std::int64_t first, std::int64_t n,
                                 std::span<std::int64_t> values) const {
  const Source& s = sources_[input];
  if (values.size() != s.info.elements() * static_cast<std::size_t>(n))
    return usage_error("a batch of the wrong size was asked for");
  for_each_value(s.array->type, s.array->bytes.data() + static_cast<std::size_t>(first) * s.array->row_bytes(),
                 values.size(), [&](std::size_t i, auto v) { values[i] = static_cast<std::int64_t>(v); });
  return {};
}

Result<void> Feed::read_bytes(std::size_t input, std::int64_t first, std::int64_t n, std::span<std::byte> bytes) const {
  if (bytes.empty()) return {};
  const Source& s = sources_[input];
  if (s.info.type == Type::f32)
    return read(input, first, n, {reinterpret_cast<float*>(bytes.data()), bytes.size() / sizeof(float)});
  const std::byte* from = s.array->bytes.data() + static_cast<std::size_t>(first) * s.array->row_bytes();
  const std::size_t elements = bytes.size() / size_of(s.info.type);
  if (s.info.type == s.array->type) {
    std::memcpy(bytes.data(), from, bytes.size());
    forget(s.array->bytes);
    return {};
  }
  bool fits = true;
  for_each_value(s.array->type, from, elements, [&](std::size_t i, auto v) {
    const auto wide = static_cast<std::int64_t>(v);
    const auto narrow = static_cast<std::int32_t>(wide);
    fits = fits && (s.info.type == Type::s64 || narrow == wide);
    if (s.info.type == Type::s64) {
      std::memcpy(bytes.data() + i * sizeof(wide), &wide, sizeof(wide));
    } else {
      std::memcpy(bytes.data() + i * sizeof(narrow), &narrow, sizeof(narrow));
    }
  });
  if (!fits) return does_not_fit(s, "a value does not fit into s32");
  return {};
}

bool Feed::batched() const noexcept {
  return std::ranges::all_of(sources_, [](const Source& s) { return s.info.batched; });
}

Result<void> Feed::check_finite() const {
  for (const Source& s : sources_) {
    if (s.array->type != Type::f32) continue;
    std::optional<Error> error;
    for_each_piece(s.array->bytes, [&](std::span<const std::byte> piece, std::size_t begin) {
      const std::span values(reinterpret_cast<const float*>(piece.data()), piece.size() / sizeof(float));
      const auto bad = std::ranges::find_if(values, [](float v) { return !std::isfinite(v); });
      if (bad == values.end()) return true;
      const std::size_t at = begin + static_cast<std::size_t>(bad - values.begin()) * sizeof(float);
      error = does_not_fit(s, std::string(std::isnan(*bad) ? "a NaN" : "an infinity") + " in sample " +
                                  std::to_string(at / s.array->row_bytes()));
      return false;
    });
    if (error) return *std::move(error);
  }
  return {};
}

std::uint64_t Feed::hash() const {
  std::uint64_t all = 0;
  for (const Source& s : sources_) {
    Hash64 hash;
    for_each_piece(s.array->bytes, [&](std::span<const std::byte> piece, std::size_t) {
      hash.add(piece);
      return true;
    });
    all = all * 31 + hash.value();
  }
  return all;
}

Result<void> Runner::run(const Feed& feed, std::int64_t batch, const std::string& what, const MakeSession& make,
                         const After& after) {
  if (!feed.batched()) batch = 1;
  Progress progress(what, feed.count());
  std::optional<Session> session;
  std::int64_t size = 0;
  std::vector<std::vector<std::byte>> inputs, outputs;
  for (std::int64_t first = 0; first < feed.count(); first += batch) {
    const std::int64_t n = std::min(batch, feed.count() - first);
    if (!session || n != size) {
      OCTET_TRY(Session made, make(n));
      session.emplace(std::move(made));
      size = n;
      inputs.clear();
      outputs.clear();
      for (const TensorInfo& i : session->inputs()) inputs.emplace_back(i.size_bytes());
      for (const TensorInfo& o : session->outputs()) outputs.emplace_back(o.size_bytes());
    }
    std::vector<InputTensor> in;
    std::vector<OutputTensor> out;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      OCTET_CHECK(feed.read_bytes(i, first, n, inputs[i]));
      in.emplace_back(inputs[i].data(), inputs[i].size(), session->inputs()[i].type);
    }
    for (std::size_t o = 0; o < outputs.size(); ++o)
      out.emplace_back(outputs[o].data(), outputs[o].size(), session->outputs()[o].type);
    OCTET_CHECK(session->run(in, out));
    OCTET_CHECK(after(*session, outputs, first, n));
    progress.at(first + n);
  }
  return {};
}

}  // namespace octet::cli
