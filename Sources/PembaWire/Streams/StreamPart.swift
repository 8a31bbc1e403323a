// Pemba: parts of streamed answers.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// What a streamed answer is made of.
package protocol StreamItem {
    /// The type of the frames that hold such items.
    static var frameType: FrameType { get }

    /// Appends the item.
    func encode(into output: inout ByteWriter)

    /// Reads the next item.
    init(reading reader: inout ByteReader) throws(ByteError)

    /// Reads so many items.
    ///
    /// A requirement so that each type has a loop of its own: in one that is shared by all types every item costs many
    /// times as much.
    static func list(_ count: Int, reading reader: inout ByteReader) throws(ByteError) -> [Self]
}

extension StreamItem {
    package static func list(_ count: Int, reading reader: inout ByteReader) throws(ByteError) -> [Self] {
        var items: [Self] = []
        items.reserveCapacity(count)
        for _ in 0..<count { items.append(try Self(reading: &reader)) }
        return items
    }
}

/// A part of a streamed answer: a frame that items are appended to until it is full.
///
/// It begins with the revision of the answer: so whoever loses the connection between two parts can make the cursor
/// after the last item and go on at that revision on another node. In a watch, whose items name their revisions
/// themselves, it is the revision that the node had applied.
package struct StreamPart<Item: StreamItem> {
    /// How many items it has.
    package private(set) var count = 0
    private let start: Int

    /// Begins a frame at the end of `output`.
    package init(zookie: EncodedZookie, correlation: UInt64, into output: inout ByteWriter) {
        start = FrameWriter.begin(type: Item.frameType, correlation: correlation, into: &output)
        zookie.encode(into: &output)
        output.integer(UInt16(0))
    }

    /// Appends an item.
    ///
    /// - Returns: false if the frame has no room for it; then nothing was appended, and the item goes into the next.
    package mutating func append(_ item: Item, into output: inout ByteWriter) -> Bool {
        append(into: &output) { item.encode(into: &$0) }
    }

    /// Appends what `body` appends as one item.
    @inline(__always)
    mutating func append(into output: inout ByteWriter, _ body: (inout ByteWriter) -> Void) -> Bool {
        let end = output.bytes.count
        body(&output)
        let isTooLong = FrameWriter.payloadLength(of: start, in: output) > StreamLimits.partBytes
        guard count == 0 || (!isTooLong && count < Int(UInt16.max)) else {
            output.bytes.removeLast(output.bytes.count - end)
            return false
        }
        count += 1
        return true
    }

    /// Bytes of payload so far; a single item may make it longer than a receiver takes.
    package func payloadLength(in output: ByteWriter) -> Int { FrameWriter.payloadLength(of: start, in: output) }

    /// Completes the frame, or takes it back if it has no items.
    ///
    /// - Returns: whether there is a frame.
    package consuming func end(in output: inout ByteWriter) -> Bool {
        guard count > 0 else {
            FrameWriter.abandon(start, in: &output)
            return false
        }
        output.overwrite(UInt16(count), at: start + FrameHeader.size + Zookie.encodedSize)
        FrameWriter.end(start, in: &output)
        return true
    }

    /// Takes the frame back with all its items.
    package consuming func abandon(in output: inout ByteWriter) { FrameWriter.abandon(start, in: &output) }

    /// Reads the payload of a frame: the revision of the answer, and at least one item.
    package static func decode(
        _ payload: UnsafeRawBufferPointer
    ) throws(ByteError) -> (zookie: Zookie, items: [Item]) {
        var reader = ByteReader(payload)
        let zookie = try reader.zookie()
        let count = Int(try reader.integer(UInt16.self))
        guard count > 0 else { throw .invalidValue(field: "items", value: 0) }
        guard count <= reader.remaining else { throw .truncated(needed: count, available: reader.remaining) }
        let items = try Item.list(count, reading: &reader)
        try reader.expectEnd()
        return (zookie, items)
    }
}
