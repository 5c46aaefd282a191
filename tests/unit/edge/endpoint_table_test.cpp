#include "edge/endpoint.hpp"

#include "support/doctest.hpp"

#include <algorithm>
#include <set>
#include <tuple>

using namespace adit;
using namespace adit::edge;

namespace {

std::shared_ptr<EndpointRecord> make(std::string_view url, std::string id = "ep_1", std::string credential = "cr_a") {
    auto record = std::make_shared<EndpointRecord>();
    const auto parsed = EndpointUrl::parse(url);
    REQUIRE(parsed);
    record->url = *parsed;
    record->url_text = url;
    record->id = std::move(id);
    record->credential = record->account = std::move(credential);
    record->client_id = "cl_1";
    return record;
}

std::string id_of(const EndpointPtr& record) { return record ? record->id : std::string(); }

} // namespace

TEST_CASE("the most specific name that is online wins") {
    EndpointTable table;
    for (const auto& [url, id] : {std::pair("https://app.example.com", "exact"), std::pair("https://*.example.com", "one"),
                                  std::pair("https://*.deep.example.com", "two"), std::pair("https://*.com", "com")}) {
        CHECK(table.add(make(url, id)));
    }
    struct Row {
        const char* host;
        const char* id;
    };
    for (const Row& row : {Row{"app.example.com", "exact"}, Row{"other.example.com", "one"}, Row{"a.b.example.com", "one"},
                           Row{"x.deep.example.com", "two"}, Row{"y.x.deep.example.com", "two"},
                           Row{"deep.example.com", "one"}, Row{"example.com", "com"}, Row{"com", ""},
                           Row{"example.org", ""}, Row{"", ""}}) {
        CAPTURE(row.host);
        CHECK(id_of(table.find_tls(row.host)) == row.id);
        CHECK(table.find_http(row.host) == nullptr);
    }
}

TEST_CASE("an exact name that goes offline leaves its visitors to the wildcard") {
    EndpointTable table;
    const auto exact = make("http://app.example.com", "exact");
    CHECK(table.add(exact));
    CHECK(table.add(make("http://*.example.com", "wild")));
    CHECK(id_of(table.find_http("app.example.com")) == "exact");
    CHECK(exact->online);
    CHECK(table.remove(exact));
    CHECK_FALSE(exact->online);
    CHECK(id_of(table.find_http("app.example.com")) == "wild");
    CHECK_FALSE(table.remove(exact));
}

TEST_CASE("https and tls share the names of the HTTPS port, http has its own") {
    EndpointTable table;
    CHECK(table.add(make("https://app.example.com", "https")));
    const auto refused = table.add(make("tls://app.example.com", "tls"));
    CHECK(refused.error().code() == ngrok_error(334));
    CHECK(refused.error().message().find("tls://app.example.com") != std::string::npos);
    CHECK(table.add(make("http://app.example.com", "http")));
    CHECK(id_of(table.find(UrlScheme::https, "app.example.com")) == "https");
    CHECK(table.find(UrlScheme::tls, "app.example.com") == nullptr);
    CHECK(id_of(table.find(UrlScheme::http, "app.example.com")) == "http");
}

TEST_CASE("tcp endpoints are found by port") {
    EndpointTable table;
    CHECK(table.add(make("tcp://a.example.com:2200", "a")));
    CHECK(table.add(make("tcp://a.example.com:2201", "b")));
    CHECK(table.add(make("tcp://b.example.com:2200", "c")).error().code() == ngrok_error(334));
    CHECK(id_of(table.find_tcp(2200)) == "a");
    CHECK(id_of(table.find(UrlScheme::tcp, "", 2201)) == "b");
    CHECK(table.find_tcp(2202) == nullptr);
}

TEST_CASE("who may share a URL") {
    struct Row {
        const char* what;
        bool first_pooled, second_pooled;
        const char* second_credential;
        const char* second_id;
        const char* second_client;
        bool shared;
    };
    for (const Row& row : {Row{"two strangers", false, false, "cr_b", "ep_2", "cl_2", false},
                           Row{"the same credential without pooling", false, false, "cr_a", "ep_2", "cl_1", false},
                           Row{"pooling on one only", true, false, "cr_a", "ep_2", "cl_2", false},
                           Row{"pooling on both", true, true, "cr_a", "ep_2", "cl_2", true},
                           Row{"pooling with another account", true, true, "cr_b", "ep_2", "cl_2", false},
                           Row{"legs of one agent", false, false, "cr_a", "ep_1", "cl_1", true},
                           Row{"the endpoint of another client", false, false, "cr_a", "ep_1", "cl_2", false}}) {
        CAPTURE(row.what);
        EndpointTable table;
        auto first = make("https://app.example.com", "ep_1", "cr_a");
        first->pooled = row.first_pooled;
        auto second = make("https://app.example.com", row.second_id, row.second_credential);
        second->pooled = row.second_pooled;
        second->client_id = row.second_client;
        CHECK(table.add(first));
        CHECK(table.add(second).has_value() == row.shared);
        CHECK(table.size() == (row.shared ? 2 : 1));
    }
}

TEST_CASE("the members of a pool take turns, also after one left") {
    EndpointTable table;
    std::vector<std::shared_ptr<EndpointRecord>> members;
    for (const char* id : {"a", "b", "c"}) {
        members.push_back(make("https://app.example.com", id));
        members.back()->pooled = true;
        CHECK(table.add(members.back()));
    }
    std::multiset<std::string> seen;
    for (int i = 0; i < 6; ++i) seen.insert(id_of(table.find_tls("app.example.com")));
    CHECK(seen == std::multiset<std::string>{"a", "a", "b", "b", "c", "c"});
    CHECK_FALSE(table.remove(members[1]));
    seen.clear();
    for (int i = 0; i < 4; ++i) seen.insert(id_of(table.find_tls("app.example.com")));
    CHECK(seen == std::multiset<std::string>{"a", "a", "c", "c"});
    CHECK(table.members(*members[0]).size() == 2);
}

TEST_CASE("a record is replaced in place") {
    EndpointTable table;
    const auto old = make("https://app.example.com", "ep_1");
    CHECK(table.add(old));
    PatchTunnelStateRequest patch;
    patch.metadata = "new metadata";
    const auto fresh = std::make_shared<const EndpointRecord>(*old, patch, nullptr);
    CHECK(table.replace(old, fresh));
    CHECK_FALSE(old->online);
    CHECK(fresh->online);
    CHECK(table.find_tls("app.example.com") == fresh);
    CHECK(fresh->metadata == "new metadata");
    CHECK_FALSE(table.replace(old, fresh));
    CHECK(table.size() == 1);
}

TEST_CASE("the credentials of one account share its pools, not each other's endpoints") {
    EndpointTable table;
    auto first = make("https://app.example.com", "ep_1", "cr_a");
    auto second = make("https://app.example.com", "ep_2", "cr_b");
    first->account = second->account = "ac_1";
    CHECK(table.add(first));
    CHECK(table.add(second).error().code() == ngrok_error(334));
    CHECK(table.remove(first));
    first->pooled = second->pooled = true;
    CHECK(table.add(first));
    CHECK(table.add(second));
}

TEST_CASE("a wildcard and a name below it never pool: the name has its visitors alone") {
    EndpointTable table;
    auto wild = make("https://*.example.com", "wild");
    auto exact = make("https://app.example.com", "exact");
    wild->pooled = exact->pooled = true;
    CHECK(table.add(wild));
    CHECK(table.add(exact));
    for (int i = 0; i < 4; ++i) CHECK(id_of(table.find_tls("app.example.com")) == "exact");
    CHECK(id_of(table.find_tls("b.example.com")) == "wild");
}

TEST_CASE("internal endpoints are an account's own, by scheme, name and port, and no visitor's") {
    EndpointTable table;
    const auto find = [&](std::string_view account, std::string_view url) {
        return id_of(table.find_internal(account, *EndpointUrl::parse(url)));
    };
    for (const auto& [url, id, account] :
         {std::tuple("https://db.internal", "https", "cr_a"), std::tuple("http://db.internal", "http", "cr_a"),
          std::tuple("https://db.internal:8443", "port", "cr_a"), std::tuple("tls://db.internal", "tls", "cr_a"),
          std::tuple("tcp://db.internal:5432", "tcp", "cr_a"), std::tuple("https://db.internal", "theirs", "cr_b"),
          std::tuple("https://*.db.internal", "wild", "cr_a"), std::tuple("https://*.a.db.internal", "deep", "cr_a"),
          std::tuple("https://x.db.internal", "exact", "cr_a")}) {
        CAPTURE(url);
        CHECK(table.add(make(url, id, account)));
    }
    CHECK(table.size() == 9);
    CHECK(table.add(make("https://db.internal:443", "again", "cr_a")).error().code() == ngrok_error(334));
    struct Row {
        const char* account;
        const char* url;
        const char* id;
    };
    for (const Row& row : {Row{"cr_a", "https://db.internal", "https"}, Row{"cr_a", "https://db.internal:443", "https"},
                           Row{"cr_a", "http://db.internal:80", "http"}, Row{"cr_a", "https://db.internal:8443", "port"},
                           Row{"cr_a", "tls://db.internal", "tls"}, Row{"cr_a", "tcp://db.internal:5432", "tcp"},
                           Row{"cr_a", "tcp://db.internal:5433", ""}, Row{"cr_a", "http://db.internal:8443", ""},
                           Row{"cr_b", "https://db.internal", "theirs"}, Row{"cr_b", "http://db.internal", ""},
                           Row{"cr_c", "https://db.internal", ""}, Row{"", "https://db.internal", ""},
                           Row{"cr_a", "https://x.db.internal", "exact"}, Row{"cr_a", "https://y.db.internal", "wild"},
                           Row{"cr_a", "https://y.x.db.internal", "wild"}, Row{"cr_a", "https://y.a.db.internal", "deep"},
                           Row{"cr_a", "https://z.y.a.db.internal", "deep"}, Row{"cr_a", "http://y.db.internal", ""},
                           Row{"cr_a", "https://internal", ""}, Row{"cr_a", "https://app.example.com", ""}}) {
        CAPTURE(row.account);
        CAPTURE(row.url);
        CHECK(find(row.account, row.url) == row.id);
    }
    for (const char* host : {"db.internal", "x.db.internal", "y.db.internal", "cr_a\nhttps:443\ndb.internal"}) {
        CAPTURE(host);
        CHECK(table.find_http(host) == nullptr);
        CHECK(table.find_tls(host) == nullptr);
    }
    CHECK(table.find_tcp(5432) == nullptr);
    for (const EndpointPtr& each : table.snapshot()) CHECK(table.remove(each));
    CHECK(table.size() == 0);
    CHECK(find("cr_a", "https://db.internal").empty());
}

TEST_CASE("an internal pool is used in turns, and a record that moves into a pool keeps its place") {
    EndpointTable table;
    const auto old = make("https://db.internal", "a");
    CHECK(table.add(old));
    auto other = make("https://db.internal", "b");
    other->pooled = true;
    CHECK_FALSE(table.add(other));
    PatchTunnelStateRequest patch;
    patch.pooling_enabled = true;
    CHECK(table.replace(old, std::make_shared<const EndpointRecord>(*old, patch, nullptr)));
    CHECK(table.add(other));
    std::multiset<std::string> seen;
    for (int i = 0; i < 4; ++i) seen.insert(id_of(table.find_internal("cr_a", old->url)));
    CHECK(seen == std::multiset<std::string>{"a", "a", "b", "b"});
    CHECK(same_address(*old, *other));
    CHECK_FALSE(same_address(*old, *make("https://db.internal", "a", "cr_b")));
    CHECK(same_address(*make("https://a.b", "a"), *make("https://a.b", "a", "cr_b")));
}
