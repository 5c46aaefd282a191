// Run by client_exit_test: writes to the first visitor and returns from main at once, in several ways.
#include <adit/adit.hpp>

#include <asio/write.hpp>

#include <string>

int main(int argc, char** argv) {
    const std::string how = argc > 1 ? argv[1] : "";
    [[maybe_unused]] static adit::Session* volatile leaked = nullptr; // reachable, so that a leak checker knows it for intended
    static adit::Session kept; // destroyed after everything of the library that is destroyed at all
    adit::Session session = adit::Session::connect(adit::SessionOptions::from_env());
    adit::Listener listener = session.listen(adit::Endpoint("tcp://"));
    adit::Connection connection = listener.accept();
    asio::write(connection, asio::buffer(std::string(100'000, 'x')));
    if (how == "keep") kept = session;
    if (how == "leak") leaked = new adit::Session(session);
    if (how == "exit") std::exit(7); // no destructor of main's objects runs
    return 7;
}
