#include "cli/summary.h"

#include <fmt/format.h>

#include "cli/diagnosis.h"
#include "converter/quantize.h"
#include "engine/model.h"
#include "engine/try.h"

namespace octet::cli {

Result<Estimate> estimate(const Model& converted, const Model& real, const Samples& samples, int threads) {
  Estimate e;
  OCTET_TRY(e.sqnr_db, estimate_outputs(converted, real, samples, threads));
  if (e.sqnr_db >= kLowSqnrDb) return e;
  OCTET_TRY(const Model source, equalized_as(real, converted.impl().graph.provenance));
  OCTET_TRY(const Diagnosis d, diagnose(converted, source, samples, {.fixes = 1, .threads = threads, .progress = {}}));
  if (!d.layers.empty()) e.worst = d.layers[0];
  return e;
}

std::string warning(const Graph& converted, const Estimate& e) {
  if (e.sqnr_db >= kLowSqnrDb) return {};
  std::string text = fmt::format("the outputs' SQNR is {:.1f} dB", e.sqnr_db);
  if (!e.worst) return text;
  text += "; the worst layer: " + sentence(converted, *e.worst);
  if (const std::string help = advice(*e.worst); !help.empty()) text += "; " + help;
  return text;
}

void add_to(nlohmann::json& report, const Graph& converted, const std::optional<Estimate>& e) {
  report["output"] = nullptr;
  report["worst_layer"] = nullptr;
  if (!e) return;
  report["output"] = {{"sqnr_db", e->sqnr_db}};
  if (e->worst) report["worst_layer"] = to_json(converted, *e->worst);
}

}  // namespace octet::cli
