// Pemba: writing many relationships.
// SPDX-License-Identifier: Apache-2.0

package import PembaClient
package import PembaCore
import PembaService

/// Touches many tuples in batches, a few of them in flight at a time, and shows how far it is.
package struct RelationshipImport {
    /// What an import did.
    package struct Report: Encodable {
        /// How many distinct relationships were written or were there already.
        package let relationships: Int
        /// The zookie after the last of them; nil if there was none.
        package let zookie: String?
        /// How long it took.
        package let seconds: Double

        /// One line for people.
        package var text: String {
            let rate = seconds > 0 ? Int(Double(relationships) / seconds) : relationships
            let time = (seconds * 100).rounded() / 100
            return
                "\(relationships) relationships imported in \(time) s (\(rate)/s)\(zookie.map { "; zookie \($0)" } ?? "")\n"
        }
    }

    /// Batches in flight at a time: enough to keep the leader's disk busy, few enough to be polite.
    private static let batchesInFlight = 8

    private let client: PembaClient
    private let tuples: [RelationTuple]

    package init(client: PembaClient, tuples: [RelationTuple]) {
        self.client = client
        self.tuples = tuples
    }

    /// Imports everything; an error says which batch failed and what was written before it.
    package func run() async throws -> Report {
        // A file may name a relationship twice; one write may not.
        var seen: Set<RelationTuple> = []
        let distinct = tuples.filter { seen.insert($0).inserted }
        let start = ContinuousClock.now
        var progress = Progress("importing", total: distinct.count)
        var done = 0
        var latest: Zookie?
        try await withThrowingTaskGroup(of: (Int, Zookie).self) { group in
            var next = 0
            func startBatch() {
                guard next < distinct.count else { return }
                let batch = Array(distinct[next..<min(next + Limits.updatesPerWrite, distinct.count)])
                next += batch.count
                group.addTask { [client] in
                    (batch.count, try await client.write(WriteRequest(updates: batch.map { TupleUpdate(.touch, $0) })))
                }
            }
            for _ in 0..<RelationshipImport.batchesInFlight { startBatch() }
            while let (count, zookie) = try await group.next() {
                done += count
                if zookie.revision > latest?.revision ?? .zero { latest = zookie }
                progress.update(done)
                startBatch()
            }
        }
        progress.finish(done)
        let elapsed = (ContinuousClock.now - start).components
        let seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
        return Report(relationships: done, zookie: latest?.description, seconds: seconds)
    }
}
