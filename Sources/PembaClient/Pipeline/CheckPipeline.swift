// Pemba: checks without a task for each.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
import PembaWire

/// Checks on one connection, from the event loop that the connection lives on: for load generators and proxies.
///
/// Nothing is allocated for a check that is encoded already (`PreparedCheck`) and nobody is woken: the caller names it by a
/// number, and the handler gets the number with the answer. Checks that are submitted while answers are handled leave together in one write. There are no second
/// attempts here; when the connection breaks, everything in flight is answered with an error, and `submit` returns
/// false until it is back.
public final class CheckPipeline {
    /// What is called with each answer, on the event loop.
    public typealias Handler = (_ token: UInt64, _ result: Result<CheckAnswer, ClientError>) -> Void

    /// What is called with each answer.
    ///
    /// Set it before the first check.
    public var handler: Handler = { _, _ in }

    private let link: NodeLink
    private let timeout: (milliseconds: UInt32, nanoseconds: UInt64)

    init(_ link: NodeLink, timeout: Duration) {
        self.link = link
        let nanoseconds = max(TimeAmount(timeout).nanoseconds, 1_000_000)
        self.timeout = (UInt32(clamping: nanoseconds / 1_000_000), UInt64(nanoseconds))
    }

    /// Where the connection leads.
    public var endpoint: NetworkAddress { link.endpoint.address }

    /// When the answers that are being handled were read: all that arrive together share one reading of the clock.
    public var lastArrival: NIODeadline { link.lastArrival }

    /// Sends a check; its answer comes to `handler` with `token`.
    ///
    /// False, and nothing comes, if there is no connection now or as much is in flight as the node allows.
    ///
    /// Call it on the event loop only.
    public func submit(_ check: CheckItem, consistency: Consistency = .minimizeLatency, token: UInt64) -> Bool {
        submit(PreparedCheck(check), consistency: consistency, token: token)
    }

    /// Sends a check that is encoded already, as the other `submit` does.
    ///
    /// Call it on the event loop only.
    public func submit(_ check: PreparedCheck, consistency: Consistency = .minimizeLatency, token: UInt64) -> Bool {
        link.send(check.encoded, consistency, timeout: timeout, for: self, token: token)
    }
}

/// A check that is encoded once, to be asked again and again.
public struct PreparedCheck: Sendable {
    let encoded: EncodedCheck

    /// Encodes a check.
    public init(_ check: CheckItem) { encoded = EncodedCheck(check) }
}
