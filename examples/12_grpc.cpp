// Lesson 12: an existing gRPC server behind a listener. It adds no listening port; each connection becomes a channel of it as a
// descriptor. TLS ends at the edge, which speaks HTTP/2 with clients and, as the endpoint asks, with the server too.
//
//   examples/run 12_grpc                 serves until Enter
//   examples/run 12_grpc HOST:PORT CA    a client: one call, and one that streams; CA: the edge's, a PEM file
#include <adit/adit.hpp>
#include <adit/edge.hpp>

#include "greeter.grpc.pb.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/server_posix.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

// The server as it was.
class Service : public greeter::Greeter::Service {
    grpc::Status Greet(grpc::ServerContext*, const greeter::GreetRequest* request, greeter::GreetReply* reply) override {
        reply->set_text("hello " + request->name());
        return grpc::Status::OK;
    }
    grpc::Status Count(grpc::ServerContext*, const greeter::GreetRequest* request,
                       grpc::ServerWriter<greeter::GreetReply>* writer) override {
        greeter::GreetReply reply;
        for (int i = 1; i <= 3; ++i) {
            reply.set_text(request->name() + " " + std::to_string(i));
            writer->Write(reply);
        }
        return grpc::Status::OK;
    }
};

// What is new.
void serve(adit::Listener listener, grpc::Server* server) {
    for (;;) {
        std::error_code ec;
        adit::Connection connection = listener.accept(ec);
        if (ec) return; // closed, below
        const int descriptor = connection.release_socket(ec);
        if (ec) continue;
        ::fcntl(descriptor, F_SETFL, O_NONBLOCK); // gRPC expects it
        grpc::AddInsecureChannelFromFd(server, descriptor);
    }
}

int call(const std::string& address, std::ifstream ca) {
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs.assign(std::istreambuf_iterator<char>(ca), {});
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride("grpc.localhost"); // a name that DNS does not know
    auto stub = greeter::Greeter::NewStub(grpc::CreateCustomChannel(address, grpc::SslCredentials(tls), arguments));
    greeter::GreetRequest request;
    greeter::GreetReply reply;
    request.set_name("gRPC");
    grpc::ClientContext one, two;
    const grpc::Status status = stub->Greet(&one, request, &reply);
    std::printf("%s\n", status.ok() ? reply.text().c_str() : status.error_message().c_str());
    auto reader = stub->Count(&two, request);
    while (reader->Read(&reply)) std::printf("%s\n", reply.text().c_str());
    return status.ok() && reader->Finish().ok() ? 0 : 1;
}

int main(int argc, char** argv) {
    if (argc > 2) return call(argv[1], std::ifstream(argv[2]));
    Service service;
    auto server = grpc::ServerBuilder().RegisterService(&service).BuildAndStart();
    auto edge = adit::edge::Server::start(adit::edge::ServerOptions().authtoken("lesson"));
    auto options = adit::SessionOptions().server(edge.agent_address()).roots_pem(edge.ca_pem()).authtoken("lesson");
    auto session = adit::Session::connect(options);
    auto listener = session.listen(adit::Endpoint("https://grpc.localhost").app_protocol("http2"));
    std::thread thread(serve, listener, server.get());
    const auto ca = std::filesystem::temp_directory_path() / ("adit-grpc-" + std::to_string(::getpid()) + ".pem");
    std::ofstream(ca) << edge.ca_pem();
    std::printf("online: %s\nCA: %s\n", listener.url().c_str(), ca.c_str());
    std::fflush(stdout);
    std::getchar();
    std::filesystem::remove(ca);
    listener.close();
    thread.join();
    server->Shutdown(); // calls that run may end
}
