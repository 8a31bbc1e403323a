// Pemba: the consistency token.
// SPDX-License-Identifier: Apache-2.0

/// A consistency token: "at least this much has happened" (Zanzibar paper, section 2.4).
///
/// Opaque to clients, who pass it on as they got it. 21 bytes: version u8 = 1, cluster id's first 32 bits u32, epoch
/// u32, revision u64, CRC32C u32 of the bytes before it; little-endian. Its text is their unpadded base64url.
public struct Zookie: Hashable, Sendable, CustomStringConvertible {
    /// The first 32 bits of the id of the cluster that issued it.
    public let clusterPrefix: UInt32
    /// The cluster's epoch when it was issued.
    public let epoch: Epoch
    /// The revision it stands for.
    public let revision: Revision

    /// How many bytes an encoded zookie has.
    public static let encodedSize = 21

    private static let version: UInt8 = 1

    /// Makes the token of a revision of a cluster.
    public init(cluster: ClusterID, epoch: Epoch, revision: Revision) {
        self.init(clusterPrefix: cluster.prefix, epoch: epoch, revision: revision)
    }

    /// Makes a token of its parts.
    public init(clusterPrefix: UInt32, epoch: Epoch, revision: Revision) {
        self.clusterPrefix = clusterPrefix
        self.epoch = epoch
        self.revision = revision
    }

    /// Reads the 21 bytes of a token; throws for any other length, version or checksum.
    public init(decoding bytes: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(bytes)
        let version: UInt8 = try reader.integer()
        guard version == Zookie.version else { throw .invalidValue(field: "zookie version", value: UInt64(version)) }
        let prefix: UInt32 = try reader.integer()
        let epoch: UInt32 = try reader.integer()
        let revision: UInt64 = try reader.integer()
        let covered = UnsafeRawBufferPointer(rebasing: bytes[..<reader.offset])
        let checksum: UInt32 = try reader.integer()
        try reader.expectEnd()
        guard checksum == CRC32C.checksum(covered) else {
            throw .invalidValue(field: "zookie checksum", value: UInt64(checksum))
        }
        self.init(clusterPrefix: prefix, epoch: Epoch(epoch), revision: Revision(revision))
    }

    /// Reads the text that `description` writes; nil for anything else.
    public init?(_ text: String) {
        guard let bytes = Base64URL.decode(text) else { return nil }
        do {
            self = try bytes.withUnsafeBytes { raw throws(ByteError) in try Zookie(decoding: raw) }
        } catch {
            return nil
        }
    }

    /// Appends the 21 bytes.
    public func encode(into writer: inout ByteWriter) {
        let start = writer.bytes.count
        writer.integer(Zookie.version)
        writer.integer(clusterPrefix)
        writer.integer(epoch.rawValue)
        writer.integer(revision.rawValue)
        let checksum = writer.bytes[start...].withUnsafeBytes { CRC32C.checksum($0) }
        writer.integer(checksum)
    }

    /// The 21 bytes.
    public var bytes: [UInt8] {
        var writer = ByteWriter(capacity: Zookie.encodedSize)
        encode(into: &writer)
        return writer.bytes
    }

    /// The bytes as unpadded base64url.
    public var description: String { Base64URL.encode(bytes) }
}
