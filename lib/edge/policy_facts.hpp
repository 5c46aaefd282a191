// What the policy engine is told about a visitor, and its clock.
#pragma once

#include "edge/endpoint.hpp"
#include "edge/visitor_facts.hpp"
#include "policy/facts.hpp"

namespace adit::inline v0::edge {

class EdgeContext;

policy::ConnectionFacts policy_facts(const EdgeContext& context, const VisitorFacts& visitor, const EndpointRecord& endpoint);
policy::Moment policy_now();

} // namespace adit
