// Decides where every tensor of a session lives.
#pragma once

#include "engine/session.h"

namespace octet {

/// Fills in Session::Impl's steps, buffers, aliases, copies and arena, for the shapes it holds.
[[nodiscard]] Result<void> plan_session(Session::Impl& session, const SessionOptions& options, const SessionTools& tools);

}  // namespace octet
