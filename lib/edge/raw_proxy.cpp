#include "edge/raw_proxy.hpp"

#include "edge/access_line.hpp"
#include "edge/agent_session.hpp"
#include "edge/agent_stream.hpp"
#include "edge/context.hpp"
#include "edge/http_numbers.hpp"

namespace adit::inline v0::edge {

asio::awaitable<void> raw_proxy(EdgeContext& context, std::shared_ptr<net::Stream> visitor, const VisitorFacts& facts,
                                EndpointPtr endpoint, ByteQueue first) {
    AccessLine access(context);
    int number = 0;
    access.begin(facts.remote_text);
    access.request(std::string_view(), facts.server_name, std::string_view());
    access.endpoint(*endpoint);
    std::shared_ptr<net::Stream> stream;
    auto opened = co_await open_agent_stream(context, endpoint, facts.remote, facts.local, first.view());
    if (opened) {
        stream = std::move(opened->stream);
    } else {
        number = ngrok_number(opened.error());
    }
    if (stream && first.size() > AgentSession::opening_max) { // a large ClientHello; fits the window of a new stream
        const net::IoResult sent = co_await stream->write(first.view().subspan(AgentSession::opening_max));
        if (!sent.ok()) stream.reset();
    }
    if (stream) {
        access.bytes_in = first.size();
        first = ByteQueue();
        co_await net::pump_both(visitor, stream, access.bytes_in, access.bytes_out);
    } else {
        access.answer(0, number);
        visitor->close();
    }
    access.finish();
}

} // namespace adit
