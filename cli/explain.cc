#include <fmt/format.h>

#include "cli/accounting.h"
#include "cli/command.h"
#include "engine/try.h"

namespace octet::cli {
namespace {

struct Options {
  ModelOptions model;
  JsonOption json;
};

Result<int> explain(const Options& o) {
  OCTET_TRY(const Model model, o.model.load());
  OCTET_TRY(const Session session, model.session());
  nlohmann::json nodes = nlohmann::json::array();
  Table table({"<node", "<op", "<type", "<kernel", "<isa", ">MACs", "<note"});
  const auto accounts = account(session);
  for (const SourceAccount& a : accounts) {
    const std::string note = !a.fused_into.empty() ? "fused into " + a.fused_into : a.reason;
    table.add({a.name, a.op, a.type, a.fused_into.empty() ? a.kernel : "", a.fused_into.empty() ? a.isa : "",
               a.macs == 0 ? "" : grouped(a.macs), note});
    nodes.push_back({{"name", a.name},
                     {"op", a.op},
                     {"kernel", a.kernel},
                     {"type", a.type},
                     {"isa", a.isa},
                     {"fused_into", a.fused_into},
                     {"reason", a.reason},
                     {"macs", a.macs}});
  }
  if (!o.json.to_stdout()) {
    fmt::print("{}\n{} source nodes: {}. Float kernels are outside the bit-exact contract.\n", table.text(), accounts.size(),
               text_of(count(accounts)));
  }
  OCTET_CHECK(o.json.write({{"nodes", nodes}}));
  return kDone;
}

}  // namespace

Command add_explain(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App& c = *app.add_subcommand("explain", "What became of every node of the source model");
  o->model.add(c);
  o->json.add(c);
  c.footer("Example:\n  octet explain lenet.octet");
  return [o] { return explain(*o); };
}

}  // namespace octet::cli
