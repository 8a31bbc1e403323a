// Pemba: error answers.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaService

/// An error as it travels: the number, and what it means for the caller even if the caller does not know the number.
package struct ErrorFrame: Equatable, Sendable {
    /// Bytes in a message or in the value of a detail; longer ones are cut by the sender.
    package static let textBytes = 8_192
    /// Bytes in the name of a detail.
    package static let nameBytes = 64
    /// Details of one error; more are left out by the sender.
    package static let detailsMax = 256
    /// Bytes in the message of an error of one item of a bulk check, which has no details.
    package static let itemTextBytes = 256

    /// The registered number, which need not be one that this version knows.
    package var code: UInt16
    /// When to send the request again.
    package var retry: RetryAdvice
    /// Whether the request was certainly not carried out.
    package var outcomeIsKnown: Bool
    /// The sentence for people.
    package var message: String
    /// Named facts for programs.
    package var details: [ServiceError.Detail]

    /// Reads a payload.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        try self.init(reading: &reader)
        try reader.expectEnd()
    }

    init(reading reader: inout ByteReader) throws(ByteError) {
        code = try reader.integer()
        let advice: UInt8 = try reader.integer()
        guard let retry = RetryAdvice(rawValue: advice) else {
            throw .invalidValue(field: "retry advice", value: UInt64(advice))
        }
        self.retry = retry
        outcomeIsKnown = try reader.boolean(field: "outcome known")
        message = try reader.string(limit: ErrorFrame.textBytes)
        let count = try reader.count(limit: ErrorFrame.detailsMax)
        details = []
        for _ in 0..<count {
            let name = try reader.string(limit: ErrorFrame.nameBytes)
            details.append(ServiceError.Detail(name, try reader.string(limit: ErrorFrame.textBytes)))
        }
    }

    /// The error.
    ///
    /// A number that this version does not know becomes the known code whose meaning for the caller is the same, and a
    /// detail `code` keeps the number.
    package var serviceError: ServiceError {
        if let known = ErrorCode(rawValue: code) { return ServiceError(known, message, details: details) }
        let equivalent: ErrorCode =
            switch (retry, outcomeIsKnown) {
            case (.withIdempotencyKey, _): .outcomeUnknown
            case (_, false): .internalError
            case (.otherNode, true): .unavailable
            case (.backOff, true): .overloaded
            case (.never, true): .unsupported
            }
        return ServiceError(equivalent, message, details: details + [ServiceError.Detail("code", String(code))])
    }
}

extension ServiceError {
    /// Appends the payload of an `error` frame.
    package func encode(into output: inout ByteWriter) {
        encodeHead(into: &output)
        output.string(message, cutTo: ErrorFrame.textBytes)
        let kept = details.prefix(ErrorFrame.detailsMax)
        output.count(kept.count)
        for detail in kept {
            output.string(detail.name, cutTo: ErrorFrame.nameBytes)
            output.string(detail.value, cutTo: ErrorFrame.textBytes)
        }
    }

    /// Appends the error of one item of a bulk check: cut short, so that ten thousand fit one frame.
    func encodeItem(into output: inout ByteWriter) {
        encodeHead(into: &output)
        output.string(message, cutTo: ErrorFrame.itemTextBytes)
        output.count(0)
    }

    private func encodeHead(into output: inout ByteWriter) {
        output.integer(code.rawValue)
        output.integer(code.retry.rawValue)
        output.boolean(code.outcomeIsKnown)
    }

    /// The error to answer when a payload of `type` could not be decoded.
    package init(decoding error: ByteError, of type: FrameType) {
        switch error {
        case .invalidValue(let field, _) where field.hasPrefix("zookie"):
            self.init(.invalidZookie, "the zookie is not one: \(field) is wrong; pass zookies on as they were given")
        case .invalidValue(field: OpaqueCursor.foreignField, _):
            self.init(
                .invalidCursor,
                "the cursor belongs to another query; continue with the same fields that the query was begun with",
                details: [Detail("field", OpaqueCursor.field)]
            )
        case .invalidValue(let field, _) where field.hasPrefix(OpaqueCursor.field):
            self.init(
                .invalidCursor,
                "the cursor is not one: \(field) is wrong; pass cursors on as they were given",
                details: [Detail("field", field)]
            )
        case .invalidText(let field, let reason):
            self.init(
                .invalidContext,
                "the \(field) of the \(type) request cannot be used: \(reason)",
                details: [Detail("field", field)]
            )
        case .exceedsLimit(let value, let limit):
            self.init(
                .limitExceeded,
                "a length or count of the \(type) request is \(value), and at most \(limit) is allowed",
                details: [Detail("limit", String(limit)), Detail("value", String(value))]
            )
        case .invalidUTF8:
            self.init(.invalidArgument, "a string of the \(type) request is not UTF-8")
        default:
            self.init(.malformedRequest, "the payload of the \(type) frame cannot be read: \(error)")
        }
    }
}

extension ByteWriter {
    /// Appends a string of at most `limit` bytes: a longer one is cut between characters and ends with `…`.
    mutating func string(_ text: String, cutTo limit: Int) {
        guard text.utf8.count > limit else { return string(text) }
        let mark = "…"
        var end = text.utf8.index(text.startIndex, offsetBy: limit - mark.utf8.count)
        // UTF-8 is cut only where a scalar begins.
        while end > text.startIndex, text.utf8[end] & 0xC0 == 0x80 { end = text.utf8.index(before: end) }
        string(String(text[..<end]) + mark)
    }
}
