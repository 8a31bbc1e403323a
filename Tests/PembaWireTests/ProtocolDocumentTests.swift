// Pemba: tests that docs/protocol.md says what the code does.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import PembaCore
import PembaService
import PembaTestSupport
import PembaWire
import Testing

/// The document, taken apart.
struct ProtocolDocument {
    /// The bytes of the blocks marked `hex NAME`.
    let blocks: [(name: String, bytes: [UInt8])]
    /// The cells of every row of every table.
    let rows: [[String]]

    init() throws {
        let file = Conformance.repository.appendingPathComponent("docs/protocol.md")
        var blocks: [(name: String, bytes: [UInt8])] = []
        var rows: [[String]] = []
        var isInBlock = false
        for line in try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n") {
            if line.hasPrefix("```hex ") {
                blocks.append((String(line.dropFirst(7)), []))
                isInBlock = true
            } else if line.hasPrefix("```") {
                isInBlock = false
            } else if isInBlock {
                let code = line.prefix { $0 != "#" }
                blocks[blocks.count - 1].bytes += code.split(separator: " ").compactMap { UInt8($0, radix: 16) }
            } else if line.hasPrefix("| ") {
                rows.append(
                    line.dropFirst().dropLast().components(separatedBy: "|")
                        .map { $0.trimmingCharacters(in: .whitespaces) }
                )
            }
        }
        self.blocks = blocks
        self.rows = rows
    }
}

@Suite("The protocol document") struct ProtocolDocumentTests {
    let document: ProtocolDocument

    init() throws { document = try ProtocolDocument() }

    @Test("the example of every message is what the encoder writes", arguments: Samples.all)
    func golden(_ sample: Sample) throws {
        let block = try #require(document.blocks.first { $0.name == sample.name }, "no block `hex \(sample.name)`")
        #expect(block.bytes == sample.bytes)
    }

    @Test("the document shows nothing else") func noStrayBlocks() {
        let known = Samples.all.map(\.name) + ["compressed"]
        #expect(document.blocks.map(\.name).filter { !known.contains($0) } == [])
    }

    @Test("the compressed example decompresses to the schema that it says") func compressed() throws {
        let bytes = try #require(document.blocks.first { $0.name == "compressed" }).bytes
        let header = try bytes.withUnsafeBytes { try FrameHeader(decoding: $0) }
        #expect(header.flags == .compressed)
        #expect(header.type == .writeSchema)
        #expect(Int(header.payloadLength) == bytes.count - FrameHeader.size)
        var raw: [UInt8] = []
        try bytes.withUnsafeBytes { frame in
            let payload = UnsafeRawBufferPointer(rebasing: frame[FrameHeader.size...])
            try FrameCompression.decompress(payload, limit: Limits.framePayloadBytes, into: &raw)
        }
        let timed = try raw.withUnsafeBytes { try WriteSchemaRequest.decode($0) }
        #expect(timed.deadlineMilliseconds == 1_000)
        #expect(timed.request.source == String(repeating: "a", count: 49))
    }

    @Test("the table of types has every type with its number and role") func types() {
        let rows = document.rows.filter { $0.count == 4 && UInt8($0[0]) != nil }
        let expected = FrameType.allCases.map { type in
            [String(type.rawValue), "\(type)", type.requiredRole.map(\.description) ?? "–"]
        }
        #expect(rows.map { [$0[0], $0[1], $0[3]] } == expected)
        for type in FrameType.allCases where type.isRequest {
            #expect(type.answer.map { "\($0)" } == "\(type)Answer")
        }
    }

    @Test("the table of errors has every code with what it means for the caller") func errors() {
        let rows = document.rows.filter { $0.count == 5 && UInt16($0[0]) != nil }
        let expected = ErrorCode.allCases.map { code in
            [
                String(code.rawValue), "\(code)", String(code.retry.rawValue),
                code.outcomeIsKnown ? "yes" : "not certain",
            ]
        }
        #expect(rows.map { Array($0[..<4]) } == expected)
    }

    @Test("the table of limits has the limits of the code") func limits() {
        let expected: [(String, Int)] = [
            ("frame payload", Limits.framePayloadBytes), ("frame payload between nodes", PeerLimits.framePayloadBytes),
            ("object id", Limits.objectIDBytes), ("definition name", Limits.definitionNameBytes),
            ("relation name", Limits.relationNameBytes), ("schema", Limits.schemaBytes),
            ("checks in a bulk check", Limits.checksPerBulk), ("updates in a write", Limits.updatesPerWrite),
            ("preconditions in a write", Limits.preconditionsPerWrite), ("tuples in a page", Limits.tuplesPerReadPage),
            ("caveat name", Limits.caveatNameBytes), ("context of a tuple", Limits.storedContextBytes),
            ("context of a request", Limits.requestContextBytes), ("metadata of a write", Limits.metadataBytes),
            ("lists and objects inside each other in a context", Limits.contextDepth),
            ("contextual tuples of a request", Limits.contextualTuples),
            ("how far ahead a moment may lie that is asked about", Int(Limits.clockSkew.nanoseconds / 1_000_000)),
            ("tuples in a deletion", Limits.tuplesPerDelete), ("tuples in an import", Limits.tuplesPerImport),
            ("tuples and objects that the filters of one write look at", Limits.commandVisits),
            ("permissions, or kinds of subjects, in a lookup", Limits.permissionsPerLookup),
            ("candidates of a lookup", Limits.lookupCandidates),
            ("results of a call of a lookup", Limits.lookupResults),
            ("steps of an explanation, nodes of an expansion", Limits.explanationNodes),
            ("levels of an explanation or expansion", Limits.explanationDepth),
            ("suggestions of an explanation", Limits.suggestions),
            ("conditions of an explanation", Limits.explanationConditions),
            ("expression of a condition in an explanation", Limits.explanationExpressionBytes),
            ("filters of a watch", Limits.watchFilters),
            ("changes or tuples in an event", WatchEvent.listMax), ("window", StreamLimits.window),
            ("part of a streamed answer", StreamLimits.partBytes),
            ("missing context of an answer", Decision.missingMax),
            ("name of a missing context", Decision.missingBytes),
            ("sessions", Limits.clientSessions), ("answers kept in a session", Limits.answersPerSession),
        ]
        for (name, value) in expected {
            let row = document.rows.first { $0.count == 2 && $0[0] == name }
            #expect(row?[1].split(separator: " ").first.map(String.init) == String(value), "\(name)")
        }
    }

    @Test("whatever the limits allow fits a frame") func limitsFit() {
        let key = 2 * (Limits.definitionNameBytes + Limits.objectIDBytes + Limits.relationNameBytes) + 12
        let tuple = key + 1 + 2 + Limits.caveatNameBytes + 3 + Limits.storedContextBytes + 16
        #expect(ReadAnswer.tupleBytes + OpaqueCursor.encodedBytes + Zookie.encodedSize + 2 < Limits.framePayloadBytes)
        #expect(tuple < ReadAnswer.tupleBytes)
        #expect(key + Zookie.encodedSize + 11 <= OpaqueCursor.encodedBytes)
        #expect(
            Limits.checksPerBulk * (ErrorFrame.itemTextBytes + 8) + BulkCheckAnswerWriter.missingContextBytes
                < Limits.framePayloadBytes
        )
        let entry = Limits.relationNameBytes + 4
        #expect(Limits.relationsPerDefinition * entry < Limits.framePayloadBytes)
        #expect(Limits.metadataBytes + 64 < StreamLimits.partBytes)
        #expect(ErrorFrame.detailsMax * (ErrorFrame.textBytes + ErrorFrame.nameBytes + 4) < Limits.framePayloadBytes)
        #expect(Limits.schemaBytes + 64 < Limits.framePayloadBytes)
        #expect(Limits.entryPayloadBytes + 1_024 < PeerLimits.framePayloadBytes)
    }
}
