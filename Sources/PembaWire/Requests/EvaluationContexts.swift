// Pemba: what an evaluation takes into account beside the stored tuples, and what it answers.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

/// The name of request contexts in errors.
private let requestContext = "request context"

extension ByteReader {
    /// Reads the values and the tuples that a request brings along.
    mutating func evaluationContext() throws(ByteError) -> EvaluationContext {
        let values = try context(field: requestContext, limit: Limits.requestContextBytes)
        return EvaluationContext(values: values, tuples: try contextualTuples())
    }

    /// Takes the JSON of a request's context without looking at it.
    mutating func requestContextSlice() throws(ByteError) -> UnsafeRawBufferPointer {
        try contextSlice(field: requestContext, limit: Limits.requestContextBytes)
    }

    mutating func contextualTuples() throws(ByteError) -> [RelationTuple] {
        try tuples(limit: Limits.contextualTuples)
    }

    /// Takes the bytes of contextual tuples, their count included, without making strings of them.
    mutating func contextualTuplesSlice() throws(ByteError) -> UnsafeRawBufferPointer {
        var ahead = self
        for _ in 0..<(try ahead.count(limit: Limits.contextualTuples)) { try ahead.skipTuple() }
        return try take(ahead.offset - offset)
    }
}

extension ContextObject {
    /// Reads the request context of a check that was borrowed from its frame.
    package init(requestContext json: UnsafeRawBufferPointer) throws(ByteError) {
        try self.init(json: json, field: PembaWire.requestContext, limit: Limits.requestContextBytes)
    }
}

extension [RelationTuple] {
    /// Reads the contextual tuples of a check that were borrowed from its frame; no bytes are no tuples.
    package init(contextualTuples slice: UnsafeRawBufferPointer) throws(ByteError) {
        guard !slice.isEmpty else {
            self = []
            return
        }
        var reader = ByteReader(slice)
        self = try reader.contextualTuples()
        try reader.expectEnd()
    }
}

extension ByteWriter {
    mutating func evaluationContext(_ value: EvaluationContext) {
        context(value.values)
        tuples(value.tuples)
    }
}

// MARK: - Decisions

extension Decision {
    /// Names of missing context in one answer; more are left out by the sender.
    package static let missingMax = 64
    /// Bytes in the name of a missing context; longer ones are cut by the sender.
    package static let missingBytes = 256
}

extension ByteWriter {
    /// Appends the permissionship, and what is missing if it is conditional.
    mutating func decision(_ decision: Decision) {
        integer(decision.permissionship.rawValue)
        if decision.permissionship == .conditional { missingContext(decision.missingContext) }
    }

    mutating func missingContext(_ names: [String]) {
        let kept = names.prefix(Decision.missingMax)
        count(kept.count)
        for name in kept { string(name, cutTo: Decision.missingBytes) }
    }
}

extension ByteReader {
    mutating func decision() throws(ByteError) -> Decision {
        let permissionship = try permissionship()
        return Decision(permissionship, missingContext: permissionship == .conditional ? try missingContext() : [])
    }

    mutating func permissionship() throws(ByteError) -> Permissionship {
        let value: UInt8 = try integer()
        guard let permissionship = Permissionship(rawValue: value) else {
            throw .invalidValue(field: "permissionship", value: UInt64(value))
        }
        return permissionship
    }

    mutating func missingContext() throws(ByteError) -> [String] {
        try list(limit: Decision.missingMax) { reader throws(ByteError) in
            try reader.string(limit: Decision.missingBytes)
        }
    }
}
