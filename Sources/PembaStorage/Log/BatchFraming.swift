// Pemba: bytes spread over sectors so that a missing sector can be told from a damaged one.
// SPDX-License-Identifier: Apache-2.0

/// Lays a batch out on disk.
///
/// Segments are filled with zeros before they are used. Every 512-byte sector of a batch begins and ends with a byte
/// that is never zero, so that a sector of zeros was not written, whatever the payload, and one that is wrong and not of
/// zeros is damaged: tearing and damage cannot be confused. The batch is filled up to whole 4 KiB pages, so that no later
/// write touches a page of it, and a torn write of a later batch cannot harm it.
///
/// Sector 0 holds 511 bytes of content (the batch's magic begins it) and a closing guard; every other sector an opening
/// guard, 510 bytes of content and a closing guard.
package enum BatchFraming {
    /// Bytes of a page: batches begin at multiples of it.
    package static let pageBytes = 4_096
    /// Bytes that a disk writes as a whole.
    package static let sectorBytes = 512
    /// The first byte of every sector but the first.
    package static let opening: UInt8 = 0xA5
    /// The last byte of every sector.
    package static let closing: UInt8 = 0x5A
    /// What fills the last page.
    package static let padding: UInt8 = 0xA5

    private static let firstContent = sectorBytes - 1
    private static let content = sectorBytes - 2

    /// Bytes on disk of `count` bytes of content.
    package static func footprint(_ count: Int) -> Int {
        let sectors = count <= firstContent ? 1 : 1 + (count - firstContent + content - 1) / content
        return (sectors * sectorBytes + pageBytes - 1) / pageBytes * pageBytes
    }

    /// Lays content out: the header, then the payload, then four bytes of checksum.
    package static func frame(header: [UInt8], payload: [UInt8], checksum: UInt32) -> [UInt8] {
        var logical: [UInt8] = []
        logical.reserveCapacity(header.count + payload.count + 4)
        logical.append(contentsOf: header)
        logical.append(contentsOf: payload)
        withUnsafeBytes(of: checksum.littleEndian) { logical.append(contentsOf: $0) }
        let size = footprint(logical.count)
        return [UInt8](unsafeUninitializedCapacity: size) { target, count in
            target.update(repeating: padding)
            logical.withUnsafeBufferPointer { source in
                var taken = 0
                for sector in 0..<(size / sectorBytes) {
                    let start = sector * sectorBytes + (sector == 0 ? 0 : 1)
                    let room = min(sector == 0 ? firstContent : content, source.count - taken)
                    if room > 0 {
                        _ = UnsafeMutableBufferPointer(rebasing: target[start..<(start + room)])
                            .update(fromContentsOf: source[taken..<(taken + room)])
                        taken += room
                    }
                    target[(sector + 1) * sectorBytes - 1] = closing
                }
            }
            count = size
        }
    }

    /// What is in the place of a batch.
    package enum Wholeness: Hashable, Sendable {
        /// Every sector was written to its end.
        case whole
        /// The sector at this offset is all zeros: it was not written.
        case torn(Int)
        /// The sector at this offset has a guard that was never written.
        case damaged(Int)
    }

    /// Looks at the guards of all sectors of `extent`.
    ///
    /// Tearing takes precedence: where one sector is missing, the write was never acknowledged.
    package static func wholeness(_ extent: UnsafeRawBufferPointer) -> Wholeness {
        var damaged: Int?
        for start in stride(from: 0, to: extent.count, by: sectorBytes) {
            let end = min(start + sectorBytes, extent.count)
            if extent[start] == 0, extent[start..<end].allSatisfy({ $0 == 0 }) { return .torn(start) }
            let last = start + sectorBytes <= extent.count ? extent[start + sectorBytes - 1] : 0
            if last != closing || (start > 0 && extent[start] != opening) { damaged = damaged ?? start }
        }
        return damaged.map { .damaged($0) } ?? .whole
    }

    /// Collects `count` bytes of content of a whole `extent`.
    package static func content(of extent: UnsafeRawBufferPointer, count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { target, filled in
            var sector = 0
            filled = 0
            while filled < count {
                let start = sector * sectorBytes + (sector == 0 ? 0 : 1)
                let room = min(sector == 0 ? firstContent : content, count - filled)
                let source = UnsafeRawBufferPointer(rebasing: extent[start..<(start + room)])
                UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: target[filled..<(filled + room)]))
                    .copyMemory(from: source)
                filled += room
                sector += 1
            }
        }
    }

    /// The offset of the first byte after `count` bytes of content that is not what `frame` puts there.
    package static func badPadding(of extent: UnsafeRawBufferPointer, after count: Int) -> Int? {
        let sector = count <= firstContent ? 0 : 1 + (count - firstContent - 1) / content
        let inSector = count <= firstContent ? count : 1 + count - firstContent - (sector - 1) * content
        var start = sector * sectorBytes + inSector
        while start < extent.count {
            let guardOffset = start / sectorBytes * sectorBytes + sectorBytes - 1
            let rest = extent[start..<min(guardOffset, extent.count)]
            // All of them at once, which the processor does faster than it finds the first that is wrong.
            if rest.reduce(0, { $0 | ($1 ^ padding) }) != 0 { return rest.firstIndex { $0 != padding } }
            if guardOffset < extent.count, extent[guardOffset] != closing { return guardOffset }
            start = guardOffset + 1
        }
        return nil
    }
}
