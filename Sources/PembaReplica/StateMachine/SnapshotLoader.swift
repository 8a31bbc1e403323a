// Pemba: making a state of the blocks of a snapshot.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
package import PembaGraph
import PembaRaft

/// Builds a state machine block by block, in the order in which the blocks were written, and verifies the result.
package struct SnapshotLoader: ~Copyable {
    private let machine: StateMachine
    private var contents: SnapshotContents?
    private var schema: [UInt8] = []

    /// Starts with nothing; `capacity` and `hashSeed` are those of the graph to build.
    package init(
        capacity: GraphCapacity,
        hashSeed: UInt64,
        history: HistoryLimits = .standard,
        sessionLimits: SessionLimits = SessionLimits()
    ) {
        machine = StateMachine(
            capacity: capacity,
            hashSeed: hashSeed,
            history: history,
            sessionLimits: sessionLimits
        )
    }

    /// Takes the next block.
    package mutating func load(_ block: UnsafeRawBufferPointer) throws(SnapshotError) {
        guard block.count <= Limits.snapshotBlockBytes else {
            throw .undecodable(.exceedsLimit(value: UInt64(block.count), limit: UInt64(Limits.snapshotBlockBytes)))
        }
        var reader = ByteReader(block)
        let code: UInt8 = try SnapshotError.decoding { () throws(ByteError) in try reader.integer() }
        switch SnapshotBlock(rawValue: code) {
        case .header: try takeHeader(&reader)
        case .schema: try takeSchema(reader.rest())
        case .sessions: try takeSessions(&reader)
        case .tuples: try takeTuples(reader.rest())
        case nil: throw .undecodable(.invalidValue(field: "snapshot block", value: UInt64(code)))
        }
    }

    /// The state, if it is complete and what was saved.
    package consuming func finish() throws(SnapshotError) -> StateMachine {
        guard let contents else { throw .malformed("there is no header") }
        guard schema.count == contents.schemaBytes else { throw .malformed("the schema is not complete") }
        machine.index = contents.point.index
        machine.term = contents.point.term
        machine.timestamp = contents.point.timestamp
        machine.configuration = contents.point.configuration
        machine.graph.restart(at: machine.revision, time: machine.timestamp)
        guard machine.graph.tupleCount == contents.tupleCount, machine.graph.contentHash == contents.tupleHash,
            machine.sessions.count == contents.sessionCount, machine.sessions.answerCount == contents.answerCount,
            machine.stateHash == contents.stateHash
        else { throw .contentMismatch }
        return machine
    }

    private mutating func takeHeader(_ reader: inout ByteReader) throws(SnapshotError) {
        guard contents == nil else { throw .malformed("there are two headers") }
        contents = try SnapshotError.decoding { () throws(ByteError) in try SnapshotContents(reading: &reader) }
    }

    private mutating func takeSchema(_ bytes: UnsafeRawBufferPointer) throws(SnapshotError) {
        guard let contents, schema.count + bytes.count <= contents.schemaBytes else {
            throw .malformed("the schema is longer than the header says")
        }
        schema.append(contentsOf: bytes)
        guard schema.count == contents.schemaBytes else { return }
        guard let source = String(validating: schema, as: UTF8.self) else { throw .undecodable(.invalidUTF8) }
        do {
            try machine.compileAndReplace(source)
        } catch {
            throw .malformed("this version does not accept the schema: \(error)")
        }
    }

    private func takeSessions(_ reader: inout ByteReader) throws(SnapshotError) {
        while !reader.isAtEnd {
            let mark: UInt8 = try SnapshotError.decoding { () throws(ByteError) in try reader.integer() }
            switch mark {
            case SnapshotBlock.sessionMark:
                let session = try SnapshotError.decoding { () throws(ByteError) in
                    try SessionTable.Session(reading: &reader)
                }
                try machine.sessions.restore(session)
            case SnapshotBlock.answerMark:
                let answer = try SnapshotError.decoding { () throws(ByteError) in try SessionAnswer(reading: &reader) }
                try machine.sessions.restore(answer)
            default:
                throw .undecodable(.invalidValue(field: "session mark", value: UInt64(mark)))
            }
        }
    }

    private func takeTuples(_ bytes: UnsafeRawBufferPointer) throws(SnapshotError) {
        guard schema.count == contents?.schemaBytes else {
            throw .malformed("tuples come before the schema is complete")
        }
        do {
            try machine.graph.load(block: bytes)
        } catch {
            throw .malformed(error.description)
        }
    }
}
