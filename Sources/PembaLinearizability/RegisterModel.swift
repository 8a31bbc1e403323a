// Pemba: an object with one value.
// SPDX-License-Identifier: Apache-2.0

/// A register: read, write, and compare-and-set.
package struct RegisterModel<Value: Hashable & Sendable>: SequentialModel, Sendable {
    /// One operation and its answer.
    package enum Operation: Hashable, Sendable {
        /// Read this value.
        case read(Value)
        /// Wrote this value.
        case write(Value)
        /// Wrote `to` if the value was `from`; nil: not known whether it was.
        case compareAndSet(from: Value, to: Value, succeeded: Bool?)
    }

    package let initial: Value

    package init(initial: Value) { self.initial = initial }

    package func state(after operation: Operation, in state: Value) -> Value? {
        switch operation {
        case .read(let value): return value == state ? state : nil
        case .write(let value): return value
        case .compareAndSet(let from, let to, let succeeded):
            guard succeeded == nil || succeeded == (state == from) else { return nil }
            return state == from ? to : state
        }
    }
}
