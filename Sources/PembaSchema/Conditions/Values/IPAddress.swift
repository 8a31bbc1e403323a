// Pemba: IP addresses and blocks of them.
// SPDX-License-Identifier: Apache-2.0

/// An IPv4 or IPv6 address; an IPv4 address in its IPv6 form (`::ffff:10.0.0.1`) is that IPv4 address.
struct IPAddress: Sendable, Hashable {
    /// The first 64 of 128 bits; IPv4 addresses are kept in their IPv6 form.
    let high: UInt64
    /// The last 64 of 128 bits.
    let low: UInt64

    var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

    private init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads the usual forms of both families; nil for anything else, and for an address with a zone (`fe80::1%eth0`).
    init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        if let address = IPAddress.dottedDecimal(bytes[...]) {
            self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(address))
        } else if let groups = IPAddress.groups(bytes) {
            let words = groups.map(UInt64.init)
            self.init(
                high: words[0] << 48 | words[1] << 32 | words[2] << 16 | words[3],
                low: words[4] << 48 | words[5] << 32 | words[6] << 16 | words[7]
            )
        } else {
            return nil
        }
    }

    /// Four numbers of at most 255 without needless zeros.
    private static func dottedDecimal(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        let fields = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard fields.count == 4 else { return nil }
        var address: UInt32 = 0
        for field in fields {
            guard let number = decimal(field, max: 255) else { return nil }
            address = address << 8 | UInt32(number)
        }
        return address
    }

    /// A number of one to three digits without needless zeros.
    static func decimal(_ digits: ArraySlice<UInt8>, max: Int) -> Int? {
        guard (1...3).contains(digits.count), digits.first != UInt8(ascii: "0") || digits.count == 1 else { return nil }
        var number = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            number = number * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return number <= max ? number : nil
    }

    /// Eight groups of hexadecimal digits, of which `::` may stand for one or more that are zero.
    private static func groups(_ bytes: [UInt8]) -> [UInt16]? {
        let colon = UInt8(ascii: ":")
        guard let gap = bytes.indices.dropLast().first(where: { bytes[$0] == colon && bytes[$0 + 1] == colon }) else {
            return fields(bytes[...]).flatMap { $0.count == 8 ? $0 : nil }
        }
        guard let before = fields(bytes[..<gap]), let after = fields(bytes[(gap + 2)...]),
            before.count + after.count < 8
        else { return nil }
        return before + [UInt16](repeating: 0, count: 8 - before.count - after.count) + after
    }

    /// Groups with `:` between them, the last two of which may be written as an IPv4 address.
    private static func fields(_ bytes: ArraySlice<UInt8>) -> [UInt16]? {
        guard !bytes.isEmpty else { return [] }
        let fields = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard fields.count <= 8 else { return nil }
        var groups: [UInt16] = []
        for (place, field) in fields.enumerated() {
            if place == fields.count - 1, let address = dottedDecimal(field) {
                groups += [UInt16(address >> 16), UInt16(truncatingIfNeeded: address)]
                continue
            }
            guard (1...4).contains(field.count), field.allSatisfy({ Unicode.Scalar($0).properties.isASCIIHexDigit }),
                let group = UInt16(String(decoding: field, as: UTF8.self), radix: 16)
            else { return nil }
            groups.append(group)
        }
        return groups
    }

    /// The usual text (RFC 5952): the longest run of zero groups as `::`, the first of equals.
    var description: String {
        if isIPv4 { return [24, 16, 8, 0].map { String(low >> UInt64($0) & 0xFF) }.joined(separator: ".") }
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: ($0 < 4 ? high : low) >> UInt64(48 - $0 % 4 * 16)) }
        var longest = 0..<0
        var start = 0
        while start < 8 {
            let end = groups[start...].firstIndex { $0 != 0 } ?? 8
            if end - start > max(longest.count, 1) { longest = start..<end }
            start = max(end, start + 1)
        }
        func text(_ range: Range<Int>) -> String {
            groups[range].map { String($0, radix: 16) }.joined(separator: ":")
        }
        return longest.isEmpty ? text(0..<8) : text(0..<longest.lowerBound) + "::" + text(longest.upperBound..<8)
    }
}

/// A block of addresses of one family, written as one of its addresses and how many bits all of them share.
struct CIDRBlock: Sendable {
    private let network: IPAddress
    private let highMask: UInt64
    private let lowMask: UInt64

    /// Reads `10.0.0.0/8` or `2001:db8::/32`; nil for anything else.
    init?(_ text: String) {
        let bytes = text.utf8
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")), let network = IPAddress(text[..<slash]),
            let written = IPAddress.decimal(Array(bytes[bytes.index(after: slash)...])[...], max: 128)
        else { return nil }
        let isDotted = !bytes[..<slash].contains(UInt8(ascii: ":"))
        guard !isDotted || written <= 32, isDotted || !network.isIPv4 || written >= 96 else { return nil }
        self.network = network
        let bits = isDotted ? written + 96 : written
        highMask = bits >= 64 ? .max : ~(.max >> UInt64(bits))
        lowMask = bits <= 64 ? 0 : ~(UInt64.max >> UInt64(bits - 64))
    }

    /// Whether an address of the same family lies in the block.
    func contains(_ address: IPAddress) -> Bool {
        address.isIPv4 == network.isIPv4
            && (address.high ^ network.high) & highMask == 0 && (address.low ^ network.low) & lowMask == 0
    }
}
