#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "cli/accounting.h"
#include "cli/command.h"
#include "cli/feed.h"
#include "cli/nearest.h"
#include "cli/summary.h"
#include "converter/choose_calibrator.h"
#include "engine/model.h"
#include "engine/try.h"

namespace octet::cli {
namespace {

struct Options {
  std::string model, output;
  std::vector<std::string> shapes;
  DataOptions data;
  NormalizationOptions normalization;
  std::optional<std::string> calibrator, weight_calibrator;
  std::optional<double> percentile;
  std::string mode = "static";
  std::optional<std::string> weights, activations, repair;
  std::vector<std::string> float_nodes;
  bool require_int8 = false;
  int threads = default_threads();
  JsonOption json;

  [[nodiscard]] bool per_channel() const { return weights != "per-tensor"; }
  [[nodiscard]] bool repairs_by(const char* method) const { return !repair || *repair == "all" || *repair == method; }
};

/// A misspelt --float must not pass silently.
Result<void> check_float_nodes(const Model& model, const std::vector<std::string>& names) {
  std::vector<std::string> there;
  for (const SourceNode& s : model.impl().graph.source_nodes) there.push_back(s.name);
  for (const std::string& name : names)
    if (std::ranges::find(there, name) == there.end())
      return usage_error("--float " + name + ": the model has no such node" + did_you_mean(name, there));
  return {};
}

/// What can be said before any file is read.
Result<void> check_options(const Options& o) {
  std::error_code ignored;
  OCTET_CHECK(check_output_name("-o", o.output));
  if (std::filesystem::equivalent(o.model, o.output, ignored))
    return usage_error("-o would overwrite the model itself");
  for (const std::string& data : o.data.data)
    if (std::filesystem::equivalent(data, o.output, ignored)) return usage_error("-o would overwrite the data " + data);
  if (o.json.path == o.output || (o.json.to_stdout() && is_stdout(o.output))) return usage_error("-o and --json name the same file");
  OCTET_CHECK(o.normalization.get());
  const bool static_mode = o.mode == "static";
  if (!static_mode && (o.calibrator || o.percentile))
    return usage_error("--mode " + o.mode + " takes no --calibrator or --percentile: no ranges of activations are chosen");
  if (!static_mode && o.activations)
    return usage_error("--mode " + o.mode + " takes no --activations: " + (o.mode == "float" ? "they stay in float" : "their zero-points are found at run time"));
  if (o.mode == "float" && o.weights) return usage_error("--mode float takes no --weights: they stay in float");
  if (o.mode == "float" && o.weight_calibrator) return usage_error("--mode float takes no --weight-calibrator: weights stay in float");
  if (o.percentile && o.calibrator && *o.calibrator != "percentile" && *o.calibrator != kAutoCalibrator)
    return usage_error("--percentile is for --calibrator percentile, not " + *o.calibrator);
  if (o.mode == "float" && o.repair) return usage_error("--mode float takes no --repair: nothing is lost");
  if (o.mode == "dynamic" && o.repair == "bias") return usage_error("--repair bias measures errors on data; --mode dynamic has none");
  if (!static_mode && (!o.data.data.empty() || o.normalization.given()))
    return usage_error("--mode " + o.mode + " takes no --data, --scale, --mean or --std: its model has real inputs");
  if (!static_mode && o.require_int8)
    return usage_error("--require-int8 is for --mode static: --mode " + o.mode + " leaves activations in float");
  if (!o.float_nodes.empty() && o.require_int8) return usage_error("--require-int8 and --float contradict each other");
  if (o.mode == "float" && !o.float_nodes.empty())
    return usage_error("--mode float takes no --float: every node stays in float");
  return {};
}

std::vector<std::string> calibrator_names() {
  std::vector<std::string> names;
  for (const Strategy& s : strategies()) names.emplace_back(s.name);
  names.emplace_back(kAutoCalibrator);
  return names;
}

/// What auto tried, its choice marked.
void print_scores(const std::vector<CalibratorScore>& scores) {
  Table table({"<calibrator", ">output SQNR dB", "<"});
  for (const CalibratorScore& s : scores)
    table.add({s.calibrator, fmt::format("{:.2f}", s.sqnr_db), s.chosen ? "chosen" : ""});
  fmt::print("{}\n", table.text());
}

nlohmann::json to_json(const std::vector<CalibratorScore>& scores) {
  nlohmann::json list = nlohmann::json::array();
  for (const CalibratorScore& s : scores)
    list.push_back({{"calibrator", s.calibrator},
                    {"sqnr_db", std::isfinite(s.sqnr_db) ? nlohmann::json(s.sqnr_db) : nlohmann::json()},
                    {"chosen", s.chosen}});
  return list;
}

/// Errors of the quantizer name the model.
Result<Model> named(const Options& o, Result<Model> converted) {
  if (!converted) return std::move(converted).error().in(o.model);
  return converted;
}

/// Of a model that came quantized: nothing is left to choose.
Result<void> check_quantized_options(const Options& o) {
  if (o.mode == "dynamic") return usage_error(o.model + " is quantized already; --mode dynamic is for float models");
  if (!o.data.data.empty() || o.calibrator || o.percentile || o.weight_calibrator || o.repair)
    return usage_error(o.model + " is quantized already and keeps its scales and zero-points: it takes no --data, --calibrator, --weight-calibrator or --repair");
  return {};
}

/// What calibration data said about the model.
struct Findings {
  std::vector<CalibratorScore> scores;
  std::optional<Estimate> estimate;
};

Result<Model> quantize_static(const Options& o, const Model& model, Findings& found) {
  OCTET_TRY(auto normalization, o.normalization.get());
  OCTET_TRY(const Feed feed, Feed::open(model.inputs(), o.data, normalization));
  OCTET_CHECK(feed.check_finite());
  Progress progress("calibrating", feed.count());
  QuantizeOptions q;
  q.calibrator = o.calibrator.value_or(q.calibrator);
  q.percentile = o.percentile.value_or(q.percentile);
  q.weight_calibrator = o.weight_calibrator.value_or(q.weight_calibrator);
  q.report_calibrators = [&](const auto& tried) { found.scores = tried; };
  q.per_channel_weights = o.per_channel();
  q.symmetric_activations = o.activations == "symmetric";
  q.equalize = o.repairs_by("equalize");
  q.correct_bias = o.repairs_by("bias");
  q.normalization = normalization;
  q.float_nodes = o.float_nodes;
  q.threads = o.threads;
  q.data_hash = feed.hash();
  q.progress = [&](std::int64_t done) { progress.at(done); };
  OCTET_TRY(Model converted, named(o, quantize(model, feed, q)));
  OCTET_TRY(found.estimate, estimate(converted, model, feed, o.threads));
  return converted;
}

Result<Model> keep_quantization(const Options& o, const Model& model) {
  QuantizeOptions q;
  OCTET_TRY(q.normalization, o.normalization.get());
  q.float_nodes = o.float_nodes;
  return named(o, quantize_imported(model, q));
}

Result<Model> convert_model(const Options& o, const Model& model, Findings& found) {
  const bool quantized = came_quantized(model);
  if (quantized) OCTET_CHECK(check_quantized_options(o));
  if (o.mode == "float") return model;
  OCTET_CHECK(check_float_nodes(model, o.float_nodes));
  if (quantized) return keep_quantization(o, model);
  if (o.mode == "static" && o.data.data.empty()) return usage_error("--mode static needs calibration data: --data FILE");
  QuantizeOptions dynamic;
  dynamic.per_channel_weights = o.per_channel();
  dynamic.weight_calibrator = o.weight_calibrator.value_or(dynamic.weight_calibrator);
  dynamic.equalize = o.repairs_by("equalize");
  dynamic.float_nodes = o.float_nodes;
  return o.mode == "static" ? quantize_static(o, model, found) : named(o, quantize_dynamic(model, dynamic));
}

/// What was done, not what was asked for.
std::string repair_of(const Model& converted) {
  const std::string& repair = converted.impl().graph.provenance.repair;
  return repair.empty() ? "none" : repair;
}

/// Source nodes that compute in float in a quantized model, on stderr; how many there are.
std::size_t report_float(const std::vector<SourceAccount>& accounts, const std::string& output) {
  const auto stays = [](const SourceAccount& a) { return !a.reason.empty(); };
  const auto n = static_cast<std::size_t>(std::ranges::count_if(accounts, stays));
  if (n == 0) return 0;
  to_stderr(fmt::format("octet convert: error: {} of {} nodes would stay in float, {} is not written:\n", n, accounts.size(), printable(output)));
  for (const SourceAccount& a : accounts)
    if (stays(a)) to_stderr(fmt::format("  {} ({}): {}\n", printable(a.name), printable(a.op), printable(a.reason)));
  return n;
}

Result<int> convert(const Options& o) {
  const double start = seconds_now();
  OCTET_CHECK(check_options(o));
  OCTET_TRY(const Model model, load_model(o.model, o.shapes, o.mode != "float"));
  if (model.impl().graph.provenance.calibrator != "")
    return usage_error(o.model + " is quantized already; convert takes an .onnx model");
  Findings found;
  OCTET_TRY(const Model converted, convert_model(o, model, found));
  OCTET_TRY(const Session session, converted.session());
  const auto accounts = account(session);
  if (o.require_int8 && report_float(accounts, o.output) > 0) return kCheckFailed;
  const AccountCounts nodes = count(accounts);
  OCTET_TRY(const auto content, serialize(converted));
  const std::uint64_t bytes = content.size();
  OCTET_TRY(StagedFile output, StagedFile::write(o.output, {content}));
  const std::uint64_t float_bytes = model.impl().graph.provenance.source_bytes;
  const double seconds = seconds_now() - start;
  nlohmann::json report = {{"float_bytes", float_bytes},
                           {"octet_bytes", bytes},
                           {"calibrator", o.mode == "static" ? converted.impl().graph.provenance.calibrator : "none"},
                           {"calibrators", to_json(found.scores)},
                           {"repair", repair_of(converted)},
                           {"nodes",
                            {{"int8", nodes.int8}, {"float", nodes.float_}, {"integer", nodes.integer}, {"folded", nodes.folded}}},
                           {"seconds", seconds},
                           {"peak_rss_bytes", peak_rss_bytes()}};
  add_to(report, converted.impl().graph, found.estimate);
  const bool silent = o.json.to_stdout() || is_stdout(o.output);
  OCTET_TRY(StagedFile json, o.json.stage(std::move(report)));
  OCTET_CHECK(output.commit());
  OCTET_CHECK(json.commit());
  if (!silent) {
    if (!found.scores.empty()) print_scores(found.scores);
    fmt::print("{}: {} bytes, {:.1f} % of {} ({} bytes)\n", o.output, grouped(bytes),
               100.0 * static_cast<double>(bytes) / static_cast<double>(std::max<std::uint64_t>(float_bytes, 1)),
               o.model, grouped(float_bytes));
    fmt::print("nodes: {}; {}{:.2f} s, peak memory {} MiB\n", text_of(nodes),
               found.estimate ? fmt::format("output SQNR {:.1f} dB; ", found.estimate->sqnr_db) : "", seconds, peak_rss_bytes() >> 20U);
  }
  if (const std::string text = found.estimate ? warning(converted.impl().graph, *found.estimate) : ""; !text.empty())
    to_stderr(fmt::format("octet convert: warning: {}\n", text));
  return kDone;
}

}  // namespace

Command add_convert(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App& c = *app.add_subcommand("convert", "Quantize an ONNX model into an .octet file");
  c.add_option("MODEL", o->model, "The .onnx model")->required();
  c.add_option("-o,--output", o->output, "The .octet file to write")->required()->type_name("OUT.octet");
  o->data.add(c, false);
  c.add_option("--calibrator", o->calibrator, "How ranges of activations are chosen; auto tries all on part of the data and keeps the best [auto]")
      ->check(CLI::IsMember(calibrator_names()));
  c.add_option("--percentile", o->percentile, "Of --calibrator percentile: above 50, at most 100 [99.99]")
      ->check([](const std::string& text) {
        double p = 0;
        return CLI::detail::lexical_cast(text, p) && p > 50 && p <= 100 ? "" : "'" + text + "' is not above 50 and at most 100";
      });
  c.add_option("--weight-calibrator", o->weight_calibrator, "How scales of weights are chosen [minmax]")
      ->check(CLI::IsMember({"minmax", "mse"}));
  c.add_option("--mode", o->mode, "static: int8, calibrated on data; dynamic: int8 weights, inputs of convolutions and matrix "
                                     "products quantized at run time, no data; float: the float graph in the same format")
      ->check(CLI::IsMember({"static", "dynamic", "float"}))
      ->capture_default_str();
  c.add_option("--weights", o->weights, "Scales of weights [per-channel]")
      ->check(CLI::IsMember({"per-channel", "per-tensor"}));
  c.add_option("--activations", o->activations, "Zero-points of activations [asymmetric]")
      ->check(CLI::IsMember({"asymmetric", "symmetric"}));
  c.add_option("--repair", o->repair,
               "equalize: scale channels whose ranges differ much, by powers of two that cancel out; bias: put the mean error of\n"
               "each channel into its bias; all: both, each where it helps [all]")
      ->check(CLI::IsMember({"none", "bias", "equalize", "all"}));
  add_shape_option(c, o->shapes);
  c.add_option("--float", o->float_nodes, "Keep this source node in float; may be repeated")
      ->type_name("NODE")
      ->allow_extra_args(false);
  c.add_flag("--require-int8", o->require_int8, "Fail (exit 1), naming the nodes, if any would stay in float; nothing is written then");
  c.add_option("--threads", o->threads, "Calibration threads [one a CPU, at most 8]; the result does not depend on them")
      ->check(CLI::Range(1, 1024));
  o->normalization.add(c);
  o->json.add(c);
  c.footer(
      "Examples:\n"
      "  octet convert lenet.onnx -o lenet.octet --data train-images-idx3-ubyte.gz --samples 500 \\\n"
      "      --scale 0.00392156862745098 --mean 0.1307 --std 0.3081\n"
      "  octet convert detector.onnx -o detector.octet --data image=calibration.npy --shape image=1,3,320,320\n"
      "  octet convert quantized.onnx -o quantized.octet      # QDQ: keeps its scales, needs no data\n"
      "\n"
      "With --scale, --mean or --std the preprocessing is stored in the model, which then takes raw u8.");
  return [o] { return convert(*o); };
}

}  // namespace octet::cli
