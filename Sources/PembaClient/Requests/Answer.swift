// Pemba: what a request ends with.
// SPDX-License-Identifier: Apache-2.0

/// The answer to a request of any kind.
enum Answer: Sendable {
    case check(CheckAnswer)
    case bulkCheck(BulkCheckAnswer)
    case page(ReadAnswer)
    case schema(SchemaAnswer)
    case permissions(PermissionsAnswer)
    case expanded(ExpandAnswer)
    case explained(ExplainAnswer)
    /// A request of a stream ended; what it brought went to its reader.
    case streamed
    case written(WriteAnswer, leader: NodeID?)
    case schemaWritten(Zookie, leader: NodeID?)
    case deleted(DeleteAnswer, leader: NodeID?)
    case set(SetAnswer, leader: NodeID?)
    case imported(ImportAnswer, leader: NodeID?)
    case session(UInt64)
    case status(NodeStatus)
    case membership(MembershipAnswer)

    /// Of a write: the revision that has it, and the leader if the node says who that is.
    var written: (zookie: Zookie, leader: NodeID?)? {
        switch self {
        case .written(let answer, let leader): (answer.zookie, leader)
        case .schemaWritten(let zookie, let leader): (zookie, leader)
        case .deleted(let answer, let leader): (answer.zookie, leader)
        case .set(let answer, let leader): (answer.zookie, leader)
        case .imported(let answer, let leader): (answer.zookie, leader)
        default: nil
        }
    }
}

typealias Outcome = Result<Answer, ClientError>
