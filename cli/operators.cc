#include <fmt/format.h>

#include "cli/command.h"
#include "converter/onnx/support.h"

namespace octet::cli {

Command add_operators(CLI::App& app) {
  // Not in the list of commands: it prints what docs/operators.md has.
  app.add_subcommand("operators", "The table of supported ONNX operators, as Markdown")->group("")->footer("Example:\n  octet operators");
  return []() -> Result<int> {
    fmt::print("{}", support_table());
    return kDone;
  };
}

}  // namespace octet::cli
