// Pemba: what a request ends with.
// SPDX-License-Identifier: Apache-2.0

/// The answer to a request of any kind.
enum Answer: Sendable {
    case check(CheckAnswer)
    case bulkCheck(BulkCheckAnswer)
    case page(ReadAnswer)
    case schema(SchemaAnswer)
    case written(Zookie, leader: NodeID?)
    case session(UInt64)
    case status(NodeStatus)
}

typealias Outcome = Result<Answer, ClientError>
