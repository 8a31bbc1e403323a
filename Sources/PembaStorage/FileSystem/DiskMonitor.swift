// Pemba: which call to the disk is outstanding, and since when.
// SPDX-License-Identifier: Apache-2.0

package import PembaCore
import Synchronization

/// Watches the calls of one thread to a disk, for another that has to notice that the disk hangs (rule W8).
package final class DiskMonitor: Sendable {
    private let clock: @Sendable () -> Instant
    private let faults: DiskFaults?
    /// When the call that is outstanding began, in nanoseconds; 0: none is.
    private let begun = Atomic<UInt64>(0)

    /// Watches with this clock; `faults` makes a healthy disk behave like a sick one, for tests.
    package init(clock: @escaping @Sendable () -> Instant, faults: DiskFaults? = nil) {
        self.clock = clock
        self.faults = faults
    }

    /// When the call that is outstanding began; nil: none is.
    package var waitingSince: Instant? {
        let begun = begun.load(ordering: .relaxed)
        return begun == 0 ? nil : Instant(nanoseconds: begun)
    }

    /// Bytes that are free, if a test says so.
    var pretendedFreeBytes: Int? { faults?.freeBytes }

    /// Makes one call.
    func watch<Value>(_ call: () -> Value) -> Value {
        begun.store(clock().nanoseconds, ordering: .relaxed)
        defer { begun.store(0, ordering: .relaxed) }
        faults?.pass()
        return call()
    }
}

/// What a test makes a disk do.
package final class DiskFaults: Sendable {
    private struct State {
        var isHung = false
        var freeBytes: Int?
    }

    private let state = Mutex(State())

    package init() {}

    /// Whether calls that write or sync come to no end.
    package var isHung: Bool {
        get { state.withLock { $0.isHung } }
        set { state.withLock { $0.isHung = newValue } }
    }

    /// How many bytes the disk claims to have free; nil: as many as it has.
    package var freeBytes: Int? {
        get { state.withLock { $0.freeBytes } }
        set { state.withLock { $0.freeBytes = newValue } }
    }

    /// Returns when the disk does not hang.
    func pass() {
        while isHung { POSIXFileSystem.pause(microseconds: 1_000) }
    }
}
