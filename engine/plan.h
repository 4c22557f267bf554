// Decides where every tensor of a session lives.
#pragma once

#include "engine/session.h"

namespace octet {

/// Fills in all of Session::Impl that run() needs, beyond its model, ISA and threads.
[[nodiscard]] Result<void> plan_session(Session::Impl& session, const SessionOptions& options, const SessionTools& tools);

}  // namespace octet
