#include "cli/diagnosis.h"

#include <fmt/format.h>

#include "cli/command.h"

namespace octet::cli {
namespace {

/// Layers with a smaller share of the damage are not talked about.
constexpr double kWorthMentioning = 0.05;
constexpr std::size_t kMostMentioned = 5;

std::string name_of_layer(const Graph& graph, const LayerDiagnosis& layer) { return printable(graph.nodes[layer.node].name); }

}  // namespace

std::string sentence(const Graph& graph, const LayerDiagnosis& l) {
  return fmt::format("{} ({}) alone leaves {:.1f} dB at the outputs, {:.0f} % of all damage: {}: {}", name_of_layer(graph, l),
                     name_of(graph.nodes[l.node].op()), l.damage_db, 100 * l.share, l.cause, printable(l.detail));
}

std::string advice(const LayerDiagnosis& l) {
  if (l.fix.empty()) return {};
  if (l.fix.starts_with("--float")) return printable(l.fix) + " would take its damage away";
  if (l.fix.starts_with("--samples")) return fmt::format("{}, more calibration data, would leave {:.1f} dB", l.fix, l.fixed_db);
  return fmt::format("{} would leave {:.1f} dB", l.fix, l.fixed_db);
}

std::string paragraph(const Graph& graph, const Diagnosis& d) {
  std::string text;
  for (std::size_t i = 0; i < std::min(d.layers.size(), kMostMentioned); ++i) {
    const LayerDiagnosis& l = d.layers[i];
    if (l.share < kWorthMentioning) break;
    text += sentence(graph, l) + "\n";
    if (!l.fix.empty()) text += "  " + advice(l) + "\n";
  }
  if (text.empty()) return text;
  return fmt::format("Each layer quantized by itself, all others in float ({} samples), worst first:\n{}", d.samples, text);
}

nlohmann::json to_json(const Graph& graph, const LayerDiagnosis& l) {
  return {{"name", graph.nodes[l.node].name},
          {"op", name_of(graph.nodes[l.node].op())},
          {"damage_db", l.damage_db},
          {"damage_share", l.share},
          {"cause", l.cause},
          {"detail", l.detail},
          {"fix", l.fix},
          {"fixed_db", l.fixed_db}};
}

}  // namespace octet::cli
