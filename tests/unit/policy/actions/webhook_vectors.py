#!/usr/bin/env python3
"""Prints webhook_vectors.hpp: a signed request of each provider, by Python's own hmac from what the provider documents.

    python3 webhook_vectors.py > webhook_vectors.hpp
"""
import base64
import hashlib
import hmac
import json

NOW = 1_700_000_000
SECRET = "a-secret-of-32-bytes-for-webhooks"
URL = "https://app.example/hook?a=b"
BODY = '{"event":"test","text":"caf\u00e9 \\"1\\"\\n"}'
DATE = "2023-11-14T22:13:20Z"  # NOW


def mac(text, key=SECRET, kind="sha256"):
    key = key if isinstance(key, bytes) else key.encode()
    return hmac.new(key, text.encode(), getattr(hashlib, kind))


def hexa(*args, **more):
    return mac(*args, **more).hexdigest()


def b64(*args, **more):
    return base64.b64encode(mac(*args, **more).digest()).decode()


rows = []


def row(provider, headers, body=BODY, secret=SECRET, url=URL, timed=False):
    rows.append((provider, secret, url, headers, body, timed))


# The MAC of the body alone.
row("aftership", {"aftership-hmac-sha256": b64(BODY)})
row("alchemy", {"X-Alchemy-Signature": hexa(BODY)})
row("autodesk", {"x-adsk-signature": "sha1hash=" + hexa(BODY, kind="sha1")})
row("bitbucket", {"X-Hub-Signature": "sha256=" + hexa(BODY)})
row("bolt", {"X-Bolt-Hmac-Sha256": b64(BODY)})
row("castle", {"X-Castle-Signature": b64(BODY)})
row("chargify", {"X-Chargify-Webhook-Signature-Hmac-Sha-256": hexa(BODY)})
row("circleci", {"circleci-signature": "v1=" + hexa(BODY)})
row("clearbit", {"X-Request-Signature": "sha1=" + hexa(BODY, key="abc", kind="sha1")}, secret="sk_abc")
row("docusign", {"X-DocuSign-Signature-1": "AAAA", "X-DocuSign-Signature-2": b64(BODY)})
row("dropbox", {"X-Dropbox-Signature": hexa(BODY)})
for name in ("facebook_graph_api", "facebook_messenger", "github", "instagram", "whatsapp"):
    row(name, {"X-Hub-Signature-256": "sha256=" + hexa(BODY)})
row("gitlab", {"X-Gitlab-Token": SECRET})
row("heroku", {"Heroku-Webhook-Hmac-SHA256": b64(BODY)})
row("intercom", {"X-Hub-Signature": "sha1=" + hexa(BODY, kind="sha1")})
row("jira", {"X-Hub-Signature": "sha256=" + hexa(BODY)})
row("launch_darkly", {"X-LD-Signature": hexa(BODY)})
row("linear", {"Linear-Signature": hexa(BODY)})
row("modern_treasury", {"X-Signature": hexa(BODY)})
row("mongodb", {"X-MMS-Signature": b64(BODY, kind="sha1")})
row("pagerduty", {"X-PagerDuty-Signature": "v1=" + "0" * 64 + ",v1=" + hexa(BODY)})
row("pusher", {"X-Pusher-Signature": hexa(BODY), "X-Pusher-Key": "k"})
row("sentry", {"Sentry-Hook-Signature": hexa(BODY)})
row("shopify", {"X-Shopify-Hmac-Sha256": b64(BODY)})
row("sonatype", {"X-Nexus-Webhook-Signature": hexa(BODY, kind="sha1")})
row("terraform", {"X-TFE-Notification-Signature": hexa(BODY, kind="sha512")})
row("twitter", {"x-twitter-webhooks-signature": "sha256=" + b64(BODY)})
row("typeform", {"Typeform-Signature": "sha256=" + b64(BODY)})
row("webex", {"X-Spark-Signature": hexa(BODY, kind="sha1")})
row("worldline", {"X-GCS-Signature": b64(BODY), "X-GCS-KeyId": "k"})
row("xero", {"x-xero-signature": b64(BODY)})

# With a decoded key.
raw = bytes(range(32))
row("microsoft_teams", {"Authorization": "HMAC " + b64(BODY, key=raw)}, secret=base64.b64encode(raw).decode())
for name, prefix in (("standard_webhooks", "webhook"), ("svix", "svix"), ("clerk", "svix"), ("brex", "webhook")):
    signature = b64(f"msg_1.{NOW}.{BODY}", key=raw)
    row(name, {prefix + "-id": "msg_1", prefix + "-timestamp": str(NOW),
               prefix + "-signature": "v1a,AAAA v1," + signature},
        secret=("" if name == "brex" else "whsec_") + base64.b64encode(raw).decode(), timed=True)

# With a time.
row("airship", {"X-UA-SIGNATURE": hexa(f"{NOW}:{BODY}"), "X-UA-TIMESTAMP": str(NOW)}, timed=True)
row("box", {"BOX-SIGNATURE-PRIMARY": "AAAA", "BOX-SIGNATURE-SECONDARY": b64(BODY + "2023-11-14T14:13:20-08:00"),
            "BOX-DELIVERY-TIMESTAMP": "2023-11-14T14:13:20-08:00"}, timed=True)
row("buildkite", {"X-Buildkite-Signature": f"timestamp={NOW},signature=" + hexa(f"{NOW}.{BODY}")}, timed=True)
for name, header, key in (("calendly", "Calendly-Webhook-Signature", "v1"), ("mux", "Mux-Signature", "v1"),
                          ("stripe", "Stripe-Signature", "v1"), ("tiktok", "TikTok-Signature", "s")):
    row(name, {header: f"t={NOW},{key}=" + hexa(f"{NOW}.{BODY}")}, timed=True)
for name, header, time, version in (("frameio", "X-Frameio-Signature", "X-Frameio-Request-Timestamp", "v0"),
                                    ("slack", "X-Slack-Signature", "X-Slack-Request-Timestamp", "v0"),
                                    ("zoom", "x-zm-signature", "x-zm-request-timestamp", "v0"),
                                    ("pinwheel", "x-pinwheel-signature", "x-timestamp", "v2")):
    row(name, {header: f"{version}=" + hexa(f"{version}:{NOW}:{BODY}"), time: str(NOW)}, timed=True)
row("hubspot", {"X-HubSpot-Signature-v3": b64(f"POST{URL}{BODY}{NOW}000"),
                "X-HubSpot-Request-Timestamp": f"{NOW}000"}, timed=True)
row("orb", {"X-Orb-Signature": "v1=" + hexa(f"v1:2023-11-14T22:13:20.123456:{BODY}"),
            "X-Orb-Timestamp": "2023-11-14T22:13:20.123456"}, timed=True)
row("zendesk", {"X-Zendesk-Webhook-Signature": b64(DATE + BODY),
                "X-Zendesk-Webhook-Signature-Timestamp": DATE}, timed=True)
graph = json.dumps({"Body": BODY, "EnvironmentName": "master", "TimeStamp": NOW * 1000},
                   separators=(",", ":"), ensure_ascii=False)
row("graphcms", {"gcms-signature": f"sign={b64(graph)}, env=master, t={NOW}000"}, timed=True)
fields = "content-type:application/json;x-contentful-timestamp:" + f"{NOW}000"
row("contentful", {"X-Contentful-Signature": hexa("\n".join(["POST", "/hook", fields, BODY])),
                   "X-Contentful-Signed-Headers": "content-type,x-contentful-timestamp",
                   "X-Contentful-Timestamp": f"{NOW}000", "Content-Type": "application/json"},
    url="https://app.example/hook", timed=True)
signed = {"timestamp": str(NOW), "token": "t0ken", "signature": hexa(f"{NOW}t0ken")}
row("mailgun", {}, body=json.dumps({"signature": signed, "event-data": {}}), timed=True)

# With the URL.
row("square", {"x-square-hmacsha256-signature": b64(URL + BODY)})
form = "b=2&a=caf%C3%A9+1&b=1&b=2"
for name, header in (("twilio", "X-Twilio-Signature"), ("mailchimp", "X-Mandrill-Signature")):
    row(name, {header: b64(URL + "acaf\u00e9 1b1b2", kind="sha1"),
               "Content-Type": "application/x-www-form-urlencoded"}, body=form)


def quoted(text):
    lines = [""]
    for byte in text.encode():
        lines[-1] += chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        if len(lines[-1]) > 80:
            lines.append("")
    return "\n     ".join(f'"{line}"' for line in lines if line or len(lines) == 1)


print("""// Made by webhook_vectors.py: do not edit.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace webhook_test {

struct Vector {
    const char* provider;
    const char* secret;
    const char* url;
    std::vector<std::pair<std::string, std::string>> headers;
    const char* body;
    bool timed; // its time is signed
};

constexpr std::int64_t vectors_time = %d;

inline const std::vector<Vector> vectors = {""" % NOW)
for provider, secret, url, headers, body, timed in sorted(rows, key=lambda r: r[0]):
    print(f'    {{"{provider}",\n     {quoted(secret)},\n     {quoted(url)},\n     {{', end="")
    print(",\n      ".join(f"{{{quoted(k)},\n       {quoted(v)}}}" for k, v in headers.items()), end="")
    print(f"}},\n     {quoted(body)},\n     {'true' if timed else 'false'}}},")
print("""};

} // namespace webhook_test""")
