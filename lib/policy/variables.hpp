// The variables of behaviour C.3 for which there is data here, as lazy views: nothing is copied until it is asked for.
#pragma once

#include "policy/cel/environment.hpp"
#include "policy/policy.hpp"
#include "policy/shape.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace adit::inline v0::policy {

struct Scope;

/// What expressions of a phase may name. Made once in a process.
const cel::Environment& environment_of(Phase phase);

/// What to add to the compiler's message where an expression asks for data that this edge does not have; "" elsewhere.
std::string missing_data_hint(std::string_view expression);

/// vars.*
class VarsView final : public cel::Map {
public:
    explicit VarsView(const Scope& scope) noexcept : scope_(scope) {}
    std::size_t size() const override;
    std::optional<cel::Value> find(const cel::Value& key) const override;
    std::vector<cel::Value> keys() const override;

private:
    const Scope& scope_;
};

/// All views of one scope.
struct Views {
    explicit Views(const Scope& scope) noexcept;
    /// By the number of the variable in every environment.
    cel::Value variable(std::size_t index) const;

    ShapeView conn, conn_ts, conn_tls, endpoint, time, actions, results;
    ShapeView req, req_ts, req_url, req_content_type, user_agent;
    ShapeView res, res_content_type;
    VarsView vars;
};

/// Of all environments, in the order of their declaration.
enum Variable : std::size_t { var_conn, var_endpoint, var_time, var_vars, var_actions, var_req, var_res };

} // namespace adit
