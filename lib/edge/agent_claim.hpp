// What the registry is told about an endpoint.
#pragma once

#include <adit/edge/registry.hpp>

#include "edge/context.hpp"
#include "edge/endpoint.hpp"

namespace adit::inline v0::edge {

/// The claim of an endpoint on its URL; its key excludes what EndpointTable excludes.
Claim claim_of(const EndpointRecord& record, const EdgeContext& context);

} // namespace adit
