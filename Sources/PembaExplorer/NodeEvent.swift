// Pemba: what can happen to one node in an exploration.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore

/// One thing that happens to a node.
enum NodeEvent: Hashable {
    /// A message arrives, which may arrive again.
    case receive(message: Int)
    /// The oldest write becomes durable.
    case persist
    /// The election timeout passes.
    case campaign
    /// So much time passes in silence that a follower need not be loyal any more, and that a leader steps down.
    case silence
    /// The leader's heartbeats are due.
    case heartbeat
    /// The command with this number is proposed.
    case propose(number: Int)
    /// Another membership is asked for.
    case reconfigure
    /// A read is asked for.
    case read(ticket: Int)
    /// The node crashes, when so many of its outstanding writes were done, and starts again.
    case crash(writesDone: Int)

    /// Messages that can be told apart.
    static let messagesMax = 1 << 24

    /// A number for every event: those of messages come first.
    var code: UInt32 {
        switch self {
        case .receive(let message): UInt32(message)
        case .persist: UInt32(NodeEvent.messagesMax)
        case .campaign: UInt32(NodeEvent.messagesMax) + 1
        case .silence: UInt32(NodeEvent.messagesMax) + 2
        case .heartbeat: UInt32(NodeEvent.messagesMax) + 3
        case .reconfigure: UInt32(NodeEvent.messagesMax) + 4
        case .propose(let number): UInt32(NodeEvent.messagesMax + 0x100 + number)
        case .read(let ticket): UInt32(NodeEvent.messagesMax + 0x200 + ticket)
        case .crash(let writesDone): UInt32(NodeEvent.messagesMax + 0x300 + writesDone)
        }
    }

    /// The event of a code.
    init(code: UInt32) {
        let special = Int(code) - NodeEvent.messagesMax
        switch special {
        case ..<0: self = .receive(message: Int(code))
        case 0: self = .persist
        case 1: self = .campaign
        case 2: self = .silence
        case 3: self = .heartbeat
        case 4: self = .reconfigure
        case 0x100..<0x200: self = .propose(number: special - 0x100)
        case 0x200..<0x300: self = .read(ticket: special - 0x200)
        default: self = .crash(writesDone: special - 0x300)
        }
    }
}
