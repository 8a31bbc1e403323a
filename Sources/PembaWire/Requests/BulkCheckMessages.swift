// Pemba: many checks in one frame.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

/// A bulk check as it lies in the frame: nothing is copied, so the view ends with the frame's bytes.
package struct BulkCheckRequestView {
    /// Milliseconds until the caller stops waiting; 0: the node's default.
    package var deadlineMilliseconds: UInt32
    /// How fresh the state must be; one revision for all.
    package var consistency: Consistency
    /// How many checks follow.
    package let count: Int

    private var reader: ByteReader
    private var taken = 0

    /// Reads the head of the payload of a `bulkCheck` frame; `next` reads the checks.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        reader = ByteReader(payload)
        deadlineMilliseconds = try reader.integer()
        consistency = try Consistency(decoding: &reader)
        count = try reader.count(limit: Limits.checksPerBulk)
    }

    /// The next check; nil after the last, when nothing may follow.
    package mutating func next() throws(ByteError) -> CheckView? {
        guard taken < count else {
            try reader.expectEnd()
            return nil
        }
        taken += 1
        return try reader.check()
    }

    /// Reads all checks into `checks`, which is overwritten and keeps its capacity.
    package mutating func readAll(into checks: inout [CheckView]) throws(ByteError) {
        checks.removeAll(keepingCapacity: true)
        while let check = try next() { checks.append(check) }
    }
}

/// Many checks, as a client sends them.
package enum BulkCheckRequest {
    /// Appends the payload of a `bulkCheck` frame.
    package static func encode(
        _ items: some Collection<CheckItem>,
        consistency: Consistency,
        deadlineMilliseconds: UInt32,
        into output: inout ByteWriter
    ) {
        output.integer(deadlineMilliseconds)
        consistency.encode(into: &output)
        output.count(items.count)
        for item in items { output.check(item) }
    }
}

/// Appends the payload of a `bulkCheckAnswer` frame as the answers come.
package enum BulkCheckAnswerWriter {
    /// What stands for an error in the place of a permissionship.
    package static let errorTag: UInt8 = 255

    /// Appends what comes before the items.
    package static func begin(count: Int, zookie: EncodedZookie, into output: inout ByteWriter) {
        zookie.encode(into: &output)
        output.count(count)
    }

    /// Appends the answer of the next item.
    @inline(__always)
    package static func item(_ permissionship: Permissionship, into output: inout ByteWriter) {
        output.bytes.append(permissionship.rawValue)
    }

    /// Appends the error of the next item; long messages are cut and details left out.
    package static func item(_ error: ServiceError, into output: inout ByteWriter) {
        output.bytes.append(errorTag)
        error.encodeItem(into: &output)
    }
}

extension BulkCheckAnswer {
    /// Appends the payload of a `bulkCheckAnswer` frame.
    package func encode(into output: inout ByteWriter) {
        BulkCheckAnswerWriter.begin(count: results.count, zookie: EncodedZookie(zookie), into: &output)
        for result in results {
            switch result {
            case .success(let permissionship): BulkCheckAnswerWriter.item(permissionship, into: &output)
            case .failure(let error): BulkCheckAnswerWriter.item(error, into: &output)
            }
        }
    }

    /// Reads the payload of a `bulkCheckAnswer` frame.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        let zookie = try reader.zookie()
        let count = try reader.count(limit: Limits.checksPerBulk)
        // Each item takes a byte at least: the count is no promise of memory.
        guard count <= reader.remaining else { throw .truncated(needed: count, available: reader.remaining) }
        var results: [Result<Permissionship, ServiceError>] = []
        results.reserveCapacity(count)
        for _ in 0..<count {
            let tag: UInt8 = try reader.integer()
            if tag == BulkCheckAnswerWriter.errorTag {
                results.append(.failure(try ErrorFrame(reading: &reader).serviceError))
            } else if let permissionship = Permissionship(rawValue: tag) {
                results.append(.success(permissionship))
            } else {
                throw .invalidValue(field: "permissionship", value: UInt64(tag))
            }
        }
        try reader.expectEnd()
        self.init(results: results, zookie: zookie)
    }
}
