// add-headers, remove-headers and compress-response.
#include "policy/actions/compression.hpp"
#include "policy/actions/header_edit.hpp"
#include "policy/rules/make.hpp"
#include "policy/scope.hpp"

#include <algorithm>

namespace adit::inline v0::policy {
namespace {

using cel::Value;

Head& head_of(Scope& scope) noexcept { return scope.phase == Phase::http_response ? *scope.response : *scope.request; }

class AddHeaders final : public Action {
public:
    explicit AddHeaders(Config& config) {
        headers_ = config.text_map("headers", 1, 10);
        for (const auto& [name, value] : headers_) {
            std::string problem = added_header_problem(name);
            if (problem.empty() && value.is_literal()) problem = header_value_problem(value.literal());
            if (!problem.empty()) config.fail(2203, "headers." + name, problem);
            if (value.is_literal()) literal_.emplace_back(name, value.literal());
        }
        if (literal_.size() != headers_.size()) literal_.clear();
    }
    Flow run(Scope& scope) const override {
        HeaderList made;
        if (literal_.empty()) {
            made.reserve(headers_.size());
            for (const auto& [name, value] : headers_) { // all before the first is added: they may look at the headers
                auto text = value.text(scope);
                if (!text) return scope.fail(text.error());
                made.emplace_back(name, std::move(*text));
            }
        }
        const HeaderList added = add_headers(head_of(scope), literal_.empty() ? made : literal_);
        scope.request_changed();
        if (scope.wants_results()) {
            std::vector<std::pair<Value, Value>> entries;
            for (const auto& [name, value] : added) entries.emplace_back(Value::string(name), Value::string(value));
            scope.set_result(ResultId::add_headers, {Value::map(std::move(entries))});
        }
        return Flow::next;
    }

private:
    std::vector<std::pair<std::string, Template>> headers_;
    HeaderList literal_; ///< all of them, if none has an expression
};

class RemoveHeaders final : public Action {
public:
    explicit RemoveHeaders(Config& config) : names_(config.plain_list("headers", 1, 10)) {
        for (std::size_t i = 0; i < names_.size(); ++i) {
            const std::string problem = removed_header_problem(names_[i]);
            if (!problem.empty()) config.fail(2203, "headers", problem);
        }
    }
    Flow run(Scope& scope) const override {
        const std::vector<std::string> removed = remove_headers(head_of(scope), names_);
        scope.request_changed();
        if (scope.wants_results()) {
            std::vector<Value> list;
            for (const std::string& name : removed) list.push_back(Value::string(name));
            scope.set_result(ResultId::remove_headers, {Value::list(std::move(list))});
        }
        return Flow::next;
    }

private:
    std::vector<std::string> names_;
};

class CompressResponse final : public Action {
public:
    explicit CompressResponse(Config& config) {
        const std::vector<std::string> names = config.plain_list("algorithms", 0, 4);
        for (const std::string& name : names) {
            const auto coding = coding_of(name);
            if (coding && *coding != Coding::identity) {
                if (std::ranges::find(offered_, *coding) == offered_.end()) offered_.push_back(*coding);
            } else if (name != "compress") { // known, and asked for by nobody
                config.fail(2203, "algorithms", "\"" + name + "\" is not one of gzip, deflate, br, compress");
            }
        }
        if (names.empty()) offered_ = {Coding::gzip, Coding::deflate, Coding::br};
    }
    Flow run(Scope& scope) const override {
        if (scope.encoded()) return Flow::next;
        CompressionPlan plan = plan_compression(*scope.request, *scope.response, offered_);
        if (plan.encoder) scope.encode(std::move(*plan.encoder), plan.flush_each_piece);
        if (scope.wants_results()) {
            const bool already = plan.veto == CompressionVeto::already_encoded;
            scope.set_result(ResultId::compress,
                             {Value::boolean(already), Value::string(std::string(to_string(plan.coding)))});
        }
        return Flow::next;
    }

private:
    std::vector<Coding> offered_;
};

} // namespace

std::unique_ptr<const Action> make_add_headers(Config& config, bool&) { return std::make_unique<AddHeaders>(config); }

std::unique_ptr<const Action> make_remove_headers(Config& config, bool&) { return std::make_unique<RemoveHeaders>(config); }

std::unique_ptr<const Action> make_compress_response(Config& config, bool&) {
    return std::make_unique<CompressResponse>(config);
}

} // namespace adit
