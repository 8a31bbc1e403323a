// Pemba: the states that requests are evaluated at.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import PembaGraph
import PembaReplica
import PembaService
import PembaWire

/// Why a request that was taken up is not answered.
enum RequestError: Error {
    /// Its payload cannot be decoded.
    case bytes(ByteError)
    /// The graph refuses it.
    case graph(GraphError)
    /// It is refused for another reason.
    case service(ServiceError)

    /// Decodes, with errors of this kind.
    static func decoding<Value>(_ body: () throws(ByteError) -> Value) throws(RequestError) -> Value {
        do throws(ByteError) { return try body() } catch { throw .bytes(error) }
    }

    /// Asks the graph, with errors of this kind.
    static func asking<Value>(_ body: () throws(GraphError) -> Value) throws(RequestError) -> Value {
        do throws(GraphError) { return try body() } catch { throw .graph(error) }
    }

    /// The answer to a request of this frame.
    func serviceError(_ frame: FrameType) -> ServiceError {
        switch self {
        case .bytes(let error): ServiceError(decoding: error, of: frame)
        case .graph(let error): ServiceError(error)
        case .service(let error): error
        }
    }
}

extension Node {
    /// The state that a request wants, with its contextual tuples, and its zookie; the replica has found it ready.
    ///
    /// Valid until the graph changes.
    func state(
        _ consistency: Consistency,
        adding tuples: [RelationTuple] = []
    ) throws(RequestError) -> (basis: Basis, zookie: Zookie) {
        let graph = replica.stateMachine.graph
        return try RequestError.asking { () throws(GraphError) in
            let revision: Revision =
                switch consistency {
                case .minimizeLatency, .atLeastAsFresh, .fullyConsistent: graph.revision
                case .atExactSnapshot(let zookie): zookie.revision
                case .atRevision(let revision): revision
                case .atTime(let time): try graph.revision(at: time)
                }
            return (try graph.basis(at: revision, adding: tuples), replica.zookie(for: revision))
        }
    }
}
