#include "base/ngrok_errors.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace adit::inline v0 {
namespace {

using enum Retry;

// Sorted by number.
constexpr NgrokErrorEntry table[] = {
    {102, "the account is suspended because a payment is open", never, true, 0},
    {103, "the account is suspended for a violation of the terms", never, true, 0},
    {105, "the authtoken does not have the shape of one", never, true, 0},
    {106, "the authtoken is of a generation that is no longer accepted", never, true, 0},
    {107, "the authtoken is unknown, was reset or was revoked", never, true, 0},
    {108, "too many agent sessions at the same time", slow, false, 0},
    {109, "the authentication payload is malformed", never, true, 0},
    {110, "the authentication cookie is malformed", never, true, 0},
    {111, "the heartbeat interval is below the minimum", never, false, 0},
    {112, "the heartbeat tolerance is below the minimum", never, false, 0},
    {115, "agents may not connect from this IP address", slow, true, 0},
    {116, "this credential may not be used from this IP address", slow, true, 0},
    {118, "this ingress is not allowed", never, true, 0},
    {119, "the agent version cannot be parsed", never, false, 0},
    {120, "the agent version is no longer supported", never, false, 0},
    {121, "the agent version is below the minimum of this account", never, false, 0},
    {122, "this ingress belongs to another account", never, true, 0},
    {123, "the account is not verified", never, true, 0},
    {126, "this ingress may not be used by this account", never, true, 0},
    {127, "this ingress is not available at this address", never, true, 0},
    {300, "the credential was revoked while in use", never, true, 0},
    {302, "no route matches these labels", never, false, 0},
    {307, "the TCP address is not reserved", never, false, 0},
    {308, "this credential may not bind this address", never, false, 0},
    {309, "the TCP address belongs to another account", never, false, 0},
    {316, "this credential may not bind this name", never, false, 0},
    {318, "the wildcard name is not reserved", never, false, 0},
    {319, "the host name is not reserved", never, false, 0},
    {320, "the host name belongs to another account", never, false, 0},
    {321, "the wildcard must be reserved as it is written", never, false, 0},
    {324, "too many endpoints on this session", again, false, 0},
    {326, "the host name has an invalid character", never, false, 0},
    {327, "the host name is too long", never, false, 0},
    {328, "a label of the host name is empty", never, false, 0},
    {329, "a label of the host name is too long", never, false, 0},
    {330, "a label of the host name starts or ends with a hyphen", never, false, 0},
    {331, "the host name has no public suffix", never, false, 0},
    {332, "the protocol of the endpoint is unknown", never, false, 0},
    {333, "there is no such tunnel", never, false, 0},
    {334, "the endpoint is already online", again, false, 0},
    {354, "the name below the base domain is not reserved", never, false, 0},
    {356, "this credential may not bind a random TCP address", never, false, 0},
    {399, "this credential may not bind these labels", never, false, 0},
    {724, "no agent is available for this endpoint", again, false, 503},
    {742, "the edge is draining; connect again", again, false, 0},
    {743, "the edge sheds load; connect again", again, false, 0},
    {3002, "the TLS handshake failed", again, false, 0},
    {3003, "the ClientHello has no server name", never, false, 0},
    {3004, "the application's answer is not valid HTTP", again, false, 502},
    {3005, "the application did not answer in time", again, false, 504},
    {3007, "the request could not be forwarded", again, false, 502},
    {3200, "no endpoint is online for this host", again, false, 404},
    {3209, "the agent's session ended", again, false, 502},
    {3210, "the agent could not be reached", again, false, 502},
    {3501, "too many hops", never, false, 502},
    {8012, "the agent could not reach the application", again, false, 502},
    {9026, "the traffic policy is invalid", never, false, 0},
    {9028, "an internal endpoint needs a host name", never, false, 0},
    {9029, "the host name of an internal endpoint does not end in .internal", never, false, 0},
    {9030, "the port of an internal endpoint is not valid", never, false, 0},
    {9031, "the host name of an internal endpoint has too many labels", never, false, 0},
    {9034, "the endpoint URL is malformed", never, false, 0},
    {9035, "the endpoint URL has a port that is not allowed", never, false, 0},
    {9036, "the endpoint URL has a scheme that is not allowed", never, false, 0},
    {9037, "the endpoint URL has a part that is not allowed", never, false, 0},
    {9038, "the endpoint URL ends in a slash", never, false, 0},
    {9042, "TLS endpoints are refused for this agent version", never, false, 0},
    {15005, "the binding is unknown", never, false, 0},
    {15006, "a binding is repeated", never, false, 0},
    {15014, "the credential may not start a session", never, true, 0},
};

} // namespace

const NgrokErrorEntry* find_ngrok_error(int number) noexcept {
    const auto* found = std::ranges::lower_bound(table, number, {}, &NgrokErrorEntry::number);
    return found != std::end(table) && found->number == number ? found : nullptr;
}

} // namespace adit
