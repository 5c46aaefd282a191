// What every header of adit needs first: the version, symbol visibility, and nothing else.
#pragma once

#define ADIT_VERSION_MAJOR 0
#define ADIT_VERSION_MINOR 1
#define ADIT_VERSION_PATCH 0
#define ADIT_VERSION "0.1.0"

#if defined(__GNUC__)
#define ADIT_EXPORT __attribute__((visibility("default")))
#else
#define ADIT_EXPORT
#endif

// ADIT_API: the public API. ADIT_INTERNAL: exported for libadit-edge of the exact same version only; not an API.
#define ADIT_API ADIT_EXPORT
#define ADIT_INTERNAL ADIT_EXPORT
