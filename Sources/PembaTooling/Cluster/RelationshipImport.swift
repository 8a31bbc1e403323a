// Pemba: importing files of relationships.
// SPDX-License-Identifier: Apache-2.0

package import PembaClient
import PembaCore
package import PembaService

/// Imports a file of relationships, many requests in flight at a time, and shows how far it is.
package struct RelationshipImport {
    /// What an import did.
    package struct Report: Encodable, Sendable {
        /// How many relationships of the file are imported.
        package let relationships: Int
        /// How many of them were not there before.
        package let created: UInt64
        /// How many were.
        package let existing: UInt64
        /// The zookie after the last of them; nil if there was nothing to import.
        package let zookie: String?
        /// How long it took.
        package let seconds: Double
        /// How many were imported in that time: without those of a run before.
        private let imported: Int

        private enum CodingKeys: CodingKey {
            case relationships
            case created
            case existing
            case zookie
            case seconds
        }

        package init(_ summary: ImportSummary, after previous: ImportProgress?, elapsed: Duration) {
            relationships = summary.done + (previous?.relationships ?? 0)
            created = summary.created + (previous?.created ?? 0)
            // What was done before a break and not known to be is done again, and exists then.
            let others = UInt64(relationships) - min(created, UInt64(relationships))
            existing = min(summary.existing + (previous?.existing ?? 0), others)
            zookie = summary.zookie?.description
            seconds = elapsed / .seconds(1)
            imported = summary.done
        }

        /// One line for people.
        package var text: String {
            let rate = seconds > 0 ? Int(Double(imported) / seconds) : imported
            let time = (seconds * 100).rounded() / 100
            let kinds = existing > 0 ? " (\(created) new, \(existing) existing)" : ""
            return "\(relationships) relationships imported\(kinds) in \(time) s (\(rate)/s)"
                + (zookie.map { "; zookie \($0)" } ?? "") + "\n"
        }
    }

    /// How often the progress is written.
    private static let progressInterval = Duration.seconds(1)

    private let client: PembaClient
    private let mode: ImportRequest.Mode
    private let requestsInFlight: Int
    /// The file that keeps the progress; nil for none.
    private let progressFile: String?

    package init(
        client: PembaClient,
        mode: ImportRequest.Mode,
        requestsInFlight: Int = 8,
        progressFile: String? = nil
    ) {
        self.client = client
        self.mode = mode
        self.requestsInFlight = requestsInFlight
        self.progressFile = progressFile
    }

    /// Imports a text; an error says what went wrong, on which line, and how far it came.
    package func run(_ text: RelationshipText) async throws -> Report {
        let reader = RelationshipReader(text)
        let previous = try progressFile.flatMap { path throws(ToolError) in try ImportProgress.read(path) }
        try previous?.skip(in: reader, file: text.name)
        // A place that cannot be written is known before anything is.
        if let progressFile {
            try (previous ?? ImportProgress(relationships: 0, last: "", created: 0, existing: 0)).write(
                to: progressFile
            )
        }
        let before = previous?.relationships ?? 0
        var display = Progress("importing", total: text.tupleCount - before)
        var keeper = progressFile.map { Keeper(path: $0, previous: previous, text: text) }
        let start = ContinuousClock.now
        let result: Result<ImportSummary, ImportError>
        do {
            let summary = try await client.importTuples(reader, mode: mode, requestsInFlight: requestsInFlight) {
                display.update($0.done)
                keeper?.note($0)
            }
            result = .success(summary)
        } catch {
            result = .failure(error)
        }
        let elapsed = ContinuousClock.now - start
        let summary = result.summary
        display.finish(summary.done)
        let isDone = reader.error == nil && (try? result.get()) != nil
        try isDone ? keeper?.remove() : keeper?.write(summary)
        let advice = advice(before + summary.done)
        if case .failure(let error) = result, Interruption.isCause(of: error.cause) { throw Interruption(advice) }
        if let failure = broken(reader, result, text, after: before) { throw ToolError("\(failure); \(advice)") }
        return Report(summary, after: previous, elapsed: elapsed)
    }

    private func broken(
        _ reader: RelationshipReader,
        _ result: Result<ImportSummary, ImportError>,
        _ text: RelationshipText,
        after before: Int
    ) -> String? {
        guard case .failure(let error) = result else { return reader.error?.description }
        guard let place = error.position.flatMap({ text.place(ofTupleAfter: before + $0) }) else {
            return error.cause.description
        }
        return "\(place): \(error.cause)"
    }

    private func advice(_ done: Int) -> String {
        let part = "the first \(done) relationships are imported"
        guard let progressFile else {
            guard mode == .fail else {
                return "\(part); the same command goes on, and importing them again changes nothing"
            }
            return "\(part); --mode skip leaves them alone and goes on"
        }
        return "\(part), and the same command goes on after them (\(progressFile))"
    }

    /// Writes the progress now and then.
    private struct Keeper {
        let path: String
        let previous: ImportProgress?
        /// Reads behind the import, for the text of the last relationship.
        private let reader: RelationshipReader
        private var noted: ImportProgress?
        private var lastWrite = ContinuousClock.now

        init(path: String, previous: ImportProgress?, text: RelationshipText) {
            self.path = path
            self.previous = previous
            reader = RelationshipReader(text)
            if let previous { _ = reader.skip(previous.relationships) }
        }

        /// Takes note of how far the import is, and writes it if the last time was long ago.
        mutating func note(_ summary: ImportSummary) {
            guard ContinuousClock.now - lastWrite > RelationshipImport.progressInterval else { return }
            // If it cannot be written, the last writing says so.
            try? write(summary)
        }

        /// Writes how far the import is.
        mutating func write(_ summary: ImportSummary) throws(ToolError) {
            let already = noted?.relationships ?? previous?.relationships ?? 0
            let done = summary.done + (previous?.relationships ?? 0)
            guard done > already else { return }
            let last = reader.skip(done - already) ?? ""
            let progress = ImportProgress(
                relationships: done,
                last: last,
                created: summary.created + (previous?.created ?? 0),
                existing: summary.existing + (previous?.existing ?? 0)
            )
            noted = progress
            lastWrite = .now
            try progress.write(to: path)
        }

        /// Everything is imported.
        func remove() throws(ToolError) { try TextFile.remove(path) }
    }
}

extension Result<ImportSummary, ImportError> {
    /// What was done, whether all of it or not.
    fileprivate var summary: ImportSummary {
        switch self {
        case .success(let summary): summary
        case .failure(let error): error.summary
        }
    }
}
