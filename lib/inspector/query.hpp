// The query of a URL: "a=1&b=x%20y".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::inline v0::inspector {

/// "%41" and, in a query, "+". nullopt for an escape that is none.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank);

/// For one segment of a path, or a value of a query.
std::string percent_encode(std::string_view text);

class Query {
public:
    /// nullopt for an escape that is none.
    static std::optional<Query> parse(std::string_view text);
    /// The first of that name.
    std::optional<std::string_view> find(std::string_view name) const;
    const std::vector<std::pair<std::string, std::string>>& all() const noexcept { return all_; }

private:
    std::vector<std::pair<std::string, std::string>> all_;
};

} // namespace adit
