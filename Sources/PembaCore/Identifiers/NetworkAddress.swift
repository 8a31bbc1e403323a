// Pemba: where a node or client listens or is reached.
// SPDX-License-Identifier: Apache-2.0

/// A host and a port, written `host:port` or, for an IPv6 address, `[address]:port`.
public struct NetworkAddress: Hashable, Sendable, CustomStringConvertible {
    /// A host name, or an IPv4 or IPv6 address without brackets.
    public let host: String
    /// The TCP port; 0 lets the kernel choose one where something listens.
    public let port: UInt16

    /// Makes an address of its parts.
    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads what `description` writes.
    public init(parsing text: String) throws(NetworkAddressError) {
        func error(_ reason: String) -> NetworkAddressError { NetworkAddressError(text: text, reason: reason) }
        guard let colon = text.lastIndex(of: ":") else { throw error("the port is missing, as in `\(text):7001`") }
        var host = text[..<colon]
        if host.hasPrefix("[") {
            guard host.hasSuffix("]"), host.count > 2 else {
                throw error("an IPv6 address stands in brackets, as in `[::1]:7001`")
            }
            host = host.dropFirst().dropLast()
            guard host.contains(":"), host.utf8.allSatisfy(NetworkAddress.isAddressByte) else {
                throw error("what stands in brackets is not an IPv6 address")
            }
        } else {
            guard !host.contains(":") else { throw error("an IPv6 address stands in brackets, as in `[::1]:7001`") }
            guard !host.isEmpty else {
                throw error("the host before `:` is missing; to listen everywhere write `0.0.0.0` or `[::]`")
            }
            guard host.utf8.allSatisfy(NetworkAddress.isNameByte) else {
                throw error("the host is not a name or an address")
            }
        }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = UInt16(digits)
        else { throw error("the port after `:` is not a number from 0 to 65535") }
        self.init(host: String(host), port: port)
    }

    /// `host:port`, or `[address]:port` for an IPv6 address.
    public var description: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func isAddressByte(_ byte: UInt8) -> Bool {
        // The percent sign begins the zone of a link-local address.
        isNameByte(byte) || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "%")
    }
}

/// Why a text is not a network address.
public struct NetworkAddressError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The text that was read.
    public let text: String
    /// The rule that it breaks, and what to write instead.
    public let reason: String

    /// Both, for people.
    public var description: String { "`\(text)` is not an address: \(reason)" }
}
