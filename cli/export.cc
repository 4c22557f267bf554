#include <fmt/format.h>

#include <filesystem>

#include "cli/command.h"
#include "engine/model.h"
#include "engine/try.h"

namespace octet::cli {
namespace {

struct Options {
  std::string model, output;
  JsonOption json;
};

Result<void> check_options(const Options& o) {
  std::error_code ignored;
  OCTET_CHECK(check_output_name("-o", o.output));
  if (std::filesystem::equivalent(o.model, o.output, ignored)) return usage_error("-o would overwrite the model itself");
  if (o.json.path == o.output || (o.json.to_stdout() && is_stdout(o.output))) return usage_error("-o and --json name the same file");
  return {};
}

Result<int> write(const Options& o) {
  OCTET_CHECK(check_options(o));
  OCTET_TRY(const Model model, load_model(o.model, {}));
  auto content = export_onnx(model);
  if (!content) return std::move(content).error().in(o.model);
  OCTET_TRY(StagedFile output, StagedFile::write(o.output, {*content}));
  OCTET_TRY(StagedFile json, o.json.stage({{"model", o.model}, {"onnx_bytes", content->size()}}));
  const bool silent = o.json.to_stdout() || is_stdout(o.output);
  OCTET_CHECK(output.commit());
  OCTET_CHECK(json.commit());
  if (!silent) fmt::print("{}: {} bytes\n", o.output, grouped(content->size()));
  return kDone;
}

}  // namespace

Command add_export(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App& c = *app.add_subcommand("export", "Write an .octet file as ONNX, with QuantizeLinear and DequantizeLinear around int8 operators");
  c.add_option("MODEL", o->model, "The .octet file")->required();
  c.add_option("-o,--output", o->output, "The .onnx file to write")->required()->type_name("OUT.onnx");
  o->json.add(c);
  c.footer(
      "Examples:\n"
      "  octet export lenet.octet -o lenet-int8.onnx       # opset 17; runs in ONNX Runtime and whatever reads QDQ models\n"
      "  octet convert lenet-int8.onnx -o again.octet      # and back: the same scales, zero-points and weights\n"
      "\n"
      "What has no ONNX operator is written as several. An operator that cannot be written is an error that names it (exit 4).");
  return [o] { return write(*o); };
}

}  // namespace octet::cli
