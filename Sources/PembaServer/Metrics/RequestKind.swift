// Pemba: the kinds of requests that are counted apart.
// SPDX-License-Identifier: Apache-2.0

package import PembaWire

/// A kind of request: what it is counted and logged as.
package enum RequestKind: Int, Sendable, CaseIterable {
    case check = 0
    case bulkCheck
    case read
    case readSchema
    case write
    case writeSchema
    case openSession
    case status
    case lookupResources
    case lookupSubjects
    case permissions
    case expand
    case explain
    case watch
    case export
    case delete
    case set
    case importTuples
    case membership

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
        case .lookupResources: "lookup_resources"
        case .lookupSubjects: "lookup_subjects"
        case .permissions: "permissions"
        case .expand: "expand"
        case .explain: "explain"
        case .watch: "watch"
        case .export: "export"
        case .delete: "delete"
        case .set: "set"
        case .importTuples: "import"
        case .membership: "membership"
        }
    }

    /// The frame that carries it.
    package var frame: FrameType {
        switch self {
        case .check: .check
        case .bulkCheck: .bulkCheck
        case .read: .read
        case .readSchema: .readSchema
        case .write: .write
        case .writeSchema: .writeSchema
        case .openSession: .openSession
        case .status: .status
        case .lookupResources: .lookupResources
        case .lookupSubjects: .lookupSubjects
        case .permissions: .permissions
        case .expand: .expand
        case .explain: .explain
        case .watch: .watch
        case .export: .export
        case .delete: .delete
        case .set: .set
        case .importTuples: .import
        case .membership: .membership
        }
    }

    /// The kind of request that a frame is; nil if it is none.
    package init?(_ frame: FrameType) {
        switch frame {
        case .check: self = .check
        case .bulkCheck: self = .bulkCheck
        case .read: self = .read
        case .readSchema: self = .readSchema
        case .write: self = .write
        case .writeSchema: self = .writeSchema
        case .openSession: self = .openSession
        case .status: self = .status
        case .lookupResources: self = .lookupResources
        case .lookupSubjects: self = .lookupSubjects
        case .permissions: self = .permissions
        case .expand: self = .expand
        case .explain: self = .explain
        case .watch: self = .watch
        case .export: self = .export
        case .delete: self = .delete
        case .set: self = .set
        case .import: self = .importTuples
        case .membership: self = .membership
        default: return nil
        }
    }
}
