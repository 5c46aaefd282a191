// What a program says about itself to the edge (agent-protocol 3.4, 3.5).
#pragma once

#include "client/options_data.hpp"

#include <string>
#include <string_view>

namespace adit::inline v0 {

/// "name/version (comment) ... adit/0.1.0": the program's entries in front of our own. What cannot stand in a name or a
/// comment is replaced by '#', a '/' in a name by '-'.
std::string user_agent(const std::vector<ClientInfo>& infos);
/// Name and version of the first entry.
std::string client_type(const std::vector<ClientInfo>& infos);
std::string client_version(const std::vector<ClientInfo>& infos);

/// The system's name in lower case and the machine, as uname(1) says: "linux", "x86_64".
std::string system_name();
std::string machine_name();

/// "app://<host>/<program>?pid=<pid>", as the official agents.
std::string default_forwards_to();

} // namespace adit
