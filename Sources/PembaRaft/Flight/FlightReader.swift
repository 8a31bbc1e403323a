// Pemba: reading what a flight recorder wrote.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// Reads the numbers of a recording, and makes up payloads of the lengths that were recorded.
struct FlightReader {
    /// Bytes of made-up payloads at most, equal lengths counting once.
    static let payloadBytesMax = 256 << 20
    /// Items of any list at most.
    static let listMax = 1 << 20

    private var reader: ByteReader
    private var payloads: [Int: [UInt8]] = [:]
    private var payloadBytes = 0

    init(_ bytes: UnsafeRawBufferPointer) { reader = ByteReader(bytes) }

    var isAtEnd: Bool { reader.isAtEnd }

    mutating func number() throws(ByteError) -> UInt64 { try reader.varint() }

    mutating func count(limit: Int = FlightReader.listMax) throws(ByteError) -> Int { try reader.count(limit: limit) }

    mutating func flag(_ field: String) throws(ByteError) -> Bool {
        let value = try number()
        guard value <= 1 else { throw .invalidValue(field: field, value: value) }
        return value == 1
    }

    mutating func optional(_ field: String) throws(ByteError) -> UInt64? { try flag(field) ? try number() : nil }

    mutating func node() throws(ByteError) -> NodeID { NodeID(try number()) }

    mutating func index() throws(ByteError) -> LogIndex { LogIndex(try number()) }

    mutating func term() throws(ByteError) -> Term { Term(try number()) }

    mutating func instant() throws(ByteError) -> Instant { Instant(nanoseconds: try number()) }

    mutating func span() throws(ByteError) -> TimeSpan { TimeSpan(nanoseconds: try number()) }

    /// Reads a number that is a length or a limit.
    mutating func amount(_ field: String) throws(ByteError) -> Int {
        let value = try number()
        guard let amount = Int(exactly: value) else { throw .invalidValue(field: field, value: value) }
        return amount
    }

    mutating func numbers() throws(ByteError) -> [UInt64] {
        var result: [UInt64] = []
        for _ in 0..<(try count()) { result.append(try number()) }
        return result
    }

    mutating func nodes() throws(ByteError) -> [NodeID] { try numbers().map { NodeID($0) } }

    mutating func bytes(limit: Int) throws(ByteError) -> [UInt8] {
        var result: [UInt8] = []
        for _ in 0..<(try count(limit: limit)) {
            let byte = try number()
            guard byte <= 0xFF else { throw .invalidValue(field: "byte", value: byte) }
            result.append(UInt8(byte))
        }
        return result
    }

    mutating func address() throws(ByteError) -> NetworkAddress {
        let text = String(decoding: try bytes(limit: RaftConfiguration.addressBytesMax), as: UTF8.self)
        guard let address = try? NetworkAddress(parsing: text) else {
            throw .invalidText(field: "address", reason: "\(text) is none")
        }
        return address
    }

    /// A payload of zeros: what was in it is not recorded, since nothing that Raft does follows from it.
    mutating func payload(ofLength length: Int) throws(ByteError) -> [UInt8] {
        if let known = payloads[length] { return known }
        payloadBytes += length
        guard length <= Limits.entryPayloadBytes, payloadBytes <= FlightReader.payloadBytesMax else {
            throw .exceedsLimit(value: UInt64(payloadBytes), limit: UInt64(FlightReader.payloadBytesMax))
        }
        let payload = [UInt8](repeating: 0, count: length)
        payloads[length] = payload
        return payload
    }
}
