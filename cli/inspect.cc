#include <fmt/format.h>

#include "cli/command.h"
#include "converter/quantize.h"
#include "engine/model.h"
#include "engine/try.h"

namespace octet::cli {
namespace {

struct Options {
  std::string path;
  JsonOption json;
};

std::string shape_of(const Tensor& t) { return (t.batched ? "N*" : "") + to_string(t.shape); }

const char* kind_of(const Graph& g, std::size_t i) {
  const auto has = [&](const std::vector<int>& list) {
    return std::ranges::find(list, static_cast<int>(i)) != list.end();
  };
  return g.tensors[i].constant() ? "constant" : has(g.inputs) ? "input" : has(g.outputs) ? "output" : "activation";
}

std::string quantization_of(const Quantization& q) {
  if (!q.present()) return "";
  if (q.scales.size() == 1) return fmt::format("s={:.6g} z={}", q.scale(), q.zero_point());
  const auto [lo, hi] = std::ranges::minmax(q.scales);
  return fmt::format("{} scales {:.4g}..{:.4g}", q.scales.size(), lo, hi);
}

nlohmann::json tensors_json(const Graph& g) {
  nlohmann::json list = nlohmann::json::array();
  for (std::size_t i = 0; i < g.tensors.size(); ++i) {
    const Tensor& t = g.tensors[i];
    list.push_back({{"name", t.name},
                    {"kind", kind_of(g, i)},
                    {"type", name_of(t.type)},
                    {"shape", t.shape},
                    {"batched", t.batched},
                    {"scales", t.quant.scales},
                    {"zero_points", t.quant.zero_points},
                    {"bytes", t.data.bytes().size()}});
  }
  return list;
}

nlohmann::json nodes_json(const Graph& g) {
  nlohmann::json list = nlohmann::json::array();
  for (const Node& n : g.nodes) {
    const auto names = [&](const std::vector<int>& indices) {
      nlohmann::json out = nlohmann::json::array();
      for (const int i : indices) out.push_back(i == kAbsent ? "" : g.tensors[static_cast<std::size_t>(i)].name);
      return out;
    };
    list.push_back(
        {{"name", n.name}, {"op", name_of(n.op())}, {"inputs", names(n.inputs)}, {"outputs", names(n.outputs)}});
  }
  return list;
}

void print(const std::string& path, const Graph& g, std::uint64_t bytes) {
  const Provenance& p = g.provenance;
  fmt::print("{}: {} bytes, {} nodes, {} tensors\n", printable(path), grouped(bytes), g.nodes.size(), g.tensors.size());
  fmt::print("made by octet {} from {} ({} bytes, XXH64 {:016x})\n", printable(p.tool_version),
             printable(p.source_name), grouped(p.source_bytes), p.source_hash);
  if (p.calibrator == kImported)
    fmt::print("imported quantization: scales, zero-points and weights are those the source had\n");
  else if (!p.calibrator.empty())
    fmt::print("calibrated with {}{} on {} samples (XXH64 {:016x}), weights with {}\n", printable(p.calibrator),
               p.calibrator_options.empty() ? "" : " (" + printable(p.calibrator_options) + ")",
               grouped(p.calibration_samples), p.calibration_hash,
               p.weight_calibrator.empty() ? "minmax" : printable(p.weight_calibrator));
  if (!p.repair.empty()) fmt::print("repaired: {}\n", printable(p.repair));
  for (std::size_t i = 0; i < g.inputs.size(); ++i)
    if (const auto& n = g.preprocessing[i])
      fmt::print("input '{}' takes raw bytes: x = (byte * {:.9g} - [{}]) / [{}]\n",
                 printable(g.tensors[static_cast<std::size_t>(g.inputs[i])].name), n->scale, fmt::join(n->mean, ", "),
                 fmt::join(n->std, ", "));
  Table table({">#", "<tensor", "<kind", "<type", "<shape", "<quantization", ">bytes"});
  for (std::size_t i = 0; i < g.tensors.size(); ++i) {
    const Tensor& t = g.tensors[i];
    table.add({std::to_string(i), t.name, kind_of(g, i), name_of(t.type), shape_of(t), quantization_of(t.quant),
               t.constant() ? grouped(t.data.bytes().size()) : ""});
  }
  fmt::print("\n{}", table.text());
}

Result<int> inspect(const Options& o) {
  OCTET_TRY(const Model model, Model::load(o.path));
  OCTET_TRY(const FileBytes file, read_file(o.path));
  const Graph& g = model.impl().graph;
  const Provenance& p = g.provenance;
  if (!o.json.to_stdout()) print(o.path, g, file.bytes.size());
  OCTET_CHECK(o.json.write({{"bytes", file.bytes.size()},
                            {"provenance",
                             {{"tool_version", p.tool_version},
                              {"source_name", p.source_name},
                              {"source_bytes", p.source_bytes},
                              {"source_hash", fmt::format("{:016x}", p.source_hash)},
                              {"calibrator", p.calibrator},
                              {"calibrator_options", p.calibrator_options},
                              {"weight_calibrator", p.weight_calibrator},
                              {"repair", p.repair},
                              {"calibration_samples", p.calibration_samples},
                              {"calibration_hash", fmt::format("{:016x}", p.calibration_hash)}}},
                            {"tensors", tensors_json(g)},
                            {"nodes", nodes_json(g)}}));
  return kDone;
}

}  // namespace

Command add_inspect(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App& c = *app.add_subcommand("inspect", "Header, provenance and every tensor of an .octet file");
  c.add_option("MODEL", o->path, "The .octet model")->required();
  o->json.add(c);
  c.footer("Example:\n  octet inspect lenet.octet");
  return [o] { return inspect(*o); };
}

}  // namespace octet::cli
