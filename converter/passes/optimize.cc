#include <exception>

#include "converter/passes/passes.h"
#include "engine/try.h"

namespace octet {
namespace {

using Pass = Result<void> (*)(Graph&);

/// Each pass sees what the ones before it have made possible: constants beside activations; Muls and Adds beside
/// convolutions once no Transpose stands between them; Clips beside convolutions once those are gone.
constexpr Pass kPasses[] = {fold_constants, channels_last,       remove_dead,         recognize_layer_norm, fold_scale,
                            remove_dead,    recognize_functions, fold_channel_scales, fold_affine,          fuse_clamp,
                            remove_dead};

Result<void> run(Graph& graph) {
  for (const Pass pass : kPasses) OCTET_CHECK(pass(graph));
  OCTET_CHECK(resolve_shapes(graph));
  return check_graph(graph);
}

}  // namespace

Result<void> optimize(Graph& graph) {
  try {
    return run(graph);
  } catch (const std::exception&) {  // bad_alloc, or a container's length_error
    return Error{ErrorCode::run_failed, "out of memory", {}};
  }
}

}  // namespace octet
