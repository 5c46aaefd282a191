#include "policy/results.hpp"

#include "policy/scope.hpp"

#include <array>
#include <initializer_list>
#include <utility>

namespace adit::inline v0::policy {
namespace {

using cel::ObjectType;
using cel::Type;
using cel::Value;

Type string_list() { return Type::list(Type::string()); }
Type string_map() { return Type::map(Type::string(), Type::string()); }

// --- certificates

struct NamedType {
    const char* name;
    Type type;
};
const ObjectType& make_type(const char* name, std::initializer_list<NamedType> fields, bool is_text = false) {
    auto* made = new ObjectType(name, is_text); // for as long as the process runs
    for (const NamedType& field : fields) made->add(field.name, field.type);
    return *made;
}

const ObjectType& name_type() {
    static const ObjectType& type = make_type("distinguished name",
                                              {{"common_name", Type::string()},
                                               {"country", string_list()},
                                               {"locality", string_list()},
                                               {"organization", string_list()},
                                               {"organizational_unit", string_list()},
                                               {"postal_code", string_list()},
                                               {"province", string_list()},
                                               {"street_address", string_list()}},
                                              true);
    return type;
}
const ObjectType& san_type() {
    static const ObjectType& type = make_type("san", {{"dns_names", string_list()},
                                                      {"email_addresses", string_list()},
                                                      {"ip_addresses", string_list()},
                                                      {"uris", string_list()}});
    return type;
}
const ObjectType& extension_type() {
    static const ObjectType& type =
        make_type("extension", {{"id", Type::string()}, {"critical", Type::boolean()}, {"value", Type::bytes()}});
    return type;
}
const ObjectType& validity_type() {
    static const ObjectType& type =
        make_type("validity", {{"not_before", Type::timestamp()}, {"not_after", Type::timestamp()}});
    return type;
}
} // namespace

const cel::ObjectType& certificate_type() {
    static const ObjectType& type = make_type("certificate", {{"extensions", Type::list(Type::object(extension_type()))},
                                                              {"issuer", Type::object(name_type())},
                                                              {"pem", Type::string()},
                                                              {"san", Type::object(san_type())},
                                                              {"serial_number", Type::string()},
                                                              {"signature_algorithm", Type::string()},
                                                              {"subject", Type::object(name_type())},
                                                              {"validity", Type::object(validity_type())}});
    return type;
}

namespace {

Value strings(const std::vector<std::string>& texts) {
    std::vector<Value> values;
    values.reserve(texts.size());
    for (const std::string& each : texts) values.push_back(Value::string(each));
    return Value::list(std::move(values));
}

/// Of an issuer or a subject: the fields of a string, which the certificate keeps.
class NameFields final : public cel::Object {
public:
    NameFields(std::shared_ptr<const CertificateFacts> certificate, const tls::DistinguishedName& name)
        : cel::Object(name_type()), certificate_(std::move(certificate)), name_(name) {}
    Value field(std::size_t index) const override {
        switch (index) {
        case 0: return Value::string(name_.common_name);
        case 1: return strings(name_.country);
        case 2: return strings(name_.locality);
        case 3: return strings(name_.organization);
        case 4: return strings(name_.organizational_unit);
        case 5: return strings(name_.postal_code);
        case 6: return strings(name_.province);
        default: return strings(name_.street_address);
        }
    }

private:
    std::shared_ptr<const CertificateFacts> certificate_;
    const tls::DistinguishedName& name_;
};

class CertificateObject final : public cel::Object {
public:
    explicit CertificateObject(std::shared_ptr<const CertificateFacts> certificate)
        : cel::Object(certificate_type()), certificate_(std::move(certificate)) {}
    Value field(std::size_t index) const override {
        const CertificateFacts& c = *certificate_;
        switch (index) {
        case 0: return extensions();
        case 1: return Value::string(c.info.issuer, std::make_unique<NameFields>(certificate_, c.issuer));
        case 2: return c.pem.empty() ? Value() : Value::string(c.pem);
        case 3:
            return record(san_type(),
                          {strings(c.info.dns_names), strings(c.email_addresses), strings(c.info.ip_addresses), strings(c.uris)});
        case 4: return Value::string(c.info.serial);
        case 5: return Value::string(c.signature_algorithm);
        case 6: return Value::string(c.info.subject, std::make_unique<NameFields>(certificate_, c.subject));
        default: return record(validity_type(), {timestamp_value(c.info.not_before), timestamp_value(c.info.not_after)});
        }
    }

private:
    Value extensions() const {
        std::vector<Value> list;
        for (const tls::CertificateExtension& each : certificate_->extensions) {
            list.push_back(record(extension_type(), {Value::string(each.id), Value::boolean(each.critical),
                                                     Value::bytes(each.value)}));
        }
        return Value::list(std::move(list));
    }
    std::shared_ptr<const CertificateFacts> certificate_;
};

// --- results of actions

const ObjectType& error_type() {
    static const ObjectType& type = make_type("error", {{"code", Type::string()}, {"message", Type::string()}});
    return type;
}
const ObjectType& credentials_type() {
    static const ObjectType& type = make_type(
        "credentials", {{"presented", Type::boolean()}, {"username", Type::string()}, {"authorized", Type::boolean()}});
    return type;
}

const ObjectType& result_type(ResultId which) {
    static const Type error = Type::object(error_type());
    static const NamedType url_fields[] = {{"matches", string_list()}, {"url", Type::string()}, {"error", error}};
    static const std::array<const ObjectType*, result_count> types = {
        &make_type("add_headers", {{"headers_added", string_map()}}),
        &make_type("basic_auth", {{"credentials", Type::object(credentials_type())}}),
        &make_type("compress", {{"already_compressed", Type::boolean()}, {"negotiated_algorithm", Type::string()}}),
        &make_type("forward_internal", {{"url", Type::string()}, {"error", error}}),
        &make_type("log", {{"metadata", Type::map(Type::string(), Type::dyn())}}),
        &make_type("rate_limit", {{"bucket_key", Type::string()}, {"limited", Type::boolean()}, {"error", error}}),
        &make_type("redirect", {url_fields[0], url_fields[1], url_fields[2]}),
        &make_type("remove_headers", {{"headers_removed", string_list()}}),
        &make_type("restrict_ips", {{"action", Type::string()}, {"matched_cidr", Type::string()}, {"error", error}}),
        &make_type("terminate_tls", {{"version", Type::string()},
                                     {"cipher_suite", Type::string()},
                                     {"sni", Type::string()},
                                     {"client", Type::object(certificate_type())},
                                     {"server", Type::object(certificate_type())},
                                     {"warnings", string_list()},
                                     {"error", error}}),
        &make_type("url_rewrite", {url_fields[0], url_fields[1], url_fields[2]}),
        &make_type("verify_webhook", {{"verified", Type::boolean()}, {"error", error}}),
    };
    return *types[static_cast<std::size_t>(which)];
}

/// Of an action that has not run.
template <ResultId which>
const Record& nothing_of() {
    static const Record nothing(result_type(which), {});
    return nothing;
}

/// The handshake is over before rules run, so this result is there where the policy asked for TLS.
Value terminate_tls_result(const Scope& scope) {
    if (!scope.facts.tls) return Value::borrowed(nothing_of<ResultId::terminate_tls>());
    const TlsFacts& tls = *scope.facts.tls;
    return make_result(ResultId::terminate_tls, {Value::borrowed_string(tls.version), Value::borrowed_string(tls.cipher_suite), Value::borrowed_string(tls.sni),
                                                 certificate_value(tls.client), certificate_value(tls.server), strings({})});
}

template <std::size_t which>
Value result_of(const Scope& scope) {
    if (which == static_cast<std::size_t>(ResultId::terminate_tls)) return terminate_tls_result(scope);
    if (!scope.results[which].is_null()) return scope.results[which];
    if (scope.parent != nullptr && !scope.parent->results[which].is_null()) return scope.parent->results[which];
    return Value::borrowed(nothing_of<static_cast<ResultId>(which)>());
}

template <std::size_t... which>
std::vector<Shape::Field> result_fields(std::index_sequence<which...>) {
    return {Shape::Field{result_type(static_cast<ResultId>(which)).name().c_str(),
                         Type::object(result_type(static_cast<ResultId>(which))), &result_of<which>}...};
}

} // namespace

const Shape& results_shape() {
    static const Shape shape("actions.ngrok", result_fields(std::make_index_sequence<result_count>()));
    return shape;
}

Value make_result(ResultId which, std::vector<Value> fields) { return record(result_type(which), std::move(fields)); }

Value make_error_value(std::string_view code, std::string_view message) {
    return record(error_type(), {Value::string(std::string(code)), Value::string(std::string(message))});
}

Value make_credentials_value(bool presented, std::string username, bool authorized) {
    return record(credentials_type(), {Value::boolean(presented), Value::string(std::move(username)), Value::boolean(authorized)});
}

Value certificate_value(const std::shared_ptr<const CertificateFacts>& certificate) {
    if (!certificate) return {};
    return Value::map(std::unique_ptr<const cel::Map>(std::make_unique<CertificateObject>(certificate)));
}

Value timestamp_value(std::chrono::system_clock::time_point time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch());
    const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch() - seconds);
    return Value::timestamp(cel::Timestamp(seconds.count(), static_cast<std::int32_t>(rest.count())));
}

} // namespace adit
