// Pemba: whose data a folder holds.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// The cluster, node and epoch that a data folder belongs to; every file in it says so.
package struct StoreIdentity: Sendable, Hashable {
    /// The cluster.
    package var cluster: ClusterID
    /// The node.
    package var node: NodeID
    /// The epoch of the cluster's history.
    package var epoch: Epoch

    package init(cluster: ClusterID, node: NodeID, epoch: Epoch) {
        self.cluster = cluster
        self.node = node
        self.epoch = epoch
    }

    func encode(into writer: inout ByteWriter) {
        cluster.encode(into: &writer)
        writer.integer(node.rawValue)
        writer.integer(epoch.rawValue)
    }

    init(decoding reader: inout ByteReader) throws(ByteError) {
        let cluster = try ClusterID(decoding: &reader)
        let node: UInt64 = try reader.integer()
        let epoch: UInt32 = try reader.integer()
        self.init(cluster: cluster, node: NodeID(node), epoch: Epoch(epoch))
    }
}

extension ClusterID {
    /// Appends 16 bytes in the order of the digits that people see.
    func encode(into writer: inout ByteWriter) {
        writer.integer(high.byteSwapped)
        writer.integer(low.byteSwapped)
    }

    /// Reads what `encode` wrote.
    init(decoding reader: inout ByteReader) throws(ByteError) {
        let high: UInt64 = try reader.integer()
        let low: UInt64 = try reader.integer()
        self.init(high: high.byteSwapped, low: low.byteSwapped)
    }
}
