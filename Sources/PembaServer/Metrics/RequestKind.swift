// Pemba: the kinds of requests that are counted apart.
// SPDX-License-Identifier: Apache-2.0

package import PembaService

/// A kind of request: what it is counted as, and which role it needs.
package enum RequestKind: Int, Sendable, CaseIterable {
    case check = 0
    case bulkCheck
    case read
    case readSchema
    case write
    case writeSchema
    case openSession
    case status

    /// The label of its metrics and the word of its audit events.
    package var name: String {
        switch self {
        case .check: "check"
        case .bulkCheck: "bulk_check"
        case .read: "read"
        case .readSchema: "read_schema"
        case .write: "write"
        case .writeSchema: "write_schema"
        case .openSession: "open_session"
        case .status: "status"
        }
    }

    /// The role that a credential needs for it; `docs/protocol.md` publishes this table.
    package var role: Roles {
        switch self {
        case .check, .bulkCheck, .read, .readSchema: .read
        case .write, .openSession: .write
        case .writeSchema: .schema
        case .status: .admin
        }
    }
}
