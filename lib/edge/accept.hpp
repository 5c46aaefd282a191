// Accepting visitors whatever happens to single ones.
#pragma once

#include <adit/asio.hpp>

#include "net/socket.hpp"

namespace adit::inline v0::edge {

class EdgeContext;

/// The next visitor, with a place of EdgeContext::visitors taken for him; those beyond limits::visitors_max are closed
/// unread. Lives through EMFILE, ECONNABORTED and the like. False once the acceptor is closed.
asio::awaitable<bool> accept_visitor(net::Tcp::acceptor& acceptor, EdgeContext& context, net::Tcp::socket& socket,
                                     net::Tcp::endpoint& remote);

/// A place of EdgeContext::visitors for one that was accepted otherwise; false at the bound: close him unread.
bool take_place(EdgeContext& context) noexcept;

} // namespace adit
