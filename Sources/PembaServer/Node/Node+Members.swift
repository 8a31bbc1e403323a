// Pemba: the other nodes, as the replicated configuration names them.
// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import PembaCore
import PembaRaft
import PembaReplica
import PembaService

extension Node {
    /// How long a node that is no member any more stays connected, so that it hears that it was removed.
    private static let farewell = TimeAmount.seconds(5)

    /// Where a member is reached: where the cluster's configuration says, and until it says so where this node's file does.
    func addresses(of node: NodeID) -> MemberAddresses? {
        if let known = replica.configuration.addresses(of: node) { return known }
        return configuration.members.first { $0.id == node }
            .map { MemberAddresses(node: $0.id, peer: $0.peer, client: $0.client) }
    }

    /// Every member; before this node knows any, those that its file names.
    var members: [NodeID] {
        let members = replica.configuration.members
        return members.isEmpty ? configuration.members.map(\.id) : members
    }

    /// Connects to members that are new or have moved, and lets go of those that have left.
    func followMembers() {
        let members = members.filter { $0 != configuration.node }
        for link in links where !members.contains(link.peer.node) { release(link) }
        guard replica.removedAt == nil else { return }
        for node in members {
            guard let addresses = addresses(of: node) else { continue }
            if let link = links.first(where: { $0.peer.node == node }) {
                guard link.peer.peer != addresses.peer else { continue }
                close(link)
            }
            let link = PeerLink(node: self, peer: addresses)
            links.append(link)
            link.connect()
        }
    }

    /// Closes a link once a node that has left has had time to hear so, unless it is a member again by then.
    private func release(_ link: PeerLink) {
        loop.assumeIsolated().scheduleTask(in: Node.farewell) {
            guard self.phase == .running, !self.members.contains(link.peer.node) else { return }
            guard self.links.contains(where: { $0 === link }) else { return }
            self.close(link)
        }
    }

    private func close(_ link: PeerLink) {
        let wasUp = link.isUp
        link.close()
        links.removeAll { $0 === link }
        if wasUp { step(.linkDown(link.peer.node)) }
    }

    /// Hands a message to the connection to a node or, while there is none, to the one that it has opened: one that is
    /// just joining, or was removed, is reached in no other way.
    func send(_ message: PeerMessage, to node: NodeID) {
        if let link = links.first(where: { $0.peer.node == node }), link.isUp { return link.send(message) }
        if let receiver = receivers[node] { return receiver.send(message) }
        metrics.peerMessagesDropped += 1
    }

    /// This node was removed: it lets go of the others and says so.
    func park(at index: LogIndex) {
        logger.critical(
            "this node was removed from the cluster and takes part in nothing any more; stop it: its id never comes back",
            metadata: ["raft.index": .stringConvertible(index.rawValue)]
        )
        endWatches()
        loop.assumeIsolated().scheduleTask(in: Node.farewell) {
            guard self.phase == .running else { return }
            for link in self.links { self.close(link) }
        }
    }

    // MARK: - Nodes without data

    /// Takes note of what a node that connects says of its log; throws if it must have had more.
    func check(_ log: LogContent, of peer: NodeID) throws(ServiceError) {
        guard !replica.isEnough(log, for: peer) else {
            withoutData.remove(peer)
            return
        }
        let error = ServiceError(
            .invalidArgument,
            "node \(peer) \(wayOut(of: peer))",
            details: [.init("lost_data", peer.description)]
        )
        if withoutData.insert(peer).inserted { logger.error("a node is refused", metadata: ["error": "\(error)"]) }
        throw error
    }

    /// What is wrong with a node that has too little of a log, and what to do about it.
    func wayOut(of peer: NodeID) -> String {
        replica.mustHaveData(peer)
            ? "votes in this cluster and comes without the data that it had: it must not come back under its id; remove it, "
                + "and add a new node"
            : "is a member of this cluster and comes as one of a new cluster, without the data that it had: empty its data "
                + "folder and start it with --join"
    }

    /// Lets those greet again who greeted with too little for what this node knows by now of who has taken part.
    ///
    /// One that was late has had more since, and is back at once. One that was made anew and met this node while that knew
    /// nothing is refused.
    func checkGreetings() {
        guard phase == .running else { return }
        for link in links where link.isUp && replica.hasTooLittle(link.peer.node, link.log) { link.greetAgain() }
        for peer in receivers.keys.sorted() {
            guard let receiver = receivers[peer], replica.hasTooLittle(peer, receiver.log) else { continue }
            receiver.greetAgain()
        }
    }

    /// Another node says that this one has lost its data.
    func refusedForLostData(by peer: NodeID, reason: String) {
        guard lostData != reason else { return }
        lostData = reason
        logger.critical(
            "this node has lost its data and is refused by the others; stop it, and do what the reason says",
            metadata: ["peer.id": "\(peer)", "reason": "\(reason)"]
        )
    }
}
