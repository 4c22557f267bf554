#include <fmt/format.h>

#include "cli/accounting.h"
#include "cli/command.h"
#include "engine/try.h"

namespace octet::cli {
namespace {

struct Options {
  ModelOptions model;
  bool tune = false;
  JsonOption json;
};

std::string note_of(const SourceAccount& a) {
  if (!a.fused_into.empty()) return "fused into " + a.fused_into + (a.reason.empty() ? "" : "; " + a.reason);
  return a.octet_op.empty() ? "computed at conversion, or nothing at inference" : a.reason;
}

Result<int> explain(const Options& o) {
  OCTET_TRY(const Model model, o.model.load());
  OCTET_TRY(const Session session, model.session({.tune = o.tune}));
  nlohmann::json nodes = nlohmann::json::array();
  Table table({"<node", "<op", "<operator", "<type", "<kernel", "<isa", ">MACs", "<note", "<why this kernel"});
  const auto accounts = account(session);
  const MacCounts macs = count_macs(accounts);
  for (const SourceAccount& a : accounts) {
    table.add({a.name, a.op, a.octet_op, a.type, a.fused_into.empty() ? a.kernel : "", a.fused_into.empty() ? a.isa : "",
               a.macs == 0 ? "" : grouped(a.macs), note_of(a), a.fused_into.empty() ? a.why : ""});
    nodes.push_back({{"name", a.name},
                     {"op", a.op},
                     {"operator", a.octet_op},
                     {"kernel", a.kernel},
                     {"why", a.why},
                     {"type", a.type},
                     {"isa", a.isa},
                     {"fused_into", a.fused_into},
                     {"reason", a.reason},
                     {"macs", a.macs}});
  }
  if (!o.json.to_stdout()) {
    fmt::print("{}\n{} source nodes: {}. Float kernels are outside the bit-exact contract.\n", table.text(), accounts.size(),
               text_of(count(accounts)));
    if (macs.int8 + macs.float_ > 0)
      fmt::print("{} multiply-accumulates: {:.2f} % int8.\n", grouped(macs.int8 + macs.float_),
                 100.0 * static_cast<double>(macs.int8) / static_cast<double>(macs.int8 + macs.float_));
  }
  OCTET_CHECK(o.json.write({{"nodes", nodes}, {"macs", {{"int8", macs.int8}, {"float", macs.float_}}}}));
  return kDone;
}

}  // namespace

Command add_explain(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App& c = *app.add_subcommand("explain", "What became of every node of the source model");
  o->model.add(c);
  c.add_flag("--tune", o->tune, "Choose kernels by timing them, as bench --tune does");
  o->json.add(c);
  c.footer("Example:\n  octet explain lenet.octet");
  return [o] { return explain(*o); };
}

}  // namespace octet::cli
