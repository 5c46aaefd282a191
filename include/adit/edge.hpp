// The edge's umbrella header.
#pragma once

#include <adit/edge/directory.hpp>
#include <adit/edge/options.hpp>
#include <adit/edge/registry.hpp>
#include <adit/edge/server.hpp>
