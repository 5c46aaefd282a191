#include "policy/cel/library.hpp"

namespace adit::inline v0::cel {

void add_library(Environment& environment) {
    Library library(environment);
    add_conversions(library);
    add_standard(library);
    add_times(library);
    add_strings(library);
    add_formatting(library);
    add_lists(library);
    add_encodings(library);
    add_hashes(library);
    add_urls(library);
    add_network(library);
    add_random(library);
}

} // namespace adit::inline v0::cel
