// Pemba: how much memory the history takes.
// SPDX-License-Identifier: Apache-2.0

internal import PembaCore
internal import PembaSchema

/// About how many bytes of memory the history takes, kept in step with what it holds.
///
/// Nothing replicated depends on it: how far back a node can be asked is its own affair.
struct HistorySizes {
    /// Bytes of a change with its part of the indexes.
    static let change = 128
    /// Bytes of the traits of a change that has any.
    private static let traits = 96
    /// Bytes of a condition beside its context, which is there as it was written and as values.
    private static let condition = 256
    /// Bytes that a schema takes, compiled and linked, for each byte of its source; and without any.
    private static let schema = (perByte: 16, least: 4_096)
    /// Bytes of the place of a writer's note.
    private static let note = 64

    /// A condition that changes in the history carry.
    private struct Held {
        var bytes: Int
        var changes: Int
    }

    /// All of it.
    private(set) var total = 0
    /// The conditions that changes carry, by their numbers: each is counted once.
    private var conditions: [UInt32: Held] = [:]

    // MARK: Changes

    /// A change comes.
    mutating func add(_ change: HistoryChange, _ store: ConditionStore) {
        total += HistorySizes.bytes(of: change)
        guard change.hasConditions else { return }
        for number in [change.old.condition, change.new.condition] where number != 0 {
            if conditions[number] == nil {
                let bytes = HistorySizes.condition + 2 * store[number].reference.context.memoryBytes
                conditions[number] = Held(bytes: bytes, changes: 0)
                total += bytes
            }
            conditions[number]?.changes += 1
        }
    }

    /// A change goes.
    mutating func remove(_ change: HistoryChange) {
        total -= HistorySizes.bytes(of: change)
        guard change.hasConditions else { return }
        for number in [change.old.condition, change.new.condition] where number != 0 {
            guard let held = conditions[number] else { preconditionFailure("a condition was not counted") }
            if held.changes > 1 {
                conditions[number]?.changes -= 1
            } else {
                total -= held.bytes
                conditions[number] = nil
            }
        }
    }

    private static func bytes(of change: HistoryChange) -> Int {
        change.old.isNone && change.new.isNone ? HistorySizes.change : HistorySizes.change + traits
    }

    // MARK: Notes and schemas

    /// What a writer said about a revision comes.
    mutating func add(note: ContextObject) { total += HistorySizes.note + note.memoryBytes }

    /// What a writer said about a revision goes.
    mutating func remove(note: ContextObject) { total -= HistorySizes.note + note.memoryBytes }

    /// A schema is one of the past.
    mutating func add(schema: LinkedSchema) { total += HistorySizes.bytes(of: schema) }

    /// A schema of the past goes.
    mutating func remove(schema: LinkedSchema) { total -= HistorySizes.bytes(of: schema) }

    private static func bytes(of linked: LinkedSchema) -> Int {
        schema.least + schema.perByte * linked.schema.source.utf8.count
    }
}

extension HistoryChange {
    fileprivate var hasConditions: Bool { old.condition | new.condition != 0 }
}
