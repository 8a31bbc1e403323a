// Pemba: the first frame of whoever connected.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
package import PembaRaft

/// The versions of the protocol that this software speaks.
package enum ProtocolVersion {
    /// The oldest.
    package static let min: UInt16 = 1
    /// The newest.
    package static let max: UInt16 = 1

    /// The newest version that both sides speak; nil if there is none.
    package static func agree(_ hello: Hello) -> UInt16? {
        let version = Swift.min(max, hello.versionMax)
        return version >= Swift.max(min, hello.versionMin) ? version : nil
    }
}

/// The first frame of a connection: who is there, and what it can speak.
package struct Hello: Hashable, Sendable {
    /// `PMBA`: whoever speaks something else is cut off at once.
    package static let magic: UInt32 = 0x4142_4D50
    /// Bytes in a client's name.
    package static let nameBytes = 128
    /// Bytes in the version of a software.
    package static let softwareBytes = 64
    /// Bytes in a bearer key.
    package static let bearerKeyBytes = 512

    /// Who connects.
    package enum Caller: Hashable, Sendable {
        /// A client; the key is empty where its certificate says who it is.
        case client(name: String, bearerKey: String)
        /// A node of the same cluster, which means to reach node `to`. The certificate must say the same `node`;
        /// `log` is how much of a log it has.
        case peer(node: NodeID, to: NodeID, epoch: Epoch, log: LogContent)
    }

    /// The oldest version of the protocol that the caller speaks.
    package var versionMin: UInt16
    /// The newest.
    package var versionMax: UInt16
    /// The cluster that the caller means to reach; nil if any.
    ///
    /// A peer always names it.
    package var cluster: ClusterID?
    /// The caller's software and its version, for people.
    package var software: String
    /// Who connects.
    package var caller: Caller

    package init(
        versionMin: UInt16 = ProtocolVersion.min,
        versionMax: UInt16 = ProtocolVersion.max,
        cluster: ClusterID?,
        software: String,
        caller: Caller
    ) {
        self.versionMin = versionMin
        self.versionMax = versionMax
        self.cluster = cluster
        self.software = software
        self.caller = caller
    }

    /// Appends the payload.
    package func encode(into output: inout ByteWriter) {
        output.integer(Hello.magic)
        output.integer(versionMin)
        output.integer(versionMax)
        switch caller {
        case .client: output.integer(UInt8(1))
        case .peer: output.integer(UInt8(2))
        }
        output.boolean(cluster != nil)
        if let cluster { cluster.encode(into: &output) }
        output.string(software)
        switch caller {
        case .client(let name, let bearerKey):
            output.string(name)
            output.string(bearerKey)
        case .peer(let node, let to, let epoch, let log):
            output.integer(node.rawValue)
            output.integer(to.rawValue)
            output.integer(epoch.rawValue)
            output.integer(log.rawValue)
        }
    }

    /// Reads a payload.
    ///
    /// What follows the last field is left alone, so that later versions can add fields.
    package init(decoding payload: UnsafeRawBufferPointer) throws(ByteError) {
        var reader = ByteReader(payload)
        let magic: UInt32 = try reader.integer()
        guard magic == Hello.magic else { throw .invalidValue(field: "magic", value: UInt64(magic)) }
        versionMin = try reader.integer()
        versionMax = try reader.integer()
        let kind: UInt8 = try reader.integer()
        cluster = try reader.boolean(field: "cluster id present") ? ClusterID(decoding: &reader) : nil
        software = try reader.string(limit: Hello.softwareBytes)
        switch kind {
        case 1:
            let name = try reader.string(limit: Hello.nameBytes)
            let key = try reader.string(limit: Hello.bearerKeyBytes)
            caller = .client(name: name, bearerKey: key)
        case 2:
            let node = try reader.nodeID()
            let to = try reader.nodeID()
            let epoch = Epoch(try reader.integer())
            caller = .peer(node: node, to: to, epoch: epoch, log: try LogContent(decoding: &reader))
            guard cluster != nil else { throw .invalidValue(field: "cluster id present", value: 0) }
        default: throw .invalidValue(field: "caller kind", value: UInt64(kind))
        }
    }
}

extension LogContent {
    init(decoding reader: inout ByteReader) throws(ByteError) {
        let number: UInt8 = try reader.integer()
        guard let content = LogContent(rawValue: number) else {
            throw .invalidValue(field: "content of the log", value: UInt64(number))
        }
        self = content
    }
}
