// All that a certificate says, in fields: for policy expressions (behaviour C.3) and for the application behind the
// edge.
#pragma once

#include "base/result.hpp"
#include "tls/identity.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0::tls {

/// The attributes of a name that expressions know; text as UTF-8. What may stand several times is a list.
struct DistinguishedName {
    std::string common_name; ///< the last one, which is the most specific
    std::vector<std::string> country, locality, organization, organizational_unit, postal_code, province,
        street_address;
};

struct CertificateExtension {
    std::string id; ///< "2.5.29.17"
    bool critical = false;
    std::string value; ///< DER
};

/// A plain value. What a client shows of itself is worth as much as PeerCertificate::verified says.
struct CertificateFacts {
    CertificateInfo info; ///< names as text, serial number, fingerprint, dates, DNS names and addresses
    DistinguishedName subject, issuer;
    std::vector<std::string> email_addresses, uris; ///< subjectAltName
    std::string signature_algorithm;                ///< as Go names them, "ECDSA-SHA256"; unknown ones by their OID
    std::vector<CertificateExtension> extensions;
    std::string pem;
};

/// Of the first certificate of a PEM text. errc::invalid_option if there is none.
ADIT_INTERNAL Result<CertificateFacts> certificate_facts(std::string_view pem);

/// The fields that tell an application about a client's certificate, in the order they are to be sent:
/// Client-Cert (RFC 9440), and if it was verified the ones of ngrok: ngrok-mtls-subject-cn, -subject-alt-name-dns,
/// -email-addresses, -serial-number. What is no visible ASCII in them is percent-encoded, and so are "%" and, in the
/// lists, commas: no name that a client chose can look like something else.
ADIT_INTERNAL std::vector<std::pair<std::string, std::string>> certificate_fields(const CertificateFacts& facts,
                                                                                  bool verified);

} // namespace adit::inline v0::tls
