// Pemba: answers in words.
// SPDX-License-Identifier: Apache-2.0

package import PembaService

extension Permissionship {
    /// `has`, `has-not` or `conditional`, as files of checks write it.
    package var word: String {
        switch self {
        case .hasPermission: "has"
        case .noPermission: "has-not"
        case .conditional: "conditional"
        }
    }

    /// What `word` says; nil if it says nothing.
    package init?(word: String) {
        switch word {
        case "has": self = .hasPermission
        case "has-not": self = .noPermission
        case "conditional": self = .conditional
        default: return nil
        }
    }
}

extension Decision {
    /// The word, and what a conditional answer needs.
    package var text: String {
        guard permissionship == .conditional else { return permissionship.word }
        return missingContext.isEmpty ? "conditional" : "conditional (needs \(missingContext.joined(separator: ", ")))"
    }

    /// What is missing, for JSON: nil where nothing can be.
    var missingIfAny: [String]? { permissionship == .conditional ? missingContext : nil }
}
