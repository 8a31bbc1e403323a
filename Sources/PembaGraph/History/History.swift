// Pemba: what changed, as far back as memory and time allow.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore

/// How much history a graph keeps.
package struct HistoryLimits: Sendable, Equatable {
    /// Changes of tuples; 0 keeps none.
    package var changes: Int
    /// Bytes of memory that all of it may take: changes, conditions, metadata and schemas, as `HistorySizes` has them.
    package var bytes: Int
    /// How long a change is kept by the log's time.
    package var span: TimeSpan

    /// Makes limits.
    package init(changes: Int, bytes: Int = Limits.historyBytes, span: TimeSpan) {
        self.changes = changes
        self.bytes = bytes
        self.span = span
    }

    /// None: for tools that look at one state only.
    package static let none = HistoryLimits(changes: 0, span: .zero)
    /// A million changes, or 256 MiB, or a day.
    package static let standard = HistoryLimits(changes: 1_000_000, span: .seconds(86_400))

    /// How many changes there can be at most, whatever they hold.
    var mostChanges: Int { min(changes, max(bytes / HistorySizes.change, 1)) }
}

/// The changes of tuples and schemas from the oldest revision that can be asked for to the present, and the log's time
/// at each revision in between.
///
/// Changes are a ring in the order of the log. The changes of one entity are chained through it, the last first, so
/// that a row of the past is made in the time of its own changes. Entities in the ring keep their numbers (`holds`).
final class History {
    /// A change in the ring: 40 bytes.
    private struct Slot: BitwiseCopyable {
        var revision: UInt64
        var entry: UInt64
        /// The numbers of the changes before this one of its resource and of its subject; 0 for none.
        var previousOfResource: UInt64
        var previousOfSubject: UInt64
        var resource: UInt32
        var kind: HistoryChange.Kind
        var hasTraits: Bool
    }

    let limits: HistoryLimits
    /// Slots in use are at `number % capacity`; numbers start at 1.
    private var slots: [Slot] = []
    private var first: UInt64 = 1
    private(set) var end: UInt64 = 1
    /// The number of the last change of each entity; 0 for one that is not in the ring.
    ///
    /// By the entity's number: a table to be searched would cost each change two look-ups.
    private let latest: Region<UInt64>
    private var traits: [UInt64: (old: Traits, new: Traits)] = [:]
    /// The log's time at `oldest` and at each revision after it.
    private var times: [Int64] = []
    private var timesStart = 0
    /// The oldest revision whose state can be made.
    private(set) var oldest = Revision.zero
    /// The schemas, each with the revision since which it is in force; the last is the present one.
    private var schemas: [(since: Revision, linked: LinkedSchema)] = []
    /// What writers said about their revisions.
    private var metadata: [UInt64: ContextObject] = [:]
    /// How much memory all of it takes.
    private(set) var sizes = HistorySizes()

    init(limits: HistoryLimits, capacity: GraphCapacity) {
        self.limits = limits
        // Without changes no page of it is ever touched.
        latest = Region(capacity: capacity.entities + 2, hugePages: false)
    }

    deinit { latest.release() }

    /// Whether anything is kept.
    var isKept: Bool { limits.changes > 0 }

    /// How many changes there are.
    var count: Int { Int(end - first) }

    /// The newest revision.
    var newest: Revision { Revision(oldest.rawValue + UInt64(max(times.count - timesStart, 1)) - 1) }

    // MARK: Growing

    /// Starts over at a revision, when there are no changes yet: nothing before it can be asked for.
    func restart(at revision: Revision, time: Int64, schema: LinkedSchema) {
        oldest = revision
        times = [time]
        timesStart = 0
        schemas = [(revision, schema)]
        sizes = HistorySizes()
    }

    /// A revision begins; the log has one for each entry.
    func begin(_ revision: Revision, time: Int64) {
        guard isKept else { return }
        precondition(revision.rawValue == newest.rawValue + 1, "history has a gap before \(revision)")
        times.append(time)
    }

    /// The schema has been replaced in the present revision.
    func didInstall(_ linked: LinkedSchema, at revision: Revision) {
        guard isKept else { return }
        if schemas.last?.since == revision {
            schemas.removeLast()
        } else if let last = schemas.last {
            // The present schema is there anyway; the one before it is there for the past alone.
            sizes.add(schema: last.linked)
        }
        schemas.append((revision, linked))
    }

    /// A writer said something about the present revision.
    func note(_ object: ContextObject, at revision: Revision) {
        guard isKept, !object.isEmpty else { return }
        if let before = metadata.updateValue(object, forKey: revision.rawValue) { sizes.remove(note: before) }
        sizes.add(note: object)
    }

    /// A tuple has changed; the conditions in `change` are held by the history from now on.
    func append(_ change: HistoryChange, _ conditions: ConditionStore) {
        let subject = RowEntry.entity(change.entry)
        let hasTraits = !change.old.isNone || !change.new.isNone
        let slot = Slot(
            revision: change.revision.rawValue,
            entry: change.entry,
            previousOfResource: latest.base[Int(change.resource)],
            previousOfSubject: latest.base[Int(subject)],
            resource: change.resource,
            kind: change.kind,
            hasTraits: hasTraits
        )
        if hasTraits { traits[end] = (change.old, change.new) }
        sizes.add(change, conditions)
        let place = Int(end % UInt64(limits.mostChanges))
        if place < slots.count {
            slots[place] = slot
        } else {
            while slots.count < place { slots.append(slot) }
            slots.append(slot)
        }
        latest.base[Int(change.resource)] = end
        latest.base[Int(subject)] = end
        end += 1
    }

    // MARK: Shrinking

    /// Whether the ring is full, so that the oldest change must go before another comes.
    var isFull: Bool { count >= limits.mostChanges || (count > 0 && isTooLarge) }

    /// Whether it takes more memory than it may.
    private var isTooLarge: Bool { sizes.total > limits.bytes }

    /// Whether the oldest change must go: it is older than it may be, or too much came after it.
    func isOverdue(now: Int64) -> Bool {
        guard count > 0 else { return false }
        if isTooLarge { return true }
        if times.count - timesStart > mostTimes { return true }
        guard let time = time(of: Revision(slot(first).revision)) else { return false }
        return now > time && now - time > Int64(clamping: limits.span.nanoseconds)
    }

    private var mostTimes: Int { max(limits.mostChanges, 1_024) * 2 }

    /// Forgets the oldest change and gives it back, with which of its entities are not in the ring any more.
    func forgetFirst() -> (change: HistoryChange, freed: [UInt32]) {
        let slot = slot(first)
        let change = change(first)
        var freed: [UInt32] = []
        for entity in [slot.resource, RowEntry.entity(slot.entry)] where latest.base[Int(entity)] == first {
            latest.base[Int(entity)] = 0
            freed.append(entity)
        }
        traits[first] = nil
        sizes.remove(change)
        first += 1
        raise(to: Revision(slot.revision))
        return (change, freed)
    }

    /// Forgets revisions before the oldest change: nothing but time passed in them.
    func trimTimes(now: Int64) {
        let span = Int64(clamping: limits.span.nanoseconds)
        while times.count - timesStart > 1, count == 0 || slot(first).revision > oldest.rawValue,
            times.count - timesStart > mostTimes || isTooLarge
                || (now > times[timesStart] && now - times[timesStart] > span)
        {
            raise(to: Revision(oldest.rawValue + 1))
        }
    }

    private func raise(to revision: Revision) {
        while oldest < revision, times.count - timesStart > 1 {
            if let note = metadata.removeValue(forKey: oldest.rawValue) { sizes.remove(note: note) }
            timesStart += 1
            oldest = Revision(oldest.rawValue + 1)
        }
        if timesStart > 4_096, timesStart * 2 > times.count {
            times.removeFirst(timesStart)
            timesStart = 0
        }
        while schemas.count > 1, schemas[1].since <= oldest { sizes.remove(schema: schemas.removeFirst().linked) }
    }

    // MARK: Asking

    /// Whether an entity is in the ring and must keep its number.
    func holds(_ entity: UInt32) -> Bool { latest.base[Int(entity)] != 0 }

    /// The log's time at a revision; nil if it is not kept.
    func time(of revision: Revision) -> Int64? {
        guard revision >= oldest, revision <= newest else { return nil }
        return times[timesStart + Int(revision.rawValue - oldest.rawValue)]
    }

    /// The last revision whose time is not after `time`; nil if it is before the oldest.
    func revision(at time: Int64) -> Revision? {
        guard timesStart < times.count, times[timesStart] <= time else { return nil }
        var low = timesStart
        var high = times.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if times[middle] <= time { low = middle } else { high = middle }
        }
        return Revision(oldest.rawValue + UInt64(low - timesStart))
    }

    /// The schema in force at a revision.
    func schema(at revision: Revision) -> LinkedSchema? { schemas.last { $0.since <= revision }?.linked }

    /// Calls `body` with the changes of an entity after a revision, the last first.
    func walkBack(_ entity: UInt32, after revision: Revision, _ body: (HistoryChange) -> Void) {
        var number = latest.base[Int(entity)]
        while number >= first {
            let slot = slot(number)
            guard slot.revision > revision.rawValue else { return }
            body(change(number))
            number = slot.resource == entity ? slot.previousOfResource : slot.previousOfSubject
        }
    }

    /// The number of the first change after a revision.
    func firstChange(after revision: Revision) -> UInt64 {
        var low = first
        var high = end
        while low < high {
            let middle = low + (high - low) / 2
            if slot(middle).revision <= revision.rawValue { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// A change by its number.
    func change(_ number: UInt64) -> HistoryChange {
        let slot = slot(number)
        let traits = slot.hasTraits ? self.traits[number] : nil
        return HistoryChange(
            kind: slot.kind,
            revision: Revision(slot.revision),
            resource: slot.resource,
            entry: slot.entry,
            old: traits?.old ?? .none,
            new: traits?.new ?? .none
        )
    }

    /// What the writer of a revision said about it.
    func note(at revision: Revision) -> ContextObject { metadata[revision.rawValue] ?? .empty }

    /// The first replacement of the schema after a revision; nil if there is none.
    func firstSchema(after revision: Revision) -> (since: Revision, linked: LinkedSchema)? {
        schemas.first { $0.since > revision }
    }

    private func slot(_ number: UInt64) -> Slot { slots[Int(number % UInt64(limits.mostChanges))] }
}
