#include "server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <string>
#include <thread>

namespace beast = boost::beast;
namespace http = boost::beast::http;
using Local = boost::asio::local::stream_protocol;

namespace {

// One connection, with keep-alive and timeouts.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
public:
    explicit HttpSession(Local::socket socket) : stream_(std::move(socket)) {}
    void read() {
        request_ = {};
        stream_.expires_after(std::chrono::seconds(30));
        http::async_read(stream_, buffer_, request_, [self = shared_from_this()](beast::error_code ec, std::size_t) {
            if (!ec) self->respond();
        });
    }

private:
    void respond() {
        response_ = {http::status::ok, request_.version()};
        response_.keep_alive(request_.keep_alive());
        response_.body() = "Beast: " + std::string(request_.target()) + " " + request_.body() + "\n";
        response_.prepare_payload();
        http::async_write(stream_, response_, [self = shared_from_this()](beast::error_code ec, std::size_t) {
            if (!ec && self->response_.keep_alive()) self->read();
        });
    }

    beast::basic_stream<Local> stream_; // beast::tcp_stream, where connections come from a port
    beast::flat_buffer buffer_;
    http::request<http::string_body> request_;
    http::response<http::string_body> response_;
};

} // namespace

struct BeastServer::State {
    boost::asio::io_context context;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
    std::thread thread{[this] { context.run(); }};
};

BeastServer::BeastServer() : state_(std::make_unique<State>()) {}

BeastServer::~BeastServer() {
    state_->context.stop();
    state_->thread.join();
}

void BeastServer::serve(int descriptor) {
    Local::socket socket(boost::asio::make_strand(state_->context), Local(), descriptor);
    auto session = std::make_shared<HttpSession>(std::move(socket));
    boost::asio::post(state_->context, [session] { session->read(); });
}
