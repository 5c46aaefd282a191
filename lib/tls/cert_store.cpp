#include "tls/cert_store.hpp"

#include <cctype>
#include <functional>
#include <unordered_map>

namespace adit::inline v0::tls {
namespace {

struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
        return std::hash<std::string_view>()(text);
    }
};

std::string normal(std::string_view name) {
    if (!name.empty() && name.back() == '.') name.remove_suffix(1);
    std::string text(name);
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

} // namespace

struct CertStore::Table {
    // A wildcard stands under its own text, "*.example.com".
    std::unordered_map<std::string, IdentityPtr, TextHash, std::equal_to<>> names;
    IdentityPtr fallback;

    IdentityPtr find(const std::string& name) const {
        if (const auto exact = names.find(name); exact != names.end()) return exact->second;
        const std::size_t dot = name.find('.');
        if (dot == std::string::npos || dot == 0) return nullptr;
        const auto wild = names.find("*" + name.substr(dot));
        return wild == names.end() ? nullptr : wild->second;
    }
};

CertStore::CertStore() : table_(std::make_shared<const Table>()) {}
CertStore::~CertStore() = default;

std::shared_ptr<const CertStore::Table> CertStore::snapshot() const {
    const std::lock_guard lock(mutex_);
    return table_;
}

template <class Change>
void CertStore::change(Change&& edit) {
    const std::lock_guard one_at_a_time(writer_);
    auto next = std::make_shared<Table>(*snapshot());
    edit(*next);
    std::shared_ptr<const Table> old = std::move(next);
    {
        const std::lock_guard lock(mutex_);
        table_.swap(old);
    }
    // The old table dies here or with its last reader, outside the lock.
}

void CertStore::add(const IdentityPtr& identity) {
    if (identity == nullptr) return;
    change([&](Table& table) {
        for (const std::string& name : identity->info().dns_names) table.names[normal(name)] = identity;
    });
}

void CertStore::set(std::string_view name, IdentityPtr identity) {
    change([&](Table& table) {
        if (identity == nullptr) {
            table.names.erase(normal(name));
        } else {
            table.names[normal(name)] = std::move(identity);
        }
    });
}

void CertStore::set_default(IdentityPtr identity) {
    change([&](Table& table) { table.fallback = std::move(identity); });
}

void CertStore::replace(const std::vector<Entry>& entries, IdentityPtr fallback) {
    change([&](Table& table) {
        table.names.clear();
        for (const Entry& entry : entries) {
            if (entry.second != nullptr) table.names[normal(entry.first)] = entry.second;
        }
        table.fallback = std::move(fallback);
    });
}

CertStore::IdentityPtr CertStore::find(std::string_view server_name) const {
    return snapshot()->find(normal(server_name));
}

CertStore::IdentityPtr CertStore::select(std::string_view server_name) const {
    const std::shared_ptr<const Table> table = snapshot();
    IdentityPtr match = table->find(normal(server_name));
    return match != nullptr ? match : table->fallback;
}

std::size_t CertStore::size() const { return snapshot()->names.size(); }

IdentitySelector selector_of(std::shared_ptr<const CertStore> store) {
    return [store = std::move(store)](std::string_view server_name) { return store->select(server_name); };
}

} // namespace adit::inline v0::tls
