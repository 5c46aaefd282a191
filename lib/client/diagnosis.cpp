#include <adit/diagnosis.hpp>

#include <array>
#include <cstdio>

namespace adit::inline v0 {

std::string_view to_string(DiagnosisStep::Kind kind) noexcept {
    switch (kind) {
    case DiagnosisStep::Kind::name: return "name";
    case DiagnosisStep::Kind::tcp: return "tcp";
    case DiagnosisStep::Kind::tls: return "tls";
    case DiagnosisStep::Kind::mux: return "mux";
    case DiagnosisStep::Kind::srv_info: return "srv_info";
    }
    return "unknown";
}

ErrorInfo Diagnosis::error() const {
    for (const DiagnosisStep& step : steps_)
        if (step.error()) return step.error();
    return {};
}

std::string Diagnosis::to_string() const {
    std::string text;
    for (const DiagnosisStep& step : steps_) {
        std::array<char, 64> head;
        const std::string name(adit::to_string(step.kind()));
        const double milliseconds = static_cast<double>(step.time().count()) / 1000;
        std::snprintf(head.data(), head.size(), "%-9s%9.1f ms  ", name.c_str(), milliseconds);
        text += head.data();
        text += step.error() ? "failed: " + step.error().to_string() : step.found();
        text += '\n';
    }
    return text;
}

} // namespace adit
