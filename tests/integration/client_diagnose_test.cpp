// Session::diagnose names the step that fails.
#include "integration/client_support.hpp"

#include <asio/use_future.hpp>

using namespace adit;
using namespace adit_test;
using namespace std::chrono_literals;
using Kind = DiagnosisStep::Kind;

namespace {

void check_failed(const Diagnosis& diagnosis, Kind kind, std::error_code code) {
    CAPTURE(diagnosis.to_string());
    CHECK_FALSE(diagnosis.ok());
    REQUIRE_FALSE(diagnosis.steps().empty());
    CHECK(diagnosis.steps().back().kind() == kind);
    CHECK(diagnosis.error().code() == code);
    CHECK(diagnosis.to_string().find("failed: ") != std::string::npos);
    for (std::size_t i = 0; i + 1 < diagnosis.steps().size(); ++i) CHECK_FALSE(diagnosis.steps()[i].error());
}

std::uint16_t closed_port() {
    asio::io_context context;
    const asio::ip::tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    return acceptor.local_endpoint().port();
}

} // namespace

TEST_CASE("the step that fails is named, with its code") {
    MockEdge edge;
    const SessionOptions good = edge.options().connect_timeout(300ms);
    SUBCASE("an option") { check_failed(Session::diagnose(SessionOptions()), Kind::name, errc::no_server); }
    SUBCASE("name") {
        const Diagnosis diagnosis = Session::diagnose(SessionOptions(good).server("no such host.invalid"));
        CHECK(diagnosis.error());
        CHECK(diagnosis.steps().back().kind() == Kind::name);
    }
    SUBCASE("tcp") {
        const auto options = SessionOptions(good).server("127.0.0.1:" + std::to_string(closed_port()));
        check_failed(Session::diagnose(options), Kind::tcp, asio::error::connection_refused);
    }
    SUBCASE("tls: another CA") {
        const MockEdge other;
        const auto options = SessionOptions(good).roots_pem(other.ca_pem());
        check_failed(Session::diagnose(options), Kind::tls, errc::certificate_untrusted);
    }
    SUBCASE("tls: no answer") {
        edge.mute_tls(true);
        check_failed(Session::diagnose(good), Kind::tls, errc::timed_out);
    }
    SUBCASE("srv_info") {
        edge.answer_with([](const SeenRequest&) { return std::optional<std::string>(R"({"Region":7})"); });
        check_failed(Session::diagnose(good), Kind::srv_info, errc::protocol_error);
    }
}

TEST_CASE("a diagnosis is asynchronous, and can be cancelled") {
    MockEdge edge;
    asio::io_context context;
    bool called = false;
    asio::cancellation_signal stop;
    edge.mute_tls(true);
    const auto ended = [&called](std::error_code ec, const Diagnosis& diagnosis) {
        CHECK(ec == asio::error::operation_aborted);
        CHECK(diagnosis.steps().empty());
        called = true;
    };
    Session::async_diagnose(context.get_executor(), edge.options(), asio::bind_cancellation_slot(stop.slot(), ended));
    context.run_for(50ms);
    CHECK_FALSE(called);
    stop.emit(asio::cancellation_type::terminal);
    finish(context);
    CHECK(called);
}
