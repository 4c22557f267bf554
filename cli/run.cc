#include <fmt/format.h>

#include <algorithm>

#include "cli/command.h"
#include "cli/data/npy.h"
#include "cli/feed.h"
#include "engine/try.h"

namespace octet::cli {
namespace {

struct Options {
  ModelOptions model;
  DataOptions data;
  NormalizationOptions normalization;
  std::vector<std::string> out;
  int threads = 1, batch = 1;
};

struct OutFile {
  std::size_t output;
  std::string path;
};

/// [OUTPUT=]FILE.npy to the position of the output.
Result<std::vector<OutFile>> parse_outputs(const std::vector<std::string>& texts,
                                           const std::vector<TensorInfo>& outputs) {
  const std::vector<std::string> names = names_of(outputs);
  std::vector<OutFile> files;
  for (const std::string& text : texts) {
    auto [name, path] = split_name(text, names);
    const bool named = text.find('=') != std::string::npos;
    const auto found = named ? std::ranges::find(names, name) : names.size() == 1 ? names.begin() : names.end();
    if (found == names.end() || path.empty()) {
      std::string all;
      for (const std::string& n : names) all += (all.empty() ? "" : ", ") + n;
      return usage_error("--out " + text + ": expected OUTPUT=FILE.npy, the outputs are: " + all);
    }
    OCTET_CHECK(check_output_name("--out", path));
    for (const OutFile& other : files)
      if (other.path == path) return usage_error("--out " + text + ": two outputs would go to one file");
    files.push_back({static_cast<std::size_t>(found - names.begin()), std::move(path)});
  }
  return files;
}

std::string first_values(const Array& a) {
  constexpr std::size_t kShown = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(kShown, a.elements()); ++i) {
    if (a.type == Type::f32) text += fmt::format(" {:.6g}", a.as<float>()[i]);
    if (a.type == Type::u8) text += fmt::format(" {}", a.as<std::uint8_t>()[i]);
    if (a.type == Type::s64) text += fmt::format(" {}", a.as<std::int64_t>()[i]);
  }
  return text + (a.elements() > kShown ? " ..." : "");
}

Result<int> run(const Options& o) {
  OCTET_TRY(const Model model, o.model.load());
  OCTET_TRY(const auto files, parse_outputs(o.out, model.outputs()));
  OCTET_TRY(auto normalization, o.normalization.get());
  OCTET_TRY(const Feed feed, Feed::open(model.inputs(), o.data, std::move(normalization)));
  std::vector<Array> results;
  for (const TensorInfo& t : model.outputs()) {
    results.push_back({t.type, t.shape, {}});
    if (results.back().shape.empty()) results.back().shape = {1};
    results.back().shape[0] = 0;
  }
  const auto make = [&](std::int64_t batch) {
    return model.session({.threads = o.threads, .batch = static_cast<int>(batch)});
  };
  OCTET_CHECK(Runner::run(feed, o.batch, "running", make,
                          [&](Session& session, const auto& outputs, std::int64_t, std::int64_t) -> Result<void> {
                            for (std::size_t i = 0; i < outputs.size(); ++i) {
                              results[i].bytes.insert(results[i].bytes.end(), outputs[i].begin(), outputs[i].end());
                              results[i].shape[0] +=
                                  session.outputs()[i].shape.empty() ? 1 : session.outputs()[i].shape[0];
                            }
                            return {};
                          }));
  std::vector<StagedFile> staged;
  for (const OutFile& f : files) {
    OCTET_TRY(StagedFile file, stage_npy(f.path, results[f.output]));
    staged.push_back(std::move(file));
  }
  const bool silent = std::ranges::any_of(files, [](const OutFile& f) { return is_stdout(f.path); });
  for (StagedFile& file : staged) OCTET_CHECK(file.commit());
  if (silent) return kDone;
  for (std::size_t i = 0; i < results.size(); ++i)
    fmt::print("{} {} {}:{}\n", printable(model.outputs()[i].name), name_of(results[i].type),
               shape_text(results[i].shape), first_values(results[i]));
  return kDone;
}

}  // namespace

Command add_run(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App& c = *app.add_subcommand("run", "Run a model on data and write its outputs as .npy");
  o->model.add(c);
  o->data.add(c, false);
  c.add_option("--out", o->out, "Where an output goes; outputs are joined on axis 0")
      ->type_name("[OUTPUT=]FILE.npy")
      ->allow_extra_args(false);
  add_threads_option(c, o->threads);
  add_batch_option(c, o->batch, "Samples at a time; results do not depend on it");
  o->normalization.add(c);
  c.footer(
      "Examples:\n"
      "  octet run lenet.octet --data t10k-images-idx3-ubyte.gz --samples 3 --out logits=logits.npy\n"
      "  octet run lenet.onnx --data digits.npy --out logits.npy");
  return [o] { return run(*o); };
}

}  // namespace octet::cli
