// Pemba: what an object does when one asks after the other.
// SPDX-License-Identifier: Apache-2.0

/// The specification of an object: what becomes of its state in a sequence of operations.
///
/// An operation is recorded together with its answer. One whose answer is not known fits every answer.
package protocol SequentialModel {
    /// The object's state; equal states answer alike from there on.
    associatedtype State: Hashable
    /// An operation and its answer.
    associatedtype Operation

    /// The state before the first operation.
    var initial: State { get }

    /// The state after `operation`; nil if it cannot have had its answer in `state`.
    func state(after operation: Operation, in state: State) -> State?
}

/// An operation as a client saw it.
package struct TimedOperation<Operation> {
    /// What was asked and answered.
    package var operation: Operation
    /// When it was asked.
    package var began: UInt64
    /// When the answer came; nil if none did: it may take effect at any time, or never.
    package var ended: UInt64?

    package init(_ operation: Operation, began: UInt64, ended: UInt64?) {
        self.operation = operation
        self.began = began
        self.ended = ended
    }
}

extension TimedOperation: Sendable where Operation: Sendable {}
extension TimedOperation: Equatable where Operation: Equatable {}
